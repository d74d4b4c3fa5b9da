"""One question to a trained student, and its answer."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from omegaconf import DictConfig

from distillrun.config.build import build
from distillrun.config.compose import literal
from distillrun.config.settings import Config, resolve
from distillrun.errors import ConfigError
from distillrun.evaluation.choice_likelihood import ChoiceLikelihood
from distillrun.evaluation.generated_answer import GeneratedAnswer
from distillrun.evaluation.label_sets import LabelSets
from distillrun.evaluation.multi_label import HALF
from distillrun.evaluation.shared.confidence import answer_shares
from distillrun.evaluation.shared.scope import ScopeScore, scope_scores
from distillrun.files.inside import read_text
from distillrun.files.strict_json import strict_json
from distillrun.interfaces import ChoiceModel, FreeFormTask, LabelTask, Scorer, Student, StudentObjective, Task
from distillrun.records import Answer, Example, Json, LongText, Prediction, TargetPair, first_alike, place

MOST_SCORED = 26
"""Choices of a question that a student which writes is asked to score one by one."""

THRESHOLDS = "measures/multi_label.jsonl"

WRITTEN = frozenset({"generated_answer", "self_consistency"})
"""The rules that read an answer out of what a student writes."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The score of a text, and the threshold below which it is out of scope."""

    kind: ScopeScore
    threshold: float


@dataclass(frozen=True)
class TrainedStudent:
    """The student of a run, loaded.

    Attributes:
        model: its weights.
        task, objective: decide what it is shown, and how its answer is read.
        writes: whether it answers with a text, as its run scored it; otherwise with the likeliest choice.
        tokens_per_batch: at most, of what it reads at once.
        temperature: fitted on dev, where the run's calibration did; confidences are taken at it.
        thresholds: of labels, fitted on dev, where a text may have several of them; one half of those without.
        scope: the gate that the run fitted; None = it has none.
        long_texts: says which texts it does not read whole, see `Student`.
    """

    model: ChoiceModel
    task: Task
    objective: StudentObjective
    writes: bool
    tokens_per_batch: int
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    scope: Gate | None = None
    long_texts: Callable[[Iterable[TargetPair]], Sequence[LongText]] = field(default=lambda pairs: ())

    def predict(
        self, question: str, choices: Sequence[str] = (), answer_tokens: int = 32, explanation_tokens: int = 128
    ) -> Prediction:
        """Return what the student answers, and how it explains it.

        Args:
            question: as a person would ask it, without the choices.
            choices: two or more; none where the answers of the run's task are in free form.
            answer_tokens, explanation_tokens: most new tokens of either.

        Returns:
            `choice`, the place of its answer in `choices`, or a `FreeAnswer` where there are none, or None where no
            answer can be read; its `rationale`, empty where it gives none; and `text`, all that it wrote.

        Raises:
            ConfigError: there are fewer than two choices, or more than there are letters, or some in free form.
        """
        self.check_choices(choices)
        if not self.writes and isinstance(self.task, LabelTask) and tuple(choices) != self.task.labels():
            raise ConfigError(
                f"this student answers with one of its {len(self.task.labels())} labels; leave out --choices"
            )
        asking: Scorer = ChoiceLikelihood(explanation_tokens, prior=False)
        if self.writes:
            asking = GeneratedAnswer(answer_tokens, explanation_tokens, explain=True)
        example = Example("question", question, tuple(choices), None)
        return asking.predict(self.model, self.objective, [example], self.task, self.tokens_per_batch)[0]

    def label_sets(self, examples: Sequence[Example]) -> list[list[tuple[str, float]]]:
        """Return the labels of each text whose probability reaches their threshold, with it, the likeliest first."""
        asked = (self.model, self.objective, examples, self.task, self.tokens_per_batch)
        found = []
        for example, made in zip(examples, LabelSets().predict(*asked), strict=True):
            pairs = zip(example.choices, map(math.exp, made.choice_log_probs or ()), strict=True)
            own = [(name, sure) for name, sure in pairs if sure >= self.thresholds.get(name, HALF)]
            found.append(sorted(own, key=lambda one: -one[1]))
        return found

    def out_of_scope(self, examples: Sequence[Example]) -> list[bool]:
        """Return whether each text has none of the labels, by the gate that the run fitted."""
        if self.scope is None:
            raise ValueError("the run fitted no gate; choose evaluation=[...,out_of_scope]")
        asked = (self.model, self.objective, self.task, examples, self.tokens_per_batch)
        return [value < self.scope.threshold for value in scope_scores(self.scope.kind, *asked)]

    def check_choices(self, choices: Sequence[str]) -> None:
        """Refuse what are no choices, and any where answers are in free form. Raises ConfigError."""
        if not isinstance(self.task, FreeFormTask):
            check_choices(choices)
        elif choices:
            raise ConfigError("this student answers in free form: its questions have no choices; name none")

    def answers(self, examples: Sequence[Example], answer_tokens: int = 32) -> list[tuple[Answer | None, float | None]]:
        """Return what answers each question, and the probability that the student gives it.

        A student that writes answers with its text. There is no probability of what is unparsed, nor of one of more
        choices than letters, each of which would have to be read.
        """
        asked = (self.model, self.objective, examples, self.task, self.tokens_per_batch)
        most = max(len(example.choices) for example in examples)
        few = most > 0 and (not self.writes or most <= MOST_SCORED)
        scored = ChoiceLikelihood(answer_tokens, prior=False).predict(*asked) if few else None
        said = GeneratedAnswer(answer_tokens, answer_tokens, explain=False).predict(*asked) if self.writes else scored
        found: list[tuple[Answer | None, float | None]] = []
        for n, example in enumerate(examples):
            choice, sure = said[n].choice if said else None, None
            if scored is not None and choice is not None:
                sure = answer_shares(scored[n], example, self.temperature)[first_alike(example, place(choice))]
            found.append((choice, sure))
        return found


