"""The gate before a classifier: which texts belong to none of its labels."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from distillrun.evaluation.shared.scope import ScopeScore, kept_threshold, labelled_threshold, scope_scores
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import ChoiceModel, MetricContext, out_of_scope
from distillrun.records import Answer, Example, MetricResult, ResultCurve, ResultTable, Score, is_right
from distillrun.statistics.resampling import percentile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ranking = Callable[[NDArray[np.bool_], NDArray[np.float64]], float]

POINTS = 60
"""Of the drawn curve."""


class OutOfScope:
    """A threshold, fitted on dev, below which a text is said to have none of the labels.

    Scores: `scope_threshold`; `in_scope_accuracy`, the share of in-scope texts that are kept and get the right label,
    and `in_scope_kept`; and, where test has texts out of scope (task.out_of_scope), `out_of_scope_recall`, the share of
    these that is found, `out_of_scope_auroc`, and `out_of_scope_fpr_at_95`, the share of them that would be kept at the
    threshold that keeps 95 % of the in-scope test texts; lower is better.

    Args:
        of: the evaluator whose answers are looked at.
        score: how far a text is in scope, see `ScopeScore`.
        threshold: kept: it keeps a share of the in-scope dev texts. labelled: most dev texts are right, those out of
            scope among them. auto: labelled where dev has texts out of scope, otherwise kept.
        kept: that share.

    Source: in-scope accuracy and out-of-scope recall: Larson et al. 2019, https://arxiv.org/abs/1909.02027, section
    3.2; AUROC and FPR at 95 %: Hendrycks & Gimpel 2017, https://arxiv.org/abs/1610.02136, section 2.
    """

    wants: frozenset[str] = frozenset()

    rule = (
        "A text whose score is below a threshold has none of the labels. The threshold is fitted on dev; a text in "
        "scope counts as right where it is kept and gets its label, one out of scope where it is not kept."
    )

    def __init__(self, of: str, score: ScopeScore, threshold: Literal["auto", "kept", "labelled"], kept: float) -> None:
        if not 0 < kept <= 1:
            raise ValueError(f"kept={kept} must be above 0 and at most 1")
        self.of = of
        self.kind: ScopeScore = score
        self._threshold, self._kept = threshold, kept

    def measure(self, context: MetricContext) -> MetricResult:
        import numpy as np

        dev_apart, apart = (out_of_scope(context.task, split) for split in ("dev", "test"))
        if self._threshold == "labelled" and not dev_apart:
            note = "threshold=labelled needs dev texts out of scope, and there are none: set task.out_of_scope, or kept"
            return MetricResult(note=note)
        student = context.student()
        threshold, how = self._fitted(context, student, dev_apart)
        inside, outside = (np.array(self._scored(context, student, rows)) for rows in (context.examples, apart))
        right = [is_right(*pair) for pair in _pairs(context)]
        kept = [bool(one) for one in inside >= threshold]
        scores = [
            Score("scope_threshold", threshold, len(context.dev) + len(dev_apart), threshold, threshold),
            share("in_scope_accuracy", [hit and one for hit, one in zip(right, kept, strict=True)]),
            share("in_scope_kept", kept),
        ]
        note = f"The threshold {threshold:.4g} {how}."
        if not apart:
            note += " No test text is known to be out of scope (task.out_of_scope), so how many are found is not known."
            return MetricResult(tuple(scores), note=note)
        found = [bool(one) for one in outside < threshold]
        scores += [share("out_of_scope_recall", found), *_ranking(inside, outside)]
        rows = tuple(
            (name, len(flags), sum(flags), len(flags) - sum(flags))
            for name, flags in (("in scope", kept), ("out of scope", [not one for one in found]))
        )
        table = ResultTable("Texts kept by the gate", ("test texts", "all", "kept", "taken out"), rows)
        return MetricResult(tuple(scores), (table,), (_curve(inside, outside),), note=note)

    def _fitted(self, context: MetricContext, student: ChoiceModel, apart: Sequence[Example]) -> tuple[float, str]:
        """Return the threshold, and how it was found in words."""
        inside = self._scored(context, student, context.dev)
        if self._threshold == "kept" or not apart:
            return kept_threshold(inside, self._kept), f"keeps {100 * self._kept:g} % of {len(inside)} dev texts"
        answers = context.answer(context.student, context.dev)
        right = [is_right(example, one.choice) for example, one in zip(context.dev, answers, strict=True)]
        threshold = labelled_threshold(inside, right, self._scored(context, student, apart))
        return threshold, f"answers most of {len(inside)} dev texts in scope and {len(apart)} out of scope right"

    def _scored(self, context: MetricContext, student: ChoiceModel, rows: Sequence[Example]) -> list[float]:
        asked = (context.objective, context.task, rows, context.tokens_per_batch)
        return scope_scores(self.kind, student, *asked) if rows else []


def _pairs(context: MetricContext) -> list[tuple[Example, Answer | None]]:
    return [(example, one.choice) for example, one in zip(context.examples, context.predictions, strict=True)]


def _ranking(inside: "NDArray[np.float64]", outside: "NDArray[np.float64]") -> list[Score]:
    """Return how well a score tells texts in scope from others, whatever the threshold, with bootstrap intervals."""
    import numpy as np

    values = np.concatenate([inside, outside])
    is_inside = np.arange(len(values)) < len(inside)
    return [
        _ranked("out_of_scope_auroc", "", auroc, is_inside, values),
        _ranked("out_of_scope_fpr_at_95", "share", partial(fpr_at, 0.95), is_inside, values),
    ]


def _ranked(
    name: str, unit: str, of: "Ranking", is_inside: "NDArray[np.bool_]", values: "NDArray[np.float64]"
) -> Score:
    low, high = percentile_interval(len(values), lambda drawn: of(is_inside[drawn], values[drawn]), resamples=500)
    return Score(name, of(is_inside, values), len(values), low, high, unit)


def auroc(is_inside: "NDArray[np.bool_]", values: "NDArray[np.float64]") -> float:
    """Return the chance that a text in scope scores higher than another, ties counted half; nan without either."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(is_inside, values)) if is_inside.any() and not is_inside.all() else float("nan")


def fpr_at(recall: float, is_inside: "NDArray[np.bool_]", values: "NDArray[np.float64]") -> float:
    """Return the share of texts out of scope that is kept where so many of those in scope are; nan without either."""
    if not is_inside.any() or is_inside.all():
        return float("nan")
    threshold = kept_threshold(values[is_inside].tolist(), recall)
    return float((values[~is_inside] >= threshold).mean())


def _curve(inside: "NDArray[np.float64]", outside: "NDArray[np.float64]") -> ResultCurve:
    import numpy as np

    kept = np.linspace(0, 1, POINTS + 1)
    found = [1.0, *(float((outside < kept_threshold(inside.tolist(), share)).mean()) for share in kept[1:])]
    points = tuple(zip(kept.tolist(), found, strict=True))
    return ResultCurve("Texts out of scope that are found", "share of texts in scope that is kept", {"found": points})
