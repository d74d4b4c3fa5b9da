"""What students said, as their run folders hold it: the material of a study."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.records import Json
from distillrun.report.values import mapping, sequence
from distillrun.rows import read_rows
from distillrun.sweep_page.reading import read_sweeps


@dataclass(frozen=True, slots=True)
class Explained:
    """One answered and explained question of one student."""

    question: str
    choices: tuple[str, ...]
    answer: str
    explanation: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Students by name, each with what it explained, by the question's id."""

    students: dict[str, dict[str, Explained]]

    def shared(self, only_right: bool) -> list[str]:
        """Return the questions that all students answered and explained; with `only_right`, all of them rightly."""
        first, *others = self.students.values()
        return [
            name
            for name in first
            if all(name in other for other in others)
            and (not only_right or all(own[name].is_right for own in self.students.values()))
        ]


def read_source(runs: Sequence[str]) -> Source:
    """Return what the students of runs explained.

    Args:
        runs: folders, each as FOLDER or NAME=FOLDER, where the name is what the analysis calls the student.

    Raises:
        ConfigError: a folder holds no run, two have one name, the runs are of different tasks, a student explains
            nothing, or fewer than two students are left.
    """
    named = [_named(run) for run in runs]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two runs are called {twice!r}; name them, as in first=FOLDER second=FOLDER")
    if len(named) < 2:
        raise ConfigError("a study compares students; name two runs or more")
    read_sweeps([folder for _, folder in named])  # refuses folders that hold no run, and different tasks
    students = {name: _explained(folder) for name, folder in named}
    silent = [name for name, found in students.items() if not found]
    if silent:
        raise ConfigError(
            f"{', '.join(silent)} explained no answer, so there is nothing to rate; choose an objective that explains, "
            "and evaluation=[generated_answer] with explain=true"
        )
    return Source(students)


def _named(run: str) -> tuple[str, Path]:
    name, equals, folder = run.partition("=")
    if equals and not Path(run).exists():
        return name, Path(folder)
    return Path(run).name, Path(run)


def _explained(folder: Path) -> dict[str, Explained]:
    """Return the answered and explained questions of a run folder, under the first rule that reads texts."""
    file = folder / "predictions.jsonl"
    if not file.is_file():
        raise ConfigError(f"{folder} has no predictions.jsonl; name the folder of a run that was evaluated")
    found: dict[str, Explained] = {}
    for row in read_rows(file):
        values = mapping(row.values)
        choice, choices = values.get("choice"), [str(text) for text in sequence(values.get("choices"))]
        explanation = str(values.get("rationale") or "").strip()
        name = str(values.get("id"))
        if explanation and isinstance(choice, int) and 0 <= choice < len(choices) and name not in found:
            found[name] = Explained(
                _text(values.get("question")), tuple(choices), choices[choice], explanation, values.get("right") is True
            )
    return found


def _text(value: Json) -> str:
    return str(value or "").strip()
