"""The paper's data is laid out where scripts/paper and the tests look for it, and nothing else is written."""

import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "get_data"
GET: dict[str, Any] = runpy.run_path(str(SCRIPT), run_name="get_data")
FILES = list(GET["published"]())


def call(*words: str, proxy: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script as a user does, with no way into a network but the proxy."""
    environment = {"https_proxy": proxy or "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    line = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_every_file_has_a_place_of_its_own() -> None:
    assert len(FILES) == 123
    assert len({one.target for one in FILES}) == len(FILES)
    assert all(GET["RAW"].startswith("https://") and ".." not in one.target for one in FILES)
    assert {one.target.split("/")[0] for one in FILES} == {"cqa", "llama2-13b-outputs", "experiment.csv"}


def test_what_is_to_be_copied_is_said_where_there_is_no_network(tmp_path: Path) -> None:
    done = call("--out", str(tmp_path / "data"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "https://github.com/DanielHendriks/llm-distillation at commit c31e830" in done.stderr
    assert "llm_outputs/consolidated/cqa-llama-train  ->  llama2-13b-outputs/cqa-train" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.realdata
def test_a_clone_is_laid_out_as_the_tests_expect_it(shared_data: Path, tmp_path: Path) -> None:
    clone, out = tmp_path / "clone", tmp_path / "data"
    for one in FILES:
        (clone / one.source).parent.mkdir(parents=True, exist_ok=True)
        (clone / one.source).symlink_to(shared_data / one.target)
    assert "123 files written, 0 were there" in call("--from", str(clone), "--out", str(out)).stdout
    assert all((out / one.target).read_bytes() == (shared_data / one.target).read_bytes() for one in FILES)
    (out / "cqa/train.jsonl").write_text("cut off", encoding="utf-8")
    assert "1 files written, 122 were there" in call("--from", str(clone), "--out", str(out)).stdout


def test_other_data_is_refused_before_it_is_written(tmp_path: Path) -> None:
    source = tmp_path / "clone" / FILES[0].source
    source.parent.mkdir(parents=True)
    source.write_bytes(b"x" * FILES[0].size)
    done = call("--from", str(tmp_path / "clone"), "--out", str(tmp_path / "data"))
    assert done.returncode == 2
    assert f"{source} holds other data than was published" in done.stderr
    assert not (tmp_path / "data").exists()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        redirects = self.path == "/elsewhere"
        self.send_response(302 if redirects else 200)
        if redirects:
            self.send_header("Location", "/file")
        self.end_headers()
        if not redirects:
            self.wfile.write(b"0123456789" * 10_000)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_no_more_is_read_than_a_file_may_hold(server: str) -> None:
    assert len(GET["download"](f"{server}/file", 25)) == 26


def test_a_redirect_is_not_followed(server: str) -> None:
    with pytest.raises(GET["DataError"], match="cannot be fetched"):
        GET["download"](f"{server}/elsewhere", 25)
