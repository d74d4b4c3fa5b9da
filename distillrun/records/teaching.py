"""The records of a teacher's work for an example."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from distillrun.records.answer import Answer
from distillrun.records.base import Record
from distillrun.records.example import Example, first_alike, is_answered

FORWARD = "forward"
"""The origin of what a teacher wrote when it answered by itself, without being given an answer to argue for."""

WRONG_DECODES = "wrong decodes"
"""The kind of counterfactual rationales that are the teacher's own answers, for objectives that learn these alone."""


@dataclass(frozen=True, slots=True)
class Rationale(Record):
    """Teacher text that argues for a choice: `text` as cleaned for the student, `raw` as the teacher wrote it.

    Attributes:
        supports: the answer argued for.
        kind: a factual rationale argues for the right choice (or, where none is known, for the teacher's own answer),
            a counterfactual one for a wrong choice.
        version: the first draft, or the revision that followed a critique.
        origin: how it came about: the generation step, or its part, such as star's forward and hinted.
        teacher: who wrote it.
        finish_reason: of its completion.
        log_prob: of its completion, summed in nats; None where the teacher does not tell.
        verdict: what the teacher, asked later, makes of it; None where it was not asked, or gave no verdict.
    """

    text: str
    raw: str
    supports: Answer
    kind: Literal["factual", "counterfactual"]
    version: Literal["initial", "revised"]
    origin: str = ""
    teacher: str = ""
    finish_reason: str = ""
    log_prob: float | None = None
    verdict: Literal["right", "wrong", "uncertain"] | None = None


def kind_of(rationale: Rationale) -> str:
    """Return what a rationale is called where kinds are handed on or counted: initial, revised or counterfactual."""
    return rationale.version if rationale.kind == "factual" else rationale.kind


def is_of(rationale: Rationale, kinds: Collection[str]) -> bool:
    """Return whether a rationale is of one of some kinds."""
    is_own = rationale.kind == "counterfactual" and rationale.origin == FORWARD
    return kind_of(rationale) in kinds or (is_own and WRONG_DECODES in kinds)


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """A completion that could not be used: the `reason` in a word or two that can be counted, the `detail` to read."""

    step: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TeacherRecord(Record):
    """Everything that the teacher gave for one example.

    Attributes:
        example_id: whose.
        rationales: in the order in which they were asked for.
        trace: a step's name -> its raw text (critiques).
        answer: what the teacher itself answers; None where it was not asked, or not understood.
        agreement: share of its parsed answers that give `answer`, in (0, 1].
        choice_log_probs: of the choices, in nats, normalised over them.
        failures: completions that could not be used.
        answers: where texts have several labels each, those that the teacher names, ascending; None where it was not
            asked, or not understood.
        label_shares: of each label, the share of its parsed samples that name it.
    """

    example_id: str
    rationales: tuple[Rationale, ...]
    trace: dict[str, str]
    answer: Answer | None = None
    agreement: float | None = None
    choice_log_probs: tuple[float, ...] | None = None
    failures: tuple[Failure, ...] = ()
    answers: tuple[int, ...] | None = None
    label_shares: tuple[float, ...] | None = None


def choice_shares(example: Example, log_probs: Sequence[float]) -> dict[int, float]:
    """Return the probability of each answer by its first choice; choices with equal texts are one answer."""
    shares: dict[int, float] = {}
    for choice, value in enumerate(log_probs):
        first = first_alike(example, choice)
        shares[first] = shares.get(first, 0.0) + math.exp(value)
    return shares


def likeliest_choice(example: Example, log_probs: Sequence[float]) -> int:
    """Return the likeliest answer, the first of equals."""
    shares = choice_shares(example, log_probs)
    return max(shares, key=shares.__getitem__)


def answer_of(record: TeacherRecord, example: Example) -> Answer | None:
    """Return the teacher's answer: the one that it gave, or else the likeliest choice."""
    if record.answer is not None or record.choice_log_probs is None:
        return record.answer
    return likeliest_choice(example, record.choice_log_probs)


def taught(example: Example, record: TeacherRecord | None) -> Example:
    """Return an example with what is taught: its own answer or labels or, where it has none, the teacher's."""
    if is_answered(example) or record is None:
        return example
    if record.answers is not None:
        return replace(example, answers=record.answers)
    return replace(example, answer=answer_of(record, example))


def factual(record: TeacherRecord | None, version: str) -> Rationale:
    """Return the factual rationale of a version. Raises ValueError where the teacher gave none."""
    found = find_factual(record, version)
    if found is None:
        raise ValueError(f"example {record.example_id if record else '?'} has no {version} rationale")
    return found


def find_factual(record: TeacherRecord | None, version: str) -> Rationale | None:
    """Return the first factual rationale of a version; None where there is none."""
    for rationale in record.rationales if record else ():
        if rationale.kind == "factual" and rationale.version == version:
            return rationale
    return None
