"""Calibration: how well the student's confidence matches its accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from distillrun.evaluation.shared.confidence import (
    Confidence,
    calibration_bins,
    contradicts_one,
    error_by_chance,
    expected_calibration_error,
    fitted_temperature,
    risk_coverage,
    sureness_of,
    sureness_score,
)
from distillrun.evaluation.shared.share import mean
from distillrun.interfaces import MetricContext
from distillrun.records import (
    Example,
    Json,
    MetricResult,
    Prediction,
    ResultCurve,
    ResultTable,
    Score,
    answer_of,
    is_right,
)

DEFERRED = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
POINTS = 60
"""Of the drawn risk-coverage curve."""


class Calibration:
    """The calibration of the student's choices: its confidence against its accuracy.

    Scores: `calibration_error` (ECE), `brier`, `risk_coverage_area` (the mean risk over all coverages; lower is
    better). Tables and curves: reliability, risk against coverage, and a cascade that defers the least sure questions
    to the teacher.

    Args:
        of: the evaluator that scored the choices.
        bins: of equal width.
        teacher: what the run's teacher is asked for the cascade, answers or choice_scores; null = the cascade shows
            how often the teacher would have to be right.
        temperature: one, or fitted on dev, by which log-likelihoods are divided: `temperature`,
            `calibration_error/fitted` and `brier/fitted` are then scored, too. It stays 1 where dev does not show that
            another one is better: in its likelihood, beyond chance, and in its calibration error.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it looks at the probabilities of choices; use evaluation=[generated_answer,self_consistency]"
    )

    ADDED: ClassVar[Mapping[str, Json]] = {"temperature": "one"}
    MEANING: ClassVar[int] = 4  # 2: equal choices are one; 3: a bin holds its upper edge; 4: dev decides on T

    rule = (
        "The softmax of the choices' log-likelihoods is the student's confidence. A calibrated student is right "
        "as often as its confidence says; a useful confidence makes few mistakes on its most confident answers."
    )

    def __init__(
        self,
        of: str,
        bins: int,
        teacher: Literal["answers", "choice_scores"] | None,
        temperature: Literal["one", "fitted"],
    ) -> None:
        if bins < 1:
            raise ValueError(f"bins={bins} must be 1 or more")
        self.of = of
        self._bins = bins
        self._fits = temperature == "fitted"
        self.wants = frozenset({teacher} if teacher else ())

    def measure(self, context: MetricContext) -> MetricResult:
        found = [sureness_of(*pair) for pair in zip(context.predictions, context.examples, strict=True)]
        curve = risk_coverage(found)
        scores = [
            sureness_score("calibration_error", found, lambda part: expected_calibration_error(part, self._bins)),
            mean("brier", [one.brier for one in found]),
            sureness_score("risk_coverage_area", found, _area),
        ]
        scores += self._fitted(context) if self._fits else []
        reliability = ResultTable(
            "Confidence and accuracy",
            ("mean confidence", "accuracy", "questions"),
            tuple(calibration_bins(found, self._bins)),
            shares=("mean confidence", "accuracy"),
        )
        shown = [*curve[:: max(1, len(curve) // POINTS)], curve[-1]]
        risks = ResultCurve(
            "Risk against coverage",
            "share answered",
            {"wrong": tuple(shown)},
            f"Error rate over the most confident questions; mean {_area(found):.3f}",
        )
        teacher = None
        if self.wants:
            records = context.reference()
            pairs = zip(context.examples, records, strict=True)
            teacher = [is_right(example, answer_of(record, example)) for example, record in pairs]
        usual, most = error_by_chance(found, self._bins)
        note = (
            f"A student whose confidences were right would have a calibration error of {usual:.4f} on as many "
            f"questions by chance, and one above {most:.4f} one time in twenty: up to there, no miscalibration is "
            "shown. The interval is the spread of the error over questions, less what resampling adds to it."
        )
        return MetricResult(tuple(scores), (reliability, cascade(found, teacher)), (risks,), note=note)

    def _fitted(self, context: MetricContext) -> list[Score]:
        """Return the temperature that fits the dev questions best, and what the test's confidences score under it."""
        dev = context.answer(context.student, context.dev)
        temperature = self._useful(fitted_temperature(dev, context.dev), dev, context.dev)
        cooled = [_cooled(prediction, temperature) for prediction in context.predictions]
        found = [sureness_of(*pair) for pair in zip(cooled, context.examples, strict=True)]
        error = sureness_score(
            "calibration_error/fitted", found, lambda part: expected_calibration_error(part, self._bins)
        )
        fitted = Score("temperature", temperature, len(dev), temperature, temperature)
        return [fitted, error, mean("brier/fitted", [one.brier for one in found])]

    def _useful(self, temperature: float, dev: Sequence[Prediction], examples: Sequence[Example]) -> float:
        """Return a temperature if these questions contradict 1, and it lowers their calibration error; else 1."""

        def error(at: float) -> float:
            found = [sureness_of(_cooled(one, at), example) for one, example in zip(dev, examples, strict=True)]
            return expected_calibration_error(found, self._bins)

        helps = contradicts_one(dev, examples, temperature) and error(temperature) < error(1.0)
        return temperature if helps else 1.0


def _cooled(prediction: Prediction, temperature: float) -> Prediction:
    """Return a prediction whose log-likelihoods are divided by a temperature."""
    values = prediction.choice_log_probs or ()
    return replace(prediction, choice_log_probs=tuple(value / temperature for value in values) or None)


def cascade(found: Sequence[Confidence], teacher: Sequence[bool] | None) -> ResultTable:
    """Return the accuracy if the least confident fraction of the questions goes to the teacher.

    Args:
        found: of each question.
        teacher: whether the teacher is right; None = not known, and the table tells from which accuracy of the
            teacher on those questions on the cascade pays.
    """
    order = sorted(range(len(found)), key=lambda n: found[n].confidence)  # the least sure first
    rows = []
    for part in DEFERRED:
        handed, kept = order[: round(part * len(order))], order[round(part * len(order)) :]
        own = sum(found[n].right for n in kept)
        share = own / len(kept) if kept else None
        worth = sum(found[n].right for n in handed) / len(handed) if handed else None
        helped = None if teacher is None else (own + sum(teacher[n] for n in handed)) / len(order)
        rows.append((f"{100 * part:.0f} %", share, worth, helped))
    columns = ("deferred", "student on kept questions", "student on deferred questions", "cascade")
    note = (
        "The last column needs evaluation.calibration.teacher; a cascade pays where the teacher beats the student on "
        "the deferred questions"
        if teacher is None
        else "The least confident questions go to the teacher"
    )
    return ResultTable("Cascade", columns, tuple(rows), note, columns[1:])


def _area(found: Sequence[Confidence]) -> float:
    curve = risk_coverage(found)
    return sum(risk for _, risk in curve) / len(curve)
