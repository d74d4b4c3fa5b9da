"""The teacher's outputs for the pairs of a micro-batch."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import ActiveObjective, LanguageModel, TokenTeacher, WritingStudent
from distillrun.language_model.sampling import writer_of
from distillrun.loss.distribution import LiveDistribution
from distillrun.loss.tensors import StudentOutputs, TeacherDistribution
from distillrun.loss.token_loss import learnt_places
from distillrun.records import Segment, TargetPair

log = logging.getLogger("distillrun")


class Stored(Protocol):
    """Distributions that were read before training."""

    def of(self, pairs: Sequence[TargetPair], places: Tensor) -> TeacherDistribution:
        """Return those of pairs, whose learnt positions in the batch are `places`."""


class StoredSupervision:
    """The teacher's stored distributions; the teacher is not in memory.

    Args:
        stored: the distributions.
        objective: says of which pairs it wants them.
    """

    def __init__(self, stored: Stored, objective: ActiveObjective) -> None:
        self._stored = stored
        self._objective = objective

    def with_teacher(self, outputs: StudentOutputs, pairs: Sequence[TargetPair]) -> StudentOutputs:
        """Return the outputs with what the teacher expects."""
        rows = [row for row, pair in enumerate(pairs) if self._objective.is_taught(pair)]
        if not rows:
            return outputs
        places = learnt_places(outputs.labels, rows)
        return replace(outputs, teacher=self._stored.of([pairs[row] for row in rows], places))


class LiveSupervision:
    """The teacher's outputs on the same pairs, in the order of the batch.

    Args:
        student: whose tokens count.
        teacher: in memory, never trained.
        objective: says of which pairs it wants what.
    """

    def __init__(self, student: LanguageModel, teacher: LanguageModel, objective: ActiveObjective) -> None:
        self._student = student
        self._teacher = teacher
        self._objective = objective
        self._required = objective.requirements
        self._vocabulary = shared_ids(student, teacher) if self._required.same_tokenizer else 0

    def with_teacher(self, outputs: StudentOutputs, pairs: Sequence[TargetPair]) -> StudentOutputs:
        """Return the outputs with what the teacher expects."""
        required = self._required
        rows = [row for row, pair in enumerate(pairs) if self._objective.is_taught(pair)]
        if not rows:
            return outputs
        own = [pairs[row] for row in rows]
        if not required.same_tokenizer:
            own, outputs = self._read_again(own, rows, outputs)
        with torch.no_grad():
            teacher_outputs = _moved(
                self._teacher.forward(self._teacher.encode(own, rows), required.hidden), outputs.labels.device
            )
        if required.same_tokenizer:
            width = teacher_outputs.labels.shape[1]
            check_labels(outputs.labels[rows][:, :width], teacher_outputs.labels, own)
        if required.logits is None:
            return replace(outputs, teacher_outputs=teacher_outputs)
        places, own_places = learnt_places(outputs.labels, rows), learnt_places(teacher_outputs.labels)
        teacher = LiveDistribution(teacher_outputs.logits, places, own_places, self._vocabulary, required.logits)
        return replace(outputs, teacher=teacher, teacher_outputs=teacher_outputs)

    def _read_again(
        self, pairs: Sequence[TargetPair], rows: Sequence[int], outputs: StudentOutputs
    ) -> tuple[list[TargetPair], StudentOutputs]:
        """Return what the student wrote as texts, for another tokenizer, and where the student's tokens end there."""
        own, ends = list(pairs), list(outputs.ends)
        for place, (pair, row) in enumerate(zip(pairs, rows, strict=True)):
            if pair.written is not None:
                text = writer_of(self._student).text
                own[place] = replace(pair, target=(Segment(text.reply(pair.written), cut=True),), written=None)
                ends[row] = text.written_ends(pair.written)
        return own, replace(outputs, ends=tuple(ends))


def _moved(outputs: StudentOutputs, device: torch.device) -> StudentOutputs:
    """Return a teacher's outputs where the student's are; its logits are made where its head is."""
    hidden = tuple(state.to(device) for state in outputs.hidden)
    return replace(outputs, labels=outputs.labels.to(device), hidden=hidden)


Supervision = StoredSupervision | LiveSupervision


def check_labels(student: Tensor, teacher: Tensor, pairs: Sequence[TargetPair]) -> None:
    """Raise a ConfigError if teacher and student do not learn the same tokens of a text, position by position."""
    if student.shape == teacher.shape and torch.equal(student, teacher.to(student.device)):
        return
    text = "".join(segment.text for segment in pairs[0].target)
    raise ConfigError(
        f"teacher and student cut texts such as {text[:60]!r} into other tokens, though their vocabularies agree; "
        "choose an objective that compares none: universal_logit, dual_space or choice_distillation"
    )


def shared_ids(student: LanguageModel, teacher: LanguageModel) -> int:
    """Return how many ids of one tokenizer student and teacher both have logits for; padded rows have no token."""
    sizes = student.vocabulary_size, teacher.vocabulary_size
    if sizes[0] != sizes[1]:
        log.info("the logits of student (%d) and teacher (%d) are compared on the %d ids of both", *sizes, min(sizes))
    return min(sizes)


PROBE = "The answer is 12 (twelve)."
"""A text that two tokenizers must cut the same way to be compared token by token."""


def tokenizer_problem(student: WritingStudent, teacher: TokenTeacher) -> str | None:
    """Return how the tokenizers of student and teacher differ, and the cure where there is one; None if they agree."""
    vocabulary = student.tokens()
    if (differing := vocabulary_problem(vocabulary, teacher.tokens())) is not None:
        return f"they have different tokenizers: {differing}"
    own, other = student.cut(PROBE)[:-1], teacher.cut(PROBE)[:-1]
    if list(own) == list(other):
        return None
    return f"they cut a text such as {PROBE!r} into other tokens, {own} and {other}, though their vocabularies agree"


def vocabulary_problem(student: Mapping[str, int], teacher: Mapping[str, int]) -> str | None:
    """Return how two tokenizers differ on the ids that both have; None where one only has more of them."""
    by_id = {number: token for token, number in student.items()}
    shared = [(token, number) for token, number in teacher.items() if number in by_id]
    differing = [(token, number) for token, number in shared if by_id[number] != token]
    if len(shared) < min(len(student), len(teacher)) or differing:
        token, number = min(differing, key=lambda pair: pair[1], default=("", len(shared)))
        return (
            f"the student has {len(student)} tokens and the teacher {len(teacher)}, and they differ, first at "
            f"id {number} ({by_id.get(number)!r} and {token!r})"
        )
    return None
