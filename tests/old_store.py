"""The runs whose results lie in a store that an older commit made; run as a program, it makes that store here."""

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

GROUPS = {"scored": ("scored_runs",), "white_box": ("scored_runs", "white_box_runs"), "generated": ()}


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
    from distillrun.run.experiment import prepare
    from distillrun.run.pipeline import run

    folder.mkdir(parents=True)
    run(prepare(config_of([*words, "paths.store=artifacts"])), folder)


if __name__ == "__main__":
    listed = Path(sys.argv[1])
    every_run: list[str] = yaml.safe_load(listed.read_text(encoding="utf-8"))["every_run"]
    make([*every_run, "objective=label_only", "training.seed=9", "until=train"], Path("runs/teacher"))
    shutil.copytree("runs/teacher/student", "teacher")
    shutil.rmtree("artifacts/train")
    for name, words in runs_of(listed).items():
        print(f"== {name}", flush=True)  # noqa: T201
        make(words, Path("runs") / name)
