"""The scoring rule of texts with several labels each: those that are likelier than not."""

import math
from collections.abc import Sequence

from distillrun.evaluation.shared.label_set_scores import f1_of_rows, flags_of, micro_f1
from distillrun.evaluation.shared.likelihood_rule import all_answers
from distillrun.evaluation.shared.share import mean_share, share
from distillrun.interfaces import ChoiceModel, StudentObjective, Task
from distillrun.records import Example, Prediction, Score, place
from distillrun.statistics.resampling import percentile_interval


class LabelSets:
    """The labels whose probability is one half or more, of texts that may have any number of them.

    Scores: `label_sets/accuracy`, the share of texts whose labels are all right and no other is said;
    `label_sets/micro_f1`, over all pairs of text and label; `label_sets/sample_f1`, the mean F1 over texts, where a
    text without any label counts 1 if none is said. A question with one answer counts as one that has this label alone.
    """

    label_sets = "also"

    rule = (
        "A text has the labels whose probability is one half or more. Accuracy counts texts whose labels are all "
        "right, with none too many; F1 is the harmonic mean of precision and recall."
    )
    reads_texts = False

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]:
        sources = [objective.query(example, task).answer for example in examples]
        answers = all_answers(objective, examples, task, [""] * len(examples))
        found = []
        for example, scores in zip(examples, student.score(sources, answers, tokens_per_batch), strict=True):
            values = tuple(min(0.0, one.log_prob) for one in scores)
            labels = tuple(place for place, value in enumerate(values) if math.exp(value) >= 0.5)
            named = ", ".join(example.choices[place] for place in labels)
            found.append(Prediction(example.id, named, "", None, values, labels=labels))
        return found

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        wide = max(len(example.choices) for example in examples)
        right = flags_of([right_labels(example) for example in examples], wide)
        said = flags_of([one.labels or () for one in predictions], wide)
        low, high = percentile_interval(len(said), lambda drawn: micro_f1(right[drawn], said[drawn]), resamples=500)
        return [
            share("label_sets/accuracy", [bool(one) for one in (right == said).all(axis=1)]),
            Score("label_sets/micro_f1", micro_f1(right, said), len(said), low, high),
            mean_share("label_sets/sample_f1", f1_of_rows(right, said).tolist()),
        ]


def right_labels(example: Example) -> tuple[int, ...]:
    """Return the labels of a text; a question with one answer has this alone."""
    if example.answers is not None:
        return example.answers
    return () if example.answer is None else (place(example.answer),)
