"""Removal of the teacher's answers that it is not sure of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from distillrun.interfaces import AnyTeacher, GenerationContext, Tag
from distillrun.records import Example, Failure, TeacherRecord, choice_shares


@dataclass(frozen=True)
class LabelFilter:
    """The teacher's answers, or its scores of choices, that it is sure enough of.

    Where the teacher's answers are the labels, a question whose answer is taken out is not learnt from. Each removal is
    noted with the name of the threshold.

    Args:
        of: which labels are filtered: answers, or choice_scores.
        min_agreement: of answers, the share of the teacher's samples that give the answer, in (0, 1]; None = any.
        min_probability: of choice_scores, the probability of the likeliest answer, in (0, 1]; None = any.
        tags: ways of elicitation.

    Source: agreement as a measure of how often a label is right: Huang et al. 2022, https://arxiv.org/abs/2210.11610;
    probability thresholds of pseudo-labels: FixMatch, Sohn et al. 2020, https://arxiv.org/abs/2001.07685, equation 4.
    """

    of: Literal["answers", "choice_scores"]
    min_agreement: float | None
    min_probability: float | None
    tags: tuple[Tag, ...]

    asks = frozenset[str]()
    label_sets = "also"
    teachers: ClassVar[tuple[AnyTeacher, ...]] = ()

    def __post_init__(self) -> None:
        thresholds = {"answers": ("min_agreement", self.min_agreement)}
        thresholds["choice_scores"] = ("min_probability", self.min_probability)
        for kind, (name, threshold) in thresholds.items():
            if threshold is not None and kind != self.of:
                raise ValueError(f"{name}={threshold} is a threshold of {kind}, not of {self.of}; set {name}=null")
            if threshold is not None and not 0 < threshold <= 1:
                raise ValueError(f"{name}={threshold} must be above 0 and at most 1, or null for any")

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.of})

    @property
    def makes(self) -> frozenset[str]:
        return frozenset({self.of})

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        for example, record in zip(examples, records, strict=True):
            yield self._of_answers(record) if self.of == "answers" else self._of_scores(example, record)

    def _of_answers(self, record: TeacherRecord) -> TeacherRecord:
        given = record.answer, record.answers
        if given == (None, None) or (record.agreement or 0.0) >= (self.min_agreement or 0.0):
            return TeacherRecord(record.example_id, (), {}, record.answer, record.agreement, answers=record.answers)
        told = "not told" if record.agreement is None else f"{record.agreement:.4f}"
        return self._without(record, "min_agreement", told)

    def _of_scores(self, example: Example, record: TeacherRecord) -> TeacherRecord:
        if record.choice_log_probs is None:
            return TeacherRecord(record.example_id, (), {})
        largest = max(choice_shares(example, record.choice_log_probs).values())
        if largest >= (self.min_probability or 0.0):
            return TeacherRecord(record.example_id, (), {}, choice_log_probs=record.choice_log_probs)
        return self._without(record, "min_probability", f"{largest:.4f}")

    def _without(self, record: TeacherRecord, threshold: str, value: str) -> TeacherRecord:
        return TeacherRecord(record.example_id, (), {}, failures=(Failure("label_filter", threshold, value),))
