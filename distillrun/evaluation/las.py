"""Leakage-adjusted simulatability: how much an explanation helps another model to predict the student's answer."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from distillrun.evaluation.shared.share import share
from distillrun.evaluation.shared.simulator import FORMS, simulated, simulator_examples
from distillrun.interfaces import MetricContext, Student
from distillrun.records import Example, Json, MetricResult, Prediction, ResultTable, Score
from distillrun.statistics.resampling import percentile_interval

Flags = NDArray[np.bool_]


class Las:
    """A simulator trained to predict the student's own answers (not the right ones) from question and explanation.

    The simulator learns from the student's answers to training questions, in three forms side by side: the question,
    the explanation, and both. At test, an explanation leaks where the explanation alone lets it foresee the answer.
    LAS = mean over {leaked, not leaked} of acc(question + explanation) - acc(question), so that an explanation that
    only gives the answer away earns nothing.

    Scores: `las` (-1 to 1, percentile bootstrap over questions), and `las/<form>`, how often the simulator foresees the
    answer. Where no explanation leaks, or every one does, LAS is not defined, and the note says so.

    Args:
        of: the evaluator whose answers and explanations are foreseen.
        simulator: the model to train.
        train_questions: of the training split, how many the student answers for the simulator.
        steps: of the simulator's training; its other settings are the run's.
        seed: of the draw of the training questions.

    Source: Hase et al. 2020, https://arxiv.org/abs/2010.04119, section 4.
    """

    CHOICES_ONLY: ClassVar[str] = "its simulator foresees choices; use evaluation=[generated_answer,explanation_text]"

    rule = (
        "A second model learns to predict the student's answers. LAS is how much better it does with the explanation, "
        "the mean of explanations that give the answer away and of those that do not. Its interval is over questions, "
        "of this one simulator."
    )
    wants: frozenset[str] = frozenset()

    def __init__(self, of: str, simulator: Student, train_questions: int, steps: int, seed: int) -> None:
        if train_questions < 1 or steps < 1:
            raise ValueError(f"train_questions={train_questions} and steps={steps} must be 1 or more")
        self.of = of
        self._simulator = simulator
        self._train_questions = train_questions
        self._steps = steps
        self._seed = seed

    def measure(self, context: MetricContext) -> MetricResult:
        count = min(self._train_questions, len(context.trained_on))
        asked = Random(self._seed).sample(list(context.trained_on), count)
        examples = simulator_examples(asked, context.answer(context.student, asked))
        tested = _answered(context.examples, context.predictions)
        if not examples or not tested:
            return MetricResult(note="The student explains too few of its answers for a simulator to learn from.")
        simulator = context.teach(self._simulator, examples, self._steps)
        foreseen = simulated(simulator, tested, context.task, context.tokens_per_batch)
        leaked, question, both = (np.array(foreseen[form]) for form in ("explanation", "question", "both"))
        scores = [share(f"las/{form}", foreseen[form]) for form in FORMS]
        value = las_value(leaked, both, question)
        note = ""
        if value == value:
            low, high = percentile_interval(len(tested), lambda n: las_value(leaked[n], both[n], question[n]))
            scores.insert(0, Score("las", value, len(tested), low, high))
        else:
            note = "LAS is not defined: either every explanation gives the answer away to the simulator, or none does."
        rows: list[dict[str, Json]] = [
            {"example_id": example.id, **{form: foreseen[form][n] for form in FORMS}}
            for n, (example, _) in enumerate(tested)
        ]
        return MetricResult(tuple(scores), (_table(leaked, both, question),), rows=tuple(rows), note=note)


def las_value(leaked: Flags, both: Flags, question: Flags) -> float:
    """Return LAS; nan where one of the two subgroups is empty.

    Args:
        leaked, both, question: [n] whether the answer is foreseen from the explanation, both, and the question.

    Source: Hase et al. 2020, https://arxiv.org/abs/2010.04119, equation 1.
    """
    if leaked.all() or not leaked.any():
        return float("nan")
    gain = both.astype(float) - question.astype(float)
    return float((gain[leaked].mean() + gain[~leaked].mean()) / 2)


def _answered(examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[tuple[Example, Prediction]]:
    """Return the questions that the student answered and explained, with its answer in the place of the right one."""
    return [
        (replace(example, answer=made.choice), made)
        for example, made in zip(examples, predictions, strict=True)
        if made.choice is not None and made.rationale.strip()
    ]


def _table(leaked: Flags, both: Flags, question: Flags) -> ResultTable:
    rows = [
        (name, int(group.sum()), *(float(flags[group].mean()) if group.any() else None for flags in (question, both)))
        for name, group in (("leaked", leaked), ("not leaked", ~leaked))
    ]
    columns = ("explanations", "questions", "predicted from the question", "and with the explanation")
    title = "How often the simulator predicts the student's answer"
    return ResultTable(title, columns, tuple(rows), shares=columns[2:])
