"""Keys that are in the environment, and used, are found in no byte of any folder, output or process title."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loopback import Answer, Loopback, Seen, written
from tests.security.test_keys import processes

CANARIES = {
    name: f"c4n4ry-{number}-{name.lower()}-0123456789"
    for number, name in enumerate(
        ("OPENAI_API_KEY", "WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
    )
}
SMALL = ("until=generate", "generation=zero_shot_rationale", "task.limit=4", "runtime.progress=never", "teacher=api")


def echoing(seen: Seen) -> Answer:
    """Answer with the key that was sent, as a careless server does."""
    return Answer(written(f"Water is where fish live, and {seen.headers.get('authorization')} says so."))


def run(folder: Path, *words: str) -> str:
    """Run a command to its end with all canaries in the environment; return what it said and all titles seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    line = [sys.executable, "-m", "distillrun", *words]
    titles: set[str] = set()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(line, cwd=folder, env={**kept, **CANARIES}, stdout=output, stderr=output)
        while True:
            titles |= {title for _, title in processes()}
            try:
                process.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                continue
    said = (folder / "output").read_text(encoding="utf-8")
    assert process.returncode == 0, said
    return "\n".join((said, *titles))


@pytest.mark.usefixtures("forked_jobs")
@pytest.mark.parametrize(
    "words",
    [
        ("-m", "tracking=wandb", "tracking.log_texts=true"),
        ("-m", "tracking=mlflow", "hydra/launcher=joblib"),
        ("tracking=mlflow", "tracking.uri=null"),
    ],
    ids=["wandb sweep", "mlflow sweep", "mlflow by the environment"],
)
def test_a_key_that_is_used_is_left_nowhere(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    with Loopback(echoing) as server:
        told = run(tmp_path, *SMALL, f"teacher.base_url={server.url}", "teacher.model=m", *words)
        sent = {seen.headers.get("authorization") for seen in server.asked}
    assert sent == {f"Bearer {CANARIES['OPENAI_API_KEY']}"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert any(b"Water is where fish live" in path.read_bytes() for path in files)
    for name, canary in CANARIES.items():
        assert canary not in told, name
        assert [path for path in files if canary.encode() in path.read_bytes() or canary in str(path)] == [], name
