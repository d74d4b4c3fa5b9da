"""The material of a study: the explanations of students, read from their run folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.rows import read_rows
from distillrun.report.run.values import Values, mapping, sequence
from distillrun.report.sweep.reading import read_sweeps
from distillrun.text.display import plain


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
    """The explanations of students.

    Attributes:
        students: by name, each with what it explained, by the question's id.
        left_out: of each student, how many answers cannot be rated, since the rationale is blank or no choice was read.
    """

    students: dict[str, dict[str, Explained]]
    left_out: dict[str, int]

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
        ConfigError: a folder holds no run, two have one name, the runs are of different tasks or different questions, a
            student explains nothing, or fewer than two students are left.
    """
    named = [_named(run) for run in runs]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two runs are called {twice!r}; give them names, as in first=FOLDER second=FOLDER")
    if len(named) < 2:
        raise ConfigError("a study compares students; name two runs or more")
    read_sweeps([folder for _, folder in named])  # refuses folders that hold no run, and different tasks
    students, left_out = {}, {}
    for name, folder in named:
        students[name], left_out[name] = _explained(name, folder)
    _same_questions(students)
    return Source(students, left_out)


def _named(run: str) -> tuple[str, Path]:
    name, equals, folder = run.partition("=")
    if equals and not Path(run).exists():
        return name, Path(folder)
    return Path(run).name, Path(run)


def _explained(name: str, folder: Path) -> tuple[dict[str, Explained], int]:
    """Return what the student of a run explained, by question, and how many answers cannot be rated.

    Where there are several scoring rules, those of the first one count under which the student explains at all: an
    explanation belongs to the answer that it was read with.
    """
    file = folder / "predictions.jsonl"
    if not file.is_file():
        raise ConfigError(f"{folder} has no predictions.jsonl; name the folder of a run that was evaluated")
    rules: dict[str, dict[str, Explained | None]] = {}
    where = ""
    for row in read_rows(file):
        where = where or row.where
        values = mapping(row.values)
        rules.setdefault(str(values.get("evaluator")), {})[str(values.get("id"))] = _told(values)
    for answers in rules.values():
        found = {question: one for question, one in answers.items() if one is not None}
        if found:
            return found, len(answers) - len(found)
    raise ConfigError(
        f"{name} explained no answer, so there is nothing to rate: no row from {where or file} on has both a rationale "
        "and a choice that could be read; choose an objective that explains, and evaluation=[generated_answer] with "
        "explain=true"
    )


def _told(values: Values) -> Explained | None:
    """Return one answer with its explanation; None where either is missing."""
    choice, choices = values.get("choice"), tuple(plain(str(text)) for text in sequence(values.get("choices")))
    explanation = plain(str(values.get("rationale") or "")).strip()
    if not explanation or not isinstance(choice, int) or not 0 <= choice < len(choices):
        return None
    question = plain(str(values.get("question") or "")).strip()
    return Explained(question, choices, choices[choice], explanation, values.get("right") is True)


def _same_questions(students: Mapping[str, Mapping[str, Explained]]) -> None:
    """Refuse students who were asked something else under the same id: raters would compare different things."""
    (first, known), *others = students.items()
    for other, answers in others:
        for name in (one for one in known if one in answers):
            one, two = known[name], answers[name]
            if (one.question, one.choices) != (two.question, two.choices):
                raise ConfigError(
                    f"{first} and {other} were asked different questions as {name}: {one.question[:80]!r} and "
                    f"{two.question[:80]!r}, or other choices; compare runs on the same data"
                )
