"""The student writes nothing: each choice is scored as the answer."""

from collections.abc import Sequence

from distillrun.evaluation.share import share, share_by_group
from distillrun.interfaces import ChoiceModel, StudentObjective, Task, WritingModel
from distillrun.records import Example, Prediction, Score, ScoredContinuation, is_right


class ChoiceLikelihood:
    """Ranks the choices by the log-likelihood of the answer that names each, in the student's own template.

    A student that reasons first is given the rationale that it wrote (greedily), and its answers are scored after it.

    Scores: `likelihood_sum/accuracy`, by the sum over the answer's tokens; `likelihood_mean/accuracy`, per token; each
    with `/<group>` where there are groups; and `/ties`, the share of questions where the best score is shared (the
    first of them counts as the answer).

    Args:
        rationale_tokens: most new tokens of a rationale that stands before the answer.
    """

    reads_texts = False

    def __init__(self, rationale_tokens: int) -> None:
        self._rationale_tokens = rationale_tokens

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]:
        queries = [objective.query(example, task) for example in examples]
        rationales = [""] * len(examples)
        first = [n for n, query in enumerate(queries) if query.rationale == "before"]
        if first and isinstance(student, WritingModel):
            texts = student.generate([queries[n].answer for n in first], self._rationale_tokens, tokens_per_batch)
            for n, text in zip(first, texts, strict=True):
                rationales[n] = objective.read(text, None).rationale
        continuations = [
            [objective.continuation(example, choice, task, rationale) for choice in range(len(example.choices))]
            for example, rationale in zip(examples, rationales, strict=True)
        ]
        scored = student.score([query.answer for query in queries], continuations, tokens_per_batch)
        return [
            _prediction(example, rationale, scores)
            for example, rationale, scores in zip(examples, rationales, scored, strict=True)
        ]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        scores = []
        for rule in ("likelihood_sum", "likelihood_mean"):
            values = [_values(prediction, rule) for prediction in predictions]
            right = [is_right(example, best(row)) for row, example in zip(values, examples, strict=True)]
            scores += share_by_group(f"{rule}/accuracy", right, examples)
            scores.append(share(f"{rule}/ties", [row.count(max(row)) > 1 for row in values]))
        return scores


def best(values: Sequence[float]) -> int:
    """Return the index of the greatest value, the first of equals."""
    return max(range(len(values)), key=values.__getitem__)


def _prediction(example: Example, rationale: str, scores: Sequence[ScoredContinuation]) -> Prediction:
    log_probs = tuple(score.log_prob for score in scores)
    tokens = tuple(score.tokens for score in scores)
    choice = best(log_probs)
    return Prediction(example.id, example.choices[choice], rationale, choice, log_probs, tokens)


def _values(prediction: Prediction, rule: str) -> list[float]:
    log_probs, tokens = prediction.choice_log_probs, prediction.choice_tokens
    if log_probs is None or tokens is None:
        raise ValueError(f"the prediction of {prediction.example_id} holds no choice log-probs; score it anew")
    if rule == "likelihood_sum":
        return list(log_probs)
    return [log_prob / count for log_prob, count in zip(log_probs, tokens, strict=True)]