def load_student(run_folder: Path, allowed: Sequence[str] = ()) -> TrainedStudent:
    """Return the student of a run.

    Args:
        run_folder: of a run that trained one.
        allowed: module prefixes of the user's own classes that the run was made with.

    Raises:
        ConfigError: the folder holds no trained student.
    """
    if not (run_folder / "config.yaml").is_file() or not (run_folder / "student").is_dir():
        raise ConfigError(f"{run_folder} holds no trained student; give the folder of a finished run (its last line)")
    config = read_config(run_folder)
    task: Task = build(config.task, "task", allowed)
    objective: StudentObjective = build(config.objective, "objective", allowed)
    student: Student = build(config.student, "student", allowed)
    model = student.load(run_folder / "student")
    tokens, temperature = config.runtime.tokens_per_batch, _temperature(run_folder)
    writes = student.writes and not ("choice_likelihood" in config.evaluators and WRITTEN.isdisjoint(config.evaluators))
    thresholds, gate = _thresholds(run_folder), _gate(run_folder, config)
    saved = {"checkpoint": str(run_folder / "student")} if "checkpoint" in config.student else {}
    reads: Student = build({**config.student, **saved}, "student", allowed)
    return TrainedStudent(
        model, task, objective, writes, tokens, temperature, thresholds, gate, long_texts=reads.long_texts
    )


def read_config(run_folder: Path, selected: dict[str, Json] | None = None) -> Config:
    """Return the settings of a run.

    Args:
        run_folder: with its config.yaml.
        selected: the option of each group, which that file does not name.

    Raises:
        ConfigError: the file is malformed, or holds what is not a setting.
    """
    return resolve(DictConfig(_literal(_settings(run_folder / "config.yaml"))), selected)


def check_choices(choices: Sequence[str]) -> None:
    """Refuse what is not a choice. Raises ConfigError."""
    if isinstance(choices, str) or len(choices) < 2:
        told = choices if isinstance(choices, str) else " ".join(map(repr, choices))
        raise ConfigError(f"choices {told}: a question has two or more choices")


def _temperature(run_folder: Path) -> float:
    """Return the temperature that the run's calibration fitted on dev; 1 where it did not."""
    value = _score(run_folder, "test/temperature")
    return value if value is not None and value > 0 else 1.0


def _gate(run_folder: Path, config: Config) -> Gate | None:
    """Return the gate that the run fitted on dev; None where it did not."""
    threshold, own = _score(run_folder, "test/scope_threshold"), config.evaluators.get("out_of_scope")
    given = own.get("score") if isinstance(own, dict) else None
    kind = next((one for one in get_args(ScopeScore) if one == given), None)
    return None if threshold is None or kind is None else Gate(kind, threshold)


def _score(run_folder: Path, name: str) -> float | None:
    """Return the value of a score of a run; None where it has none."""
    try:
        return float(strict_json(read_text(run_folder, "result.json"))["scores"][name]["value"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _thresholds(run_folder: Path) -> dict[str, float]:
    """Return the thresholds of labels that the run fitted on dev; empty where it did not."""
    try:
        rows = [strict_json(line) for line in read_text(run_folder, THRESHOLDS).splitlines()]
        return {str(row["label"]): float(row["threshold"]) for row in rows}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _settings(file: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(read_text(file.parent, file.name))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{file} holds no settings; give the folder of a finished run")
    return settings


def _literal(value: Any) -> Any:
    """Return settings whose texts mean themselves: they were resolved when the run began."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return literal(value) if isinstance(value, str) else value
