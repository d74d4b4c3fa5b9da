"""The rules that turn the log-likelihoods of choices into an answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from distillrun.evaluation.shared.share import share, share_by_group
from distillrun.interfaces import StudentObjective, Task
from distillrun.records import Example, Prediction, Score, ScoredContinuation, Segment, is_right, reads_alike

Number = TypeVar("Number", int, float)

Values = Callable[[Prediction, Example], list[float]]
"""(prediction, its question) -> a value for each choice; the greatest is the answer."""


def summed(prediction: Prediction, example: Example) -> list[float]:
    """Return the log-likelihood of each answer, in nats."""
    return list(_known(prediction, prediction.choice_log_probs))


def per_token(prediction: Prediction, example: Example) -> list[float]:
    """Return it per token of the answer."""
    tokens = _known(prediction, prediction.choice_tokens)
    return [value / count for value, count in zip(summed(prediction, example), tokens, strict=True)]


def per_character(prediction: Prediction, example: Example) -> list[float]:
    """Return it per character of the choice, as lm-evaluation-harness's `acc_norm` does."""
    return [value / max(1, len(text)) for value, text in zip(summed(prediction, example), example.choices, strict=True)]


def above_prior(prediction: Prediction, example: Example) -> list[float]:
    """Return how much likelier the question makes each answer: its log-likelihood less the one without a question.

    Source: Holtzman et al. 2021, https://arxiv.org/abs/2104.08315, equation 3 (domain-conditional PMI).
    """
    prior = _known(prediction, prediction.choice_prior)
    return [value - without for value, without in zip(summed(prediction, example), prior, strict=True)]


def answers_to(
    objective: StudentObjective, example: Example, task: Task, rationale: str = ""
) -> list[tuple[Segment, ...]]:
    """Return what a student would write to answer a question with each of its choices, after a rationale."""
    return [objective.continuation(example, choice, task, rationale) for choice in range(len(example.choices))]


def all_answers(
    objective: StudentObjective, examples: Sequence[Example], task: Task, rationales: Sequence[str]
) -> list[list[tuple[Segment, ...]]]:
    """Return `answers_to` each question after its rationale; equal choices are written once."""
    written: dict[tuple[tuple[str, ...], str], list[tuple[Segment, ...]]] = {}
    for example, rationale in zip(examples, rationales, strict=True):
        if (example.choices, rationale) not in written:
            written[example.choices, rationale] = answers_to(objective, example, task, rationale)
    return [written[example.choices, rationale] for example, rationale in zip(examples, rationales, strict=True)]


def chosen(scores: Sequence[ScoredContinuation]) -> int:
    """Return the choice whose answer is the likeliest, the first of equals."""
    return best([score.log_prob for score in scores])


def scored_prediction(
    example: Example,
    texts: Sequence[str],
    scores: Sequence[ScoredContinuation],
    rationale: str = "",
    prior: tuple[float, ...] | None = None,
) -> Prediction:
    """Return the likeliest choice as a prediction, with the scores of all.

    Args:
        example: the question.
        texts: what each choice is called as an answer.
        scores: of each choice.
        rationale: after which they were scored.
        prior: the same without the question, where they were scored so, too.
    """
    choice = chosen(scores)
    log_probs, tokens = tuple(score.log_prob for score in scores), tuple(score.tokens for score in scores)
    return Prediction(example.id, texts[choice], rationale, choice, log_probs, tokens, prior)


def best(values: Sequence[float]) -> int:
    """Return the index of the greatest value, the first of equals."""
    return max(range(len(values)), key=values.__getitem__)


def scores_by_rule(
    rules: Mapping[str, Values], predictions: Sequence[Prediction], examples: Sequence[Example]
) -> list[Score]:
    """Return `<rule>/accuracy`, by group too, and `<rule>/ties`: how often the best value is shared."""
    scores = []
    for name, rule in rules.items():
        values = [rule(prediction, example) for prediction, example in zip(predictions, examples, strict=True)]
        right = [is_right(example, best(row)) for row, example in zip(values, examples, strict=True)]
        scores += share_by_group(f"{name}/accuracy", right, examples)
        scores.append(share(f"{name}/ties", list(map(is_tied, values, examples))))
    return scores


def is_tied(values: Sequence[float], example: Example) -> bool:
    """Return whether choices with different texts share the greatest value."""
    top = best(values)
    return any(value == values[top] and not reads_alike(example, n, top) for n, value in enumerate(values))


def _known(prediction: Prediction, values: tuple[Number, ...] | None) -> tuple[Number, ...]:
    if values is None:
        raise ValueError(f"the prediction of {prediction.example_id} holds no choice log-probs; score it again")
    return values
