"""The training data of a student."""

from collections.abc import Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError
from distillrun.interfaces import SelectiveObjective, StudentObjective
from distillrun.records import Example, TeacherRecord, is_answered, is_right, taught

DECIDING = frozenset({"initial", "revised", "choice_scores", "label_shares"})
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
    """Return the training data: the training examples for which there is a label and what the objective learns from.

    The label is the example's own answer or, where it has none, the teacher's.

    Raises:
        ConfigError: the teacher gave what is learnt from for none of them.
    """
    if records is None:
        return TrainingData(train, dev, None)
    labelled = [(taught(example, record), record) for example, record in zip(train, records, strict=True)]
    if not any(is_answered(example) for example, _ in labelled):
        raise ConfigError("no training example has a label: neither the task nor the teacher answers one; check both")
    whole = [
        (label, record)
        for example, (label, record) in zip(train, labelled, strict=True)
        if is_answered(label) and _can_learn(objective, record) and _is_of_one_mind(example, label, record)
    ]
    if not whole:
        named = ", ".join(sorted(objective.needs & DECIDING))
        raise ConfigError(f"no training example has a text to learn ({named}); check the teacher's data")
    return TrainingData([example for example, _ in whole], dev, [record for _, record in whole])


def _is_of_one_mind(example: Example, label: Example, record: TeacherRecord) -> bool:
    """Return whether the teacher argues for the label that it gave; another step may have asked it again."""
    factual = [rationale for rationale in record.rationales if rationale.kind == "factual"]
    return is_answered(example) or all(is_right(label, rationale.supports) for rationale in factual)


def _can_learn(objective: StudentObjective, record: TeacherRecord) -> bool:
    if isinstance(objective, SelectiveObjective):
        return objective.can_learn(record)
    return objective.needs & DECIDING <= _given(record)


def _given(record: TeacherRecord) -> set[str]:
    """Return what the teacher gave for an example, of that without which nothing can be learnt from it."""
    scores = set() if record.choice_log_probs is None else {"choice_scores"}
    scores |= set() if record.label_shares is None else {"label_shares"}
    return scores | {rationale.version for rationale in record.rationales if rationale.kind == "factual"}
