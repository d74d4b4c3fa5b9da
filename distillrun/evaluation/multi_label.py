"""Texts with several labels each: a threshold for every label, F1 of three kinds, and a TF-IDF baseline."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from distillrun.evaluation.label_sets import right_labels
from distillrun.evaluation.shared.bag_of_words import bag_of_words_sets
from distillrun.evaluation.shared.label_set_scores import (
    best_threshold,
    f1_of_rows,
    flags_of,
    label_macro_f1,
    micro_f1,
)
from distillrun.evaluation.shared.share import mean_share, share
from distillrun.interfaces import MetricContext
from distillrun.records import Example, MetricResult, Prediction, ResultTable, Score, TeacherRecord, taught
from distillrun.statistics.resampling import percentile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

HALF = 0.5
MOST_ROWS = 500
"""Of the table of labels: those that most test texts have."""


class MultiLabel:
    """The labels of each text by thresholds fitted on dev, and a baseline: logistic regressions on TF-IDF.

    Scores: `micro_f1`, `macro_f1` (over the labels that are right or said somewhere), `sample_f1` and
    `subset_accuracy`; `bag_of_words/...` are those of the regressions, one for each label, with thresholds of one half.
    Table: each label with its threshold; rows: the thresholds, by which `predict --file` goes, too.

    Args:
        of: the evaluator whose probabilities are looked at.
        thresholds: fitted: of each label, the one of the greatest F1 on dev; half: 0.5.
        bag_of_words: whether the regressions are fitted; it takes seconds to minutes.

    Source: thresholds: Yang 2001, https://doi.org/10.1145/383952.383975 (SCut); averages: Sorower 2010, A Literature
    Survey on Algorithms for Multi-label Learning, section 3.
    """

    wants: frozenset[str] = frozenset()
    label_sets = "also"

    rule = (
        "A text has the labels whose probability reaches the label's threshold, which is fitted on dev. Micro-F1 "
        "counts all pairs of text and label alike, macro-F1 all labels, sample-F1 all texts; for subset accuracy, "
        "all labels of a text must be right."
    )

    def __init__(self, of: str, thresholds: str, bag_of_words: bool) -> None:
        if thresholds not in ("fitted", "half"):
            raise ValueError(f"thresholds={thresholds} must be fitted or half")
        self.of = of
        self._fits, self._bag_of_words = thresholds == "fitted", bag_of_words

    def measure(self, context: MetricContext) -> MetricResult:
        import numpy as np

        labels = max((example.choices for example in context.examples), key=len)
        if any(example.choices[: len(labels)] != labels for example in context.examples):
            return MetricResult(note="the questions have choices of their own, and not the same labels")
        right = _right(context.examples, len(labels))
        thresholds = np.full(len(labels), HALF)
        if self._fits and context.dev:
            known, wanted = _scores(context.answer(context.student, context.dev)), _right(context.dev, len(labels))
            thresholds = np.array([best_threshold(*pair) for pair in zip(known.T, wanted.T, strict=True)])
        said = _scores(context.predictions) >= thresholds
        scores, note = set_scores(right, said), ""
        learnt = _taught(context, len(labels))
        if self._bag_of_words:
            try:
                texts = [example.question for example in context.trained_on]
                found = bag_of_words_sets(texts, learnt, [example.question for example in context.examples])
                scores += set_scores(right, found, "bag_of_words/")
            except ValueError as error:
                note = f"TF-IDF + logistic regression could not be fitted: {error}"
        empty = [f"{int((~flags.any(axis=1)).sum())} {whose}" for flags, whose in ((right, "right"), (said, "said"))]
        note = f"Of {len(right)} test texts, these have no label: {', '.join(empty)}. {note}".strip()
        fitted = thresholds.tolist()
        rows = tuple({"label": name, "threshold": value} for name, value in zip(labels, fitted, strict=True))
        table = _table(labels, fitted, right, said, learnt)
        return MetricResult(tuple(scores), (table,), rows=rows, note=note)


def set_scores(right: "Flags", said: "Flags", prefix: str = "") -> list[Score]:
    """Return the four scores of sets of labels with their intervals over texts."""
    return [
        _drawn(f"{prefix}micro_f1", micro_f1, right, said),
        _drawn(f"{prefix}macro_f1", label_macro_f1, right, said),
        mean_share(f"{prefix}sample_f1", f1_of_rows(right, said).tolist()),
        share(f"{prefix}subset_accuracy", [bool(one) for one in (right == said).all(axis=1)]),
    ]


def _drawn(name: str, of: "Callable[[Flags, Flags], float]", right: "Flags", said: "Flags") -> Score:
    value = of(right, said)
    low, high = percentile_interval(len(said), lambda drawn: of(right[drawn], said[drawn]), resamples=500)
    return Score(name, value, len(said), min(low, value), max(high, value))


def _right(examples: Sequence[Example], labels: int) -> "Flags":
    return flags_of([right_labels(example) for example in examples], labels)


def _scores(predictions: Sequence[Prediction]) -> "NDArray[np.float64]":
    """Return [N, L] the probability of each label."""
    import numpy as np

    scores: NDArray[np.float64] = np.exp(np.array([one.choice_log_probs or () for one in predictions]))
    return scores


def _taught(context: MetricContext, labels: int) -> "Flags":
    """Return the labels that each training text was taught with: its own or, where it has none, the teacher's."""
    records: Sequence[TeacherRecord | None] = context.records or [None] * len(context.trained_on)
    return _right([taught(*pair) for pair in zip(context.trained_on, records, strict=True)], labels)


def _table(
    labels: Sequence[str], thresholds: Sequence[float], right: "Flags", said: "Flags", learnt: "Flags"
) -> ResultTable:
    """Return the scores of each label, the worst first."""
    rows: list[tuple[str, float, float, float, float, int, int, int]] = []
    for place, name in enumerate(labels):
        hits, support = int((right[:, place] & said[:, place]).sum()), int(right[:, place].sum())
        count = int(said[:, place].sum())
        f1, precision, recall = (hits / total if total else 0.0 for total in ((support + count) / 2, count, support))
        rows.append((name, f1, precision, recall, thresholds[place], support, count, int(learnt[:, place].sum())))
    shown = sorted(rows, key=lambda row: -row[5])[:MOST_ROWS]
    columns = ("label", "F1", "precision", "recall", "threshold", "test texts", "answers", "training texts")
    note = f"the {MOST_ROWS} of {len(rows)} that most test texts have" if len(rows) > MOST_ROWS else ""
    shown.sort(key=lambda row: row[1])
    return ResultTable("Labels, worst first", columns, tuple(shown), note, columns[1:4])
