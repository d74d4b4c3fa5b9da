"""The scoring rule that parses the student's greedy text."""

from collections.abc import Sequence

from distillrun.errors import ConfigError
from distillrun.evaluation.shared.share import mean_share, share, share_by_group
from distillrun.interfaces import ChoiceModel, StudentObjective, Task, WritingModel
from distillrun.records import Example, FreeAnswer, Prediction, Query, Score, is_right


class GeneratedAnswer:
    """Greedy text, stopped at the end of sequence, parsed by the task; an unparsed answer is wrong and counted apart.

    Scores: `accuracy` (and `accuracy/<group>`); of answers in free form the mean `score`; `unparsed`, and, over the
    parsed answers only, `accuracy_parsed`.

    Args:
        answer_tokens: most new tokens of an answer.
        explanation_tokens: most new tokens of an explanation; added to the answer's where one text holds both.
        explain: whether explanations are generated too where they need a text of their own.
    """

    rule = (
        "The student writes greedily, and the task reads the answer from the text; where none can be read, it is wrong "
        "and counted as unparsed."
    )
    reads_texts = True

    def __init__(self, answer_tokens: int, explanation_tokens: int, explain: bool) -> None:
        for key, value in {"answer_tokens": answer_tokens, "explanation_tokens": explanation_tokens}.items():
            if value < 1:
                raise ConfigError(f"evaluation.generated_answer.{key}={value} allows no text; choose at least 1")
        self._answer_tokens = answer_tokens
        self._explanation_tokens = explanation_tokens
        self._explain = explain

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]:
        if not isinstance(student, WritingModel):
            raise ConfigError("evaluation=[generated_answer] needs a student that writes; choose [choice_likelihood]")
        queries = [objective.query(example, task) for example in examples]
        answers = student.generate([query.answer for query in queries], self._new_tokens(queries), tokens_per_batch)
        explained = [query.explain for query in queries if query.explain is not None] if self._explain else []
        explanations: list[str] | list[None] = [None] * len(examples)
        if explained:
            explanations = student.generate(explained, self._explanation_tokens, tokens_per_batch)
        predictions = []
        for example, answer, explanation in zip(examples, answers, explanations, strict=True):
            reply = objective.read(answer, explanation)
            predictions.append(Prediction(example.id, answer, reply.rationale, task.parse(reply.answer, example)))
        return predictions

    def _new_tokens(self, queries: Sequence[Query]) -> int:
        """Return the most new tokens that an answer text may need; a rationale after it is only read on request."""
        places = {query.rationale for query in queries}
        with_rationale = "before" in places or (self._explain and "after" in places)
        return self._answer_tokens + (self._explanation_tokens if with_rationale else 0)

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        right = [is_right(example, made.choice) for made, example in zip(predictions, examples, strict=True)]
        parsed = [hit for hit, made in zip(right, predictions, strict=True) if made.choice is not None]
        free = [made.choice for made in predictions if isinstance(made.choice, FreeAnswer)]
        grades = [made.choice.score or 0.0 if isinstance(made.choice, FreeAnswer) else 0.0 for made in predictions]
        return [
            *share_by_group("accuracy", right, examples),
            *([mean_share("score", grades)] if free else []),
            share("unparsed", [made.choice is None for made in predictions]),
            *([share("accuracy_parsed", parsed)] if parsed else []),
        ]
