"""The training data of a student."""

from collections.abc import Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError
from distillrun.interfaces import SelectiveObjective, StudentObjective
from distillrun.records import Example, TeacherRecord

DECIDING = frozenset({"initial", "revised", "choice_scores"})
"""The kinds without which nothing can be learnt from a record; a counterfactual may be missing."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The training data. It holds no test example, and the train stage is given nothing else."""

    train: Sequence[Example]
    dev: Sequence[Example]
    records: Sequence[TeacherRecord] | None


def training_data_of(
    objective: StudentObjective,
    train: Sequence[Example],
    dev: Sequence[Example],
    records: Sequence[TeacherRecord] | None,
) -> TrainingData:
    """Return the training data: the training examples for which the teacher gave what the objective learns from.

    Raises:
        ConfigError: it gave it for none of them.
    """
    if records is None:
        return TrainingData(train, dev, None)
    whole = [(example, one) for example, one in zip(train, records, strict=True) if _can_learn(objective, one)]
    if not whole:
        named = ", ".join(sorted(objective.needs & DECIDING))
        raise ConfigError(f"no training example has a text to learn ({named}); check the teacher's data")
    return TrainingData([example for example, _ in whole], dev, [record for _, record in whole])


def _can_learn(objective: StudentObjective, record: TeacherRecord) -> bool:
    if isinstance(objective, SelectiveObjective):
        return objective.can_learn(record)
    return objective.needs & DECIDING <= _given(record)


def _given(record: TeacherRecord) -> set[str]:
    """Return what the teacher gave for an example, of that without which nothing can be learnt from it."""
    scores = set() if record.choice_log_probs is None else {"choice_scores"}
    return scores | {rationale.version for rationale in record.rationales if rationale.kind == "factual"}
