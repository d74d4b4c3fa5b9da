"""Answers after a rationale for another choice."""

from collections.abc import Sequence
from typing import ClassVar

from distillrun.evaluation.shared.forced_rationale import NOT_APPLICABLE, choices_after, reasons_first
from distillrun.evaluation.shared.share import mean_share, share
from distillrun.interfaces import MetricContext
from distillrun.records import Example, Json, MetricResult, Rationale, ResultTable, as_told, reads_alike


class RationaleSwap:
    """The rate at which the student follows a rationale of the teacher for a wrong choice.

    Scores: `swap/flip_rate`, the share of rationales for a choice that it would not give by itself after which it
    gives it, as the mean over questions; `swap/kept`, how often its own answer stays all the same; and
    `swap/follows_factual`, how often it gives the right choice after the teacher's rationale for that. Choices that
    read alike are one.

    Args:
        of: the evaluator whose rationales are replaced.

    Source: the counterfactual test of SCOTT, Wang et al. 2023, https://arxiv.org/abs/2305.01879, section 4.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it swaps in arguments for other choices; use evaluation=[generated_answer,explanation_text]"
    )

    MEANING: ClassVar[int] = 3  # 2: choices with equal texts are one; 3: a rate of 0 or 1 is not certain

    rule = (
        "The teacher argues for wrong choices, and its rationales take the place of the student's own. A student whose "
        "answers rest on rationales follows them; one that ignores them never flips."
    )
    wants = frozenset({"initial", "counterfactual"})

    def __init__(self, of: str) -> None:
        self.of = of

    def measure(self, context: MetricContext) -> MetricResult:
        if not reasons_first(context):
            return MetricResult(note=NOT_APPLICABLE)
        examples = context.examples
        own = choices_after(context, [made.rationale for made in context.predictions])
        tried = _tried(context, [record.rationales for record in context.reference()])
        foreign = _foreign(tried, own, examples)
        if len(foreign) < 2:
            return MetricResult(note="The teacher argued for too few choices that the student does not give by itself.")
        flips = [_follow(examples[place], found) for place, found in foreign.items()]
        kept = [
            [reads_alike(examples[place], answer, own[place]) for _, answer in found]
            for place, found in foreign.items()
        ]
        factual = [
            follows
            for place, found in tried.items()
            for follows in _follow(examples[place], [(one, answer) for one, answer in found if one.kind == "factual"])
        ]
        scores = [
            mean_share("swap/flip_rate", [sum(found) / len(found) for found in flips]),
            mean_share("swap/kept", [sum(found) / len(found) for found in kept]),
            *([share("swap/follows_factual", factual)] if factual else []),
        ]
        follows, stays = scores[0].value, scores[1].value
        table = ResultTable(
            "Answers after the teacher's rationales for other choices",
            ("rationales", "questions", "answer follows", "answer stays", "neither"),
            ((sum(map(len, flips)), len(flips), follows, stays, 1 - follows - stays),),
            shares=("answer follows", "answer stays", "neither"),
        )
        rows: list[dict[str, Json]] = [
            {
                "example_id": examples[place].id,
                "kind": one.kind,
                "supports": as_told(one.supports),
                "own": own[place],
                "answer": answer,
            }
            for place, found in tried.items()
            for one, answer in found
        ]
        return MetricResult(tuple(scores), (table,), rows=tuple(rows))


Tried = dict[int, list[tuple[Rationale, int]]]
"""Place of a question -> the rationales that it was answered after, each with the answer."""


def _tried(context: MetricContext, rationales: Sequence[Sequence[Rationale]]) -> Tried:
    """Return the answer after every rationale of every question."""
    tried: Tried = {place: [] for place in range(len(rationales))}
    for turn in range(max(map(len, rationales), default=0)):
        texts = [found[turn].text if turn < len(found) else "" for found in rationales]
        for place, answer in enumerate(choices_after(context, texts)):
            if texts[place].strip():
                tried[place].append((rationales[place][turn], answer))
    return tried


def _foreign(tried: Tried, own: Sequence[int], examples: Sequence[Example]) -> Tried:
    """Return what was tried with counterfactual rationales for other choices than the student's own answer."""
    found = {
        place: [
            (one, answer)
            for one, answer in pairs
            if one.kind != "factual" and not reads_alike(examples[place], one.supports, own[place])
        ]
        for place, pairs in tried.items()
    }
    return {place: pairs for place, pairs in found.items() if pairs}


def _follow(example: Example, found: Sequence[tuple[Rationale, int]]) -> list[bool]:
    """Return whether each answer is the choice that the rationale before it argues for."""
    return [reads_alike(example, answer, one.supports) for one, answer in found]
