"""`distillrun runs`: a row for each run and sweep, in the order that is asked for, and a page that leads to theirs."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from distillrun.cli import main
from distillrun.commands.runs import ORDERS as OFFERED
from distillrun.report.index.page import ORDERS


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def result(status: str, accuracy: float | None = None, **selected: str) -> dict[str, Any]:
    score = {"value": accuracy, "n": 10, "low": 0.0, "high": 1.0, "unit": "share"}
    words = [f"{group}={option}" for group, option in selected.items()]
    return {
        "status": status,
        "command": ["distillrun", *words, "training.seed=3"],
        "selected": {"task": "everyday", "student": "tiny_qwen", **selected},
        "scores": {} if accuracy is None else {"test/accuracy": score},
    }


@pytest.fixture
def several(place: Path) -> Path:
    """Two runs, a sweep that is done, one that was cut short, and what is neither."""
    write(place / "2026-01-02_03-04-05_low_aa" / "result.json", result("done", 0.25, objective="label_only"))
    write(place / "2026-01-02_03-04-05_low_aa" / "report.html", "page")
    write(place / "2026-03-02_03-04-05_bad_bb" / "result.json", result("failed", objective="taid"))
    for sweep, complete in (("2026-02-02_03-04-05_x_sweep_cc", True), ("2026-02-03_03-04-05_x_sweep_dd", False)):
        jobs = []
        for number, accuracy in enumerate((0.5, 0.75)):
            folder = place / sweep / f"00{number}_ee"
            job = {"number": number, "state": "done", "overrides": [f"training.seed={number}"]}
            write(folder / "job.json", job)
            write(folder / "result.json", result("done", accuracy, objective="multitask"))
            jobs.append(job)
        write(place / sweep / "command.json", ["objective=multitask", "training.seed=0,1"])
        write(place / sweep / "sweep.json", {"complete": complete, "jobs": jobs})
    write(place / "notes" / "todo.txt", "nothing of ours")
    write(place / "index.html", "old")
    return place


def listed(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["runs", "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capfd.readouterr().out)
    return found


def names(found: list[dict[str, Any]]) -> list[str]:
    return [Path(entry["folder"]).name.split("_", 2)[2] for entry in found]


def test_a_real_run_and_a_real_sweep_are_listed(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["until=load", "tracking=jsonl", "name=real"]) == 0
    capfd.readouterr()
    (found,) = listed(capfd)
    (folder,) = (path for path in place.iterdir() if path.is_dir())
    assert found == {
        "folder": f"runs/{folder.name}",
        "kind": "run",
        "status": "done",
        "started": folder.name[:10] + " " + folder.name[11:19].replace("-", ":"),
        "task": "everyday",
        "student": "tiny_qwen",
        "objective": "multitask",
        "jobs": 1,
        "done": 1,
        "score": None,
        "settings": "until=load tracking=jsonl name=real",
        "page": f"runs/{folder.name}/report.html",
    }
    assert (place / "index.html").is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["bad_bb", "x_sweep_dd", "x_sweep_cc", "low_aa"]),
        (["--reverse"], ["low_aa", "x_sweep_cc", "x_sweep_dd", "bad_bb"]),
        (["--sort", "score"], ["x_sweep_dd", "x_sweep_cc", "low_aa", "bad_bb"]),
        (["--sort", "objective"], ["low_aa", "x_sweep_dd", "x_sweep_cc", "bad_bb"]),
        (["--status", "done"], ["x_sweep_cc", "low_aa"]),
        (["--status", "not finished"], ["x_sweep_dd"]),
        (["TAID"], ["bad_bb"]),
        (["seed=3"], ["bad_bb", "low_aa"]),
        (["seed=0,1", "_cc"], ["x_sweep_cc"]),
        (["nothing of this"], []),
    ],
)
def test_entries_are_chosen_and_put_in_order(
    words: list[str], expected: list[str], several: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert names(listed(capfd, *words)) == expected


def test_a_sweep_has_its_jobs_and_the_range_of_their_scores(several: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (found,) = listed(capfd, "sweep_cc")
    assert (found["kind"], found["jobs"], found["done"]) == ("sweep", 2, 2)
    assert found["score"] == {"name": "test/accuracy", "best": 0.75, "worst": 0.5}
    assert found["settings"] == "objective=multitask training.seed=0,1"
    assert main(["runs"]) == 0
    told = capfd.readouterr().out
    assert "done, 2 of 2" in told
    assert "50.0 % to 75.0 %" in told
    assert told.endswith("2 runs and 2 sweeps\nindex: runs/index.html\n")


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["done", "done"], "done"),
        (["done", "running"], "running"),
        (["done", "killed"], "failed"),
        (["done", "refused"], "failed"),
        (["done", "interrupted"], "not finished"),
        (["budget spent"], "failed"),
        (["failed", "running"], "running"),
    ],
)
def test_the_status_of_a_sweep_is_that_of_its_jobs(
    states: list[str], status: str, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, state in enumerate(states):
        write(place / "s" / f"00{number}_ee" / "job.json", {"number": number, "state": state})
        write(place / "s" / f"00{number}_ee" / "result.json", result("done", 0.5))
    write(place / "s" / "sweep.json", {"complete": True, "jobs": []})
    assert [entry["status"] for entry in listed(capfd)] == [status]


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name == "href"]


def test_the_page_leads_to_the_pages_of_all_of_them(several: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "TAID"]) == 0  # what is chosen for the terminal leaves the page whole
    text = (several / "index.html").read_text(encoding="utf-8")
    assert all(folder.name in text for folder in several.iterdir() if "2026" in folder.name)
    (link,) = _Links(text).found
    assert (several / unquote(link)).read_text() == "page"
    assert f"]({link})" in (several / "index.md").read_text(encoding="utf-8")


NASTY = 'java"script:<b>&a lert(1)#?%41\x1b[31m'


def test_strangers_folders_are_data(place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "sk-" + "a1B2c3D4" * 6
    write(tmp_path / "outside" / "result.json", result("done", 0.5, objective="outside"))
    (place / "link").symlink_to(tmp_path / "outside")
    folder = place / NASTY
    write(folder / "report.html", "page")
    told = {**result("\x1b[2J<script>", objective="<img src=x>"), "command": ["distillrun", secret], "scores": [1]}
    write(folder / "result.json", told)
    write(place / "torn" / "result.json", '{"status": "do')
    write(place / "odd" / "job.json", [1])
    write(place / "deep" / "result.json", "[" * 5000)
    (place / "loop").mkdir()
    (place / "loop" / "result.json").symlink_to(tmp_path / "outside" / "result.json")
    assert main(["runs"]) == 0
    shown = capfd.readouterr().out
    page = (place / "index.html").read_text(encoding="utf-8")
    for text in (shown, page, (place / "index.md").read_text(encoding="utf-8")):
        assert "\x1b" not in text
        assert secret not in text
        assert "outside" not in text
    links = _Links(page)
    assert not {"script", "img", "b"} & links.tags
    (link,) = links.found
    assert link.startswith("./")
    assert (place / unquote(link)).read_text() == "page"
    assert secret not in json.dumps(listed(capfd))


def test_a_link_is_not_written_through(place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "mine.txt", "kept")
    (place / "index.html").symlink_to(tmp_path / "mine.txt")
    assert main(["runs"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert not (place / "index.html").is_symlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_listed_all_the_same(
    several: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    several.chmod(0o500)
    try:
        assert main(["runs"]) == 0
    finally:
        several.chmod(0o700)
    told = capfd.readouterr()
    assert "low_aa" in told.out
    assert "the index could not be written" in told.err


def test_what_is_not_there_is_named(several: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", "nowhere"]) == 2
    assert "--runs nowhere: there is no such folder" in capfd.readouterr().err
    assert main(["runs", "--status", "fialed"]) == 2
    assert "--status fialed: no run here has that status (did you mean 'failed'?)" in capfd.readouterr().err


def test_no_run_yet_is_no_error(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert listed(capfd) == []
    assert main(["runs"]) == 0
    assert "no run is in runs yet" in capfd.readouterr().out


def test_every_order_is_offered() -> None:
    assert [*ORDERS] == [*OFFERED]
