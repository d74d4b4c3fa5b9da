"""The scoring rule that ranks choices by the log-likelihood of their answers; the student writes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from distillrun.evaluation.shared.likelihood_rule import (
    above_prior,
    all_answers,
    per_character,
    per_token,
    scored_prediction,
    scores_by_rule,
    summed,
)
from distillrun.interfaces import ChoiceModel, StudentObjective, Task, WritingModel
from distillrun.records import Example, Prediction, Score, Segment

RULES = {
    "likelihood_sum": summed,
    "likelihood_mean": per_token,
    "likelihood_character": per_character,
    "likelihood_prior": above_prior,
}


class ChoiceLikelihood:
    """The choice whose answer has the highest log-likelihood, in the student's own template.

    A student that reasons first is given the rationale that it wrote (greedily), and its answers are scored after it.

    Scores: `likelihood_sum/accuracy`, by the sum over the answer's tokens; `likelihood_mean/accuracy`, per token;
    `likelihood_character/accuracy`, per character of the choice; and where `prior`, `likelihood_prior/accuracy`, by the
    sum less that of the same answer to no question. Each has `/<group>` where there are groups; and `/ties`, the share
    of questions where the best score is shared (the first of them counts as the answer). The answer that the prediction
    names is that of the sum. Where every answer is one token, or an output of its own of a student that writes nothing,
    its length plays no part, and there is neither the mean nor the one per character.

    Args:
        rationale_tokens: most new tokens of a rationale that stands before the answer.
        prior: whether answers are also scored without a question.
    """

    CHOICES_ONLY: ClassVar[str] = "it scores each choice; use evaluation=[generated_answer]"

    MEANING: ClassVar[int] = 2  # choices with equal texts are one

    rule = (
        "Each choice is scored as the answer, in the words that the student would write; the likeliest is its answer: "
        "by the sum over the tokens, per token, per character, and by how much the question adds to the answer's prior."
    )
    reads_texts = False

    def __init__(self, rationale_tokens: int, prior: bool) -> None:
        self._rationale_tokens = rationale_tokens
        self._prior = prior

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
        continuations = all_answers(objective, examples, task, rationales)
        scored = student.score([query.answer for query in queries], continuations, tokens_per_batch)
        priors: list[tuple[float, ...] | None] = [None] * len(examples)
        if self._prior:
            sources = [objective.query(_unasked(example), task).answer for example in examples]
            priors = list(_priors(student, sources, continuations, tokens_per_batch))
        return [
            scored_prediction(example, example.choices, scores, rationale, prior)
            for example, rationale, scores, prior in zip(examples, rationales, scored, priors, strict=True)
        ]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        left_out = set() if self._prior else {"likelihood_prior"}
        if all(count == 1 for prediction in predictions for count in prediction.choice_tokens or ()):
            left_out |= {"likelihood_mean", "likelihood_character"}
        return scores_by_rule(
            {name: rule for name, rule in RULES.items() if name not in left_out}, predictions, examples
        )


def _unasked(example: Example) -> Example:
    """Return a question without its text and choices: what is left is the template."""
    return replace(example, question="", choices=())


def _priors(
    student: ChoiceModel,
    sources: Sequence[Sequence[Segment]],
    continuations: Sequence[Sequence[Sequence[Segment]]],
    tokens_per_batch: int,
) -> list[tuple[float, ...]]:
    """Return the log-likelihoods of answers after sources that are mostly equal; each distinct pair is scored once."""
    wanted: dict[tuple[Segment, ...], dict[tuple[Segment, ...], float]] = {}
    for source, answers in zip(sources, continuations, strict=True):
        wanted.setdefault(tuple(source), {}).update({tuple(answer): 0.0 for answer in answers})
    scored = student.score(list(wanted), [list(answers) for answers in wanted.values()], tokens_per_batch)
    for known, scores in zip(wanted.values(), scored, strict=True):
        known.update(zip(known, (score.log_prob for score in scores), strict=True))
    return [
        tuple(wanted[tuple(source)][tuple(answer)] for answer in answers)
        for source, answers in zip(sources, continuations, strict=True)
    ]
