"""The fields of JSON answers: precision, recall and F1 of each and of all, and how many answers keep the schema."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distillrun.evaluation.shared.share import share
from distillrun.interfaces import FreeFormTask, MetricContext
from distillrun.records import Example, FreeAnswer, MetricResult, Prediction, ResultTable, Score, gold
from distillrun.scorer.json_fields import JsonFields
from distillrun.statistics.resampling import percentile_interval
from distillrun.text.json_document import leaf_f1, leaves, object_in, shared_leaves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

KINDS = ("right", "given", "wanted")
MOST_ROWS = 200
"""Of the table of fields: those that most references have."""


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """Of one document, by field: the values that are right, those given, and those wanted."""

    right: Counter[str]
    given: Counter[str]
    wanted: Counter[str]


class Extraction:
    """Precision, recall and F1 of the values of JSON objects at their places, over all fields and for each.

    A field is the place of a value, such as `items[].price`; its values in one document are compared as a set with
    repetitions. An answer that holds no object gives no value. Of several accepted documents the nearest one counts.

    Scores: `extraction/precision`, `/recall` and `/micro_f1`, over all values; `/macro_f1`, the mean of the fields that
    some reference or answer has (percentile bootstrap over documents); `/valid`, the share of the answers that are a
    JSON object and keep the scorer's schema. How many documents are right as a whole is the `accuracy` of the rule.

    Args:
        of: the evaluator whose answers are looked at.

    Source: slot F1: Louvan & Magnini 2020, https://arxiv.org/abs/2011.00564, section 2.
    """

    wants: frozenset[str] = frozenset()

    rule = (
        "The values of a JSON object are compared at their places: precision is the share of the given ones that are "
        "right, recall the share of the wanted ones that are given. An answer without an object gives none."
    )

    def __init__(self, of: str) -> None:
        self.of = of

    def measure(self, context: MetricContext) -> MetricResult:
        task = context.task
        scorer = task.scorer if isinstance(task, FreeFormTask) else None
        if not isinstance(scorer, JsonFields):
            return MetricResult(note="Answers are no JSON objects (task=free_form scorer@task.scorer=json_fields).")
        documents = [_written(made) for made in context.predictions]
        counts = [counts_of(*pair) for pair in zip(context.examples, documents, strict=True)]
        valid = [document is not None and scorer.is_valid(document) for document in documents]
        scores = [share("extraction/valid", valid), *field_scores(counts)]
        without = sum(document is None for document in documents)
        note = f"{without} of {len(documents)} answers hold no JSON object." if without else ""
        return MetricResult(tuple(scores), (_table(counts),), note=note)


def counts_of(example: Example, document: object) -> FieldCounts:
    """Return what a document has right of the nearest that its question accepts; None = there is no document."""
    answer = gold(example)
    if not isinstance(answer, FreeAnswer):
        raise ValueError(f"question {example.id} has choices")
    accepted = [object_in(text) for text in (answer.text, *answer.accepted)]
    nearest = max(accepted, key=lambda one: leaf_f1(document, one))
    return FieldCounts(
        Counter(place for place, _ in shared_leaves(document, nearest).elements()),
        Counter(place for place, _ in leaves(document)),
        Counter(place for place, _ in leaves(nearest)),
    )


def field_scores(counts: Sequence[FieldCounts]) -> list[Score]:
    """Return the four scores over all fields; none where no document has a value."""
    import numpy as np

    fields = _fields(counts)
    if not fields:
        return []
    kinds = [[getattr(own, kind) for kind in KINDS] for own in counts]
    table = np.array([[[kind[field] for field in fields] for kind in three] for three in kinds])  # [N, 3, F]

    def shared(places: "Places", *of: int) -> float:
        totals = table[places].sum(axis=(0, 2))
        whole = totals[list(of)].mean()
        return float(totals[0] / whole) if whole else 0.0

    def precision(places: "Places") -> float:
        return shared(places, 1)

    def recall(places: "Places") -> float:
        return shared(places, 2)

    def micro_f1(places: "Places") -> float:
        return shared(places, 1, 2)

    def macro_f1(places: "Places") -> float:
        right, given, wanted = table[places].sum(axis=0)
        there = (given + wanted) > 0
        return float((2 * right[there] / (given + wanted)[there]).mean()) if there.any() else 0.0

    everything = np.arange(len(counts))
    scores = []
    for statistic in (precision, recall, micro_f1, macro_f1):
        value = statistic(everything)
        low, high = percentile_interval(len(counts), statistic, resamples=500)
        scores.append(Score(f"extraction/{statistic.__name__}", value, len(counts), min(low, value), max(high, value)))
    return scores


def _written(made: Prediction) -> object:
    return object_in(made.choice.text) if isinstance(made.choice, FreeAnswer) else None


def _fields(counts: Sequence[FieldCounts]) -> list[str]:
    return sorted({field for own in counts for field in (*own.given, *own.wanted)})


def _table(counts: Sequence[FieldCounts]) -> ResultTable:
    """Return the scores of each field, the worst first."""
    right, given, wanted = (sum((getattr(own, kind) for own in counts), Counter[str]()) for kind in KINDS)
    rows: list[tuple[str, float, float, float, int, int]] = []
    for field in _fields(counts):
        totals = ((given[field] + wanted[field]) / 2, given[field], wanted[field])
        f1, precision, recall = (right[field] / total if total else 0.0 for total in totals)
        rows.append((field, f1, precision, recall, wanted[field], given[field]))
    shown = sorted(rows, key=lambda row: -row[4])[:MOST_ROWS]
    note = f"the {MOST_ROWS} of {len(rows)} that most references have" if len(rows) > MOST_ROWS else ""
    shown.sort(key=lambda row: row[1])
    columns = ("field", "F1", "precision", "recall", "wanted", "given")
    return ResultTable("Fields, worst first", columns, tuple(shown), note, columns[1:4])
