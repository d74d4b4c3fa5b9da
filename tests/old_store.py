"""The runs whose results lie in the stores that older commits made; run as a program, it makes such a store here."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

GROUPS = {"scored": ("scored_runs",), "white_box": ("scored_runs", "white_box_runs"), "generated": ()}


DATA = Path(__file__).parent / "data"


def runs_in(commit: str) -> dict[str, list[str]]:
    """Return the words of the command line of every run whose results a committed store holds."""
    return runs_of(DATA / f"store_{commit}" / "runs.yaml")


def opened(commit: str, folder: Path) -> Path:
    """Return a folder into which a committed store is unpacked."""
    with tarfile.open(DATA / f"store_{commit}" / "store.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def runs_of(file: Path) -> dict[str, list[str]]:
    """Return the words of the command line of every run in a runs.yaml, by its name."""
    listed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        name: [*listed["every_run"], *(word for key in shared for word in listed[key]), *words]
        for group, shared in GROUPS.items()
        for name, words in listed[group].items()
    }


def make(words: list[str], folder: Path) -> None:
    """Make one run into a folder, its stages into the store artifacts/."""
    from distillrun.config.compose import config_of
    from distillrun.pipeline.experiment import prepare
    from distillrun.pipeline.run import run

    folder.mkdir(parents=True)
    run(prepare(config_of([*words, "paths.store=artifacts"])), folder)


def sweeps_of(file: Path) -> dict[str, list[str]]:
    """Return the words of the command line of every sweep in a runs.yaml, by the name of its folder."""
    listed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: [*listed["every_run"], *words] for name, words in listed.get("sweeps", {}).items()}


def sweep(words: list[str], folder: Path) -> None:
    """Make one sweep into a folder, and leave out what its jobs link to."""
    command = [sys.executable, "-m", "distillrun", "-m", *words, "paths.store=artifacts", f"hydra.sweep.dir={folder}"]
    subprocess.run(command, check=True)
    for link in [path for path in folder.rglob("*") if path.is_symlink()]:
        link.unlink()


if __name__ == "__main__":
    file = Path(sys.argv[1])
    listed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    make([*listed["every_run"], "objective=label_only", "training.seed=9", "until=train"], Path("runs/teacher"))
    shutil.copytree("runs/teacher/student", "teacher")
    shutil.rmtree("artifacts/train")
    for name, words in runs_of(file).items():
        print(f"== {name}", flush=True)  # noqa: T201
        make(words, Path("runs") / name)
    for name in listed.get("kept", []):
        shutil.copytree(Path("runs") / name, Path("run_folders") / name)
    for name, words in sweeps_of(file).items():
        sweep(words, Path("sweeps") / name)
