"""Accuracy after the rationale is corrupted."""

import re
from collections.abc import Sequence
from random import Random
from typing import ClassVar, Literal

from distillrun.evaluation.shared.forced_rationale import NOT_APPLICABLE, choices_after, reasons_first
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import MetricContext
from distillrun.records import (
    Cell,
    Example,
    Json,
    MetricResult,
    ResultTable,
    Score,
    find_factual,
    is_right,
    reads_alike,
)
from distillrun.statistics.paired import run_difference

MASK = "something"


class RationalePerturbation:
    """The likeliest choices after corrupted copies of the student's own rationales.

    dropped: an empty rationale; shuffled: that of another question; masked: every choice that it names becomes
    "something"; random: a share of its words becomes words of other rationales. With a `reference`, the teacher's
    rationale stands in its place (SCOTT's oracle).

    Scores: `perturbation/own`, the accuracy after its own rationale; of each change, `perturbation/<change>/drop`, how
    much accuracy it costs (below 0 where it helps; Bonett and Price's interval of shares on the same questions), and
    `/flips`, how often the answer is another one. A student that ignores its rationale has none of either.

    Args:
        of: the scoring rule whose rationales are corrupted.
        random_share: of the words, in `random`.
        reference: the teacher's rationales, initial or revised; null = none, and the teacher is asked for nothing.
        seed: of the draws.

    Source: SCOTT, Wang et al. 2023, https://arxiv.org/abs/2305.01879, section 4.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it scores each choice after a changed rationale; use evaluation=[generated_answer,explanation_text]"
    )

    MEANING: ClassVar[int] = 3  # 2: choices with equal texts are one; 3: a drop of 0 has an interval, too

    rule = (
        "The student answers after its own rationale, and after a corrupted copy of it. Where accuracy and answers "
        "stay as they are, the rationale plays no part in the answer."
    )

    def __init__(
        self, of: str, random_share: float, reference: Literal["initial", "revised"] | None, seed: int
    ) -> None:
        if not 0 <= random_share <= 1:
            raise ValueError(f"random_share={random_share} must lie between 0 and 1")
        self.of = of
        self.wants = frozenset({reference} if reference else ())
        self._reference = reference
        self._random_share = random_share
        self._seed = seed

    def measure(self, context: MetricContext) -> MetricResult:
        if not reasons_first(context):
            return MetricResult(note=NOT_APPLICABLE)
        examples = context.examples
        own = [made.rationale for made in context.predictions]
        texts = {"own": own, **self._changed(own, examples)}
        if self._reference:
            found = [find_factual(record, self._reference) for record in context.reference()]
            texts["teacher"] = [rationale.text if rationale else "" for rationale in found]
        answers = {change: choices_after(context, rationales) for change, rationales in texts.items()}
        scores, rows = _compared(answers, examples)
        columns = ("rationale", "accuracy", "drop", "answers that change")
        table = ResultTable("Answers after corrupted rationales", columns, tuple(rows), shares=columns[1:])
        each: list[dict[str, Json]] = [
            {"example_id": example.id, **{change: choices[n] for change, choices in answers.items()}}
            for n, example in enumerate(examples)
        ]
        return MetricResult(tuple(scores), (table,), rows=tuple(each))

    def _changed(self, own: Sequence[str], examples: Sequence[Example]) -> dict[str, list[str]]:
        draw = Random(self._seed)
        shift = draw.randrange(1, len(own)) if len(own) > 1 else 0
        vocabulary = sorted({word for text in own for word in text.split()})
        return {
            "dropped": ["" for _ in own],
            "shuffled": [*own[shift:], *own[:shift]],
            "masked": [masked(text, example) for text, example in zip(own, examples, strict=True)],
            "random": [scrambled(text, vocabulary, self._random_share, draw) for text in own],
        }


def masked(text: str, example: Example) -> str:
    """Return a text in which every choice of the question is masked, longer choices first."""
    for choice in sorted(example.choices, key=len, reverse=True):
        if choice.strip():
            text = re.sub(rf"(?<!\w){re.escape(choice.strip())}(?!\w)", MASK, text, flags=re.IGNORECASE)
    return text


def scrambled(text: str, vocabulary: Sequence[str], share: float, draw: Random) -> str:
    """Return a text of as many words, a share of which, rounded, are drawn from the vocabulary."""
    found = text.split()
    for place in draw.sample(range(len(found)), round(share * len(found))):
        found[place] = draw.choice(vocabulary)
    return " ".join(found)


def _compared(answers: dict[str, list[int]], examples: Sequence[Example]) -> tuple[list[Score], list[tuple[Cell, ...]]]:
    """Return the scores, and the rows of the table."""
    right = {
        change: [is_right(example, choice) for example, choice in zip(examples, choices, strict=True)]
        for change, choices in answers.items()
    }
    scores = [share("perturbation/own", right["own"])]
    rows: list[tuple[Cell, ...]] = [("own", scores[0].value, None, None)]
    for change in [name for name in answers if name != "own"]:
        both = zip(examples, answers["own"], answers[change], strict=True)
        flips = [not reads_alike(example, before, after) for example, before, after in both]
        flipped, drop = share(f"perturbation/{change}/flips", flips), run_difference(right[change], right["own"])
        scores += [Score(f"perturbation/{change}/drop", drop[0], len(examples), *drop[1:]), flipped]
        rows.append((change, sum(right[change]) / len(examples), drop[0], flipped.value))
    return scores, rows
