"""Asking a trained student one question."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from distillrun.config.build import build
from distillrun.config.compose import literal
from distillrun.config.settings import resolve
from distillrun.errors import ConfigError
from distillrun.evaluation.choice_likelihood import ChoiceLikelihood
from distillrun.evaluation.generated_answer import GeneratedAnswer
from distillrun.interfaces import Scorer, Student, StudentObjective, Task
from distillrun.records import Example, Prediction


def predict(
    run_folder: Path,
    question: str,
    choices: Sequence[str],
    answer_tokens: int = 32,
    explanation_tokens: int = 128,
    allowed: Sequence[str] = (),
) -> Prediction:
    """Return what the student of a run answers, and how it explains it.

    Args:
        run_folder: of a run that trained a student.
        question: as a person would ask it.
        choices: two or more.
        answer_tokens, explanation_tokens: most new tokens of either.
        allowed: module prefixes of the user's own classes that the run was made with.

    Raises:
        ConfigError: the folder holds no trained student, or there are fewer than two choices.
    """
    if len(choices) < 2:
        raise ConfigError(f"--choices {' '.join(map(repr, choices))}: a question has two or more choices")
    file = run_folder / "config.yaml"
    if not file.is_file() or not (run_folder / "student").is_dir():
        raise ConfigError(f"{run_folder} holds no trained student; give the folder of a finished run (its last line)")
    config = resolve(DictConfig(_literal(_settings(file))))
    task: Task = build(config.task, "task", allowed)
    objective: StudentObjective = build(config.objective, "objective", allowed)
    student: Student = build(config.student, "student", allowed)
    example = Example("question", question, tuple(choices), None)
    asking: Scorer = ChoiceLikelihood(explanation_tokens, prior=False)
    if student.writes:
        asking = GeneratedAnswer(answer_tokens, explanation_tokens, explain=True)
    model = student.load(run_folder / "student")
    return asking.predict(model, objective, [example], task, config.runtime.tokens_per_batch)[0]


def _settings(file: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is malformed: {' '.join(str(error).split())}") from error
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
