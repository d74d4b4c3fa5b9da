"""A student's confidence in its answers, and scores of that confidence."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distillrun.records import Example, Prediction, Score, first_alike, gold_choice, is_right
from distillrun.statistics.resampling import shifted_interval

CHI_SQUARE = 3.8415
"""With one degree of freedom, what is exceeded one time in twenty."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """One question: the probability of the student's answer, whether that is right, and its share of the Brier score.

    Choices with equal texts are one answer, which is as likely as the likeliest of them: the same words are not twice
    as likely because they are there twice, and the answer is the one that accuracy is counted of.
    """

    confidence: float
    right: bool
    brier: float


def answer_shares(prediction: Prediction, example: Example, temperature: float = 1.0) -> dict[int, float]:
    """Return the probability of each answer by its first choice, from the softmax of the log-likelihoods.

    Raises:
        ValueError: the choices were not scored.
    """
    if prediction.choice_log_probs is None:
        raise ValueError(f"the prediction of {prediction.example_id} holds no choice log-probs; choose another `of`")
    top = max(prediction.choice_log_probs)
    weights = [math.exp((value - top) / temperature) for value in prediction.choice_log_probs]
    answers: dict[int, float] = {}
    for choice, weight in enumerate(weights):
        first = first_alike(example, choice)
        answers[first] = max(weight, answers.get(first, 0.0))
    total = sum(answers.values())
    return {choice: weight / total for choice, weight in answers.items()}


def sureness_of(prediction: Prediction, example: Example) -> Confidence:
    """Return the confidence of a prediction, see `answer_shares`."""
    shares = answer_shares(prediction, example)
    best = max(shares, key=shares.__getitem__)
    brier = sum((share - is_right(example, choice)) ** 2 for choice, share in shares.items())
    return Confidence(shares[best], is_right(example, best), brier)


def fitted_temperature(predictions: Sequence[Prediction], examples: Sequence[Example]) -> float:
    """Return the temperature under which the right answers are the likeliest, between 0.01 and 100.

    The log-likelihoods of the choices are divided by it; above 1 it makes a student less sure. One of n + 2 parts of
    the right answer is spread over all choices: a student that is right on all of dev would be made certain otherwise.

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2; the smoothing: Platt 1999, Probabilistic
    Outputs for Support Vector Machines, section 2.2.
    """
    from scipy.optimize import minimize_scalar

    pairs = _scored(predictions, examples)
    bound = math.log(100)
    found = minimize_scalar(lambda log: _loss(pairs, math.exp(log)), bounds=(-bound, bound), method="bounded")
    return math.exp(float(found.x))


def contradicts_one(predictions: Sequence[Prediction], examples: Sequence[Example], temperature: float) -> bool:
    """Return whether a fitted temperature explains these questions better than 1 does, beyond chance: by the likelihood
    ratio test with one degree of freedom, at 5 %.

    Source: Wilks 1938, https://doi.org/10.1214/aoms/1177732360.
    """
    pairs = _scored(predictions, examples)
    return 2 * (_loss(pairs, 1.0) - _loss(pairs, temperature)) > CHI_SQUARE


def _scored(predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[tuple[Sequence[float], int]]:
    return [
        (one.choice_log_probs or (), gold_choice(example)) for one, example in zip(predictions, examples, strict=True)
    ]


def _loss(pairs: Sequence[tuple[Sequence[float], int]], temperature: float) -> float:
    """Return the negative log-likelihood of the right answers in nats, of which a part is spread over all choices."""
    import numpy as np

    spread = 1 / (len(pairs) + 2)
    rows = [(np.array(values) / temperature, right) for values, right in pairs]
    said = (float((1 - spread) * row[right] + spread * row.mean()) for row, right in rows)
    return math.fsum(float(np.logaddexp.reduce(row)) - value for (row, _), value in zip(rows, said, strict=True))


def calibration_bins(found: Sequence[Confidence], bins: int) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, count) of each bin of equal width that holds a question.

    A bin holds its upper edge and not its lower one, but for the first, which holds 0, too.
    """
    members: list[list[Confidence]] = [[] for _ in range(bins)]
    for one, place in zip(found, _places(found, bins), strict=True):
        members[place].append(one)
    return [
        (sum(one.confidence for one in held) / len(held), sum(one.right for one in held) / len(held), len(held))
        for held in members
        if held
    ]


def expected_calibration_error(found: Sequence[Confidence], bins: int) -> float:
    """Return the mean gap between confidence and accuracy over the bins, weighted by their counts.

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3.
    """
    return sum(count * abs(sure - right) for sure, right, count in calibration_bins(found, bins)) / len(found)


def error_by_chance(found: Sequence[Confidence], bins: int, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Return the calibration error that students with these confidences would have by chance, were they calibrated.

    An error is never below 0, so that the best calibrated student has one, the more so the fewer the questions.

    Returns:
        Its mean, and what it is above in one of twenty draws.

    Source: consistency resampling, Bröcker and Smith 2007, https://doi.org/10.1175/WAF993.1.
    """
    import numpy as np

    confidences = np.array([min(1.0, one.confidence) for one in found])
    inside = np.eye(bins)[_places(found, bins)]
    drawn = np.random.default_rng(seed).random((draws, len(found))) < confidences
    errors = np.abs((drawn - confidences) @ inside).sum(axis=1) / len(found)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def sureness_score(name: str, found: Sequence[Confidence], statistic: Callable[[Sequence[Confidence]], float]) -> Score:
    """Return a statistic of questions, 0 or more, with its bootstrap interval over them, less the bootstrap's bias.

    A resample holds questions twice, which makes its calibration error greater than that of the questions themselves:
    percentiles alone would lie above the value. They are shifted by the mean of that difference.

    Source: the bootstrap estimate of bias: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 10.2.
    """
    value = statistic(found)
    low, high = shifted_interval(len(found), lambda drawn: statistic([found[n] for n in drawn]), value, resamples=500)
    return Score(name, value, len(found), max(0.0, low), high)


def risk_coverage(found: Sequence[Confidence]) -> list[tuple[float, float]]:
    """Return (share answered, share of those that is wrong), the surest questions first; equals keep their order.

    Source: El-Yaniv and Wiener 2010, Journal of Machine Learning Research 11, 1605-1641.
    """
    wrong, points = 0, []
    for count, one in enumerate(sorted(found, key=lambda one: -one.confidence), start=1):
        wrong += not one.right
        points.append((count / len(found), wrong / count))
    return points


def _places(found: Sequence[Confidence], bins: int) -> list[int]:
    """Return in which bin each question lies."""
    # the edges are quotients, as a share of answers that lies on one is: products may miss it by rounding
    edges = [place / bins for place in range(1, bins)]
    return [bisect_left(edges, one.confidence) for one in found]
