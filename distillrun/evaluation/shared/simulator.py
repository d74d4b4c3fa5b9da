"""The simulator: a model that learns to predict a student's answers, and its test."""

from collections.abc import Sequence
from dataclasses import replace

from distillrun.evaluation.shared.likelihood_rule import chosen
from distillrun.interfaces import ChoiceModel, Task
from distillrun.records import Example, Prediction, Segment, is_right

FORMS = {"question": ("question",), "explanation": ("explanation",), "both": ("question", "explanation")}
"""What the simulator reads in the place of a question, one after the other; the choices follow as the task has them."""


def simulator_examples(examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[Example]:
    """Return what a simulator learns from: every answered and explained question in every form, the student's answer
    in the place of the right one."""
    return [
        replace(formed(example, made, form), id=f"{example.id}/{form}", answer=made.choice, group=None)
        for example, made in zip(examples, predictions, strict=True)
        if made.choice is not None and made.rationale.strip()
        for form in FORMS
    ]


def formed(example: Example, made: Prediction, form: str) -> Example:
    """Return a question as the simulator reads it in a form."""
    parts = {"question": example.question, "explanation": made.rationale.strip()}
    return replace(example, question=" ".join(parts[name] for name in FORMS[form]))


def simulated(
    simulator: ChoiceModel, tested: Sequence[tuple[Example, Prediction]], task: Task, tokens_per_batch: int
) -> dict[str, list[bool]]:
    """Return, by form, whether the likeliest choice is the student's answer, which each example holds as its own."""
    foreseen = {}
    for form in FORMS:
        examples = [formed(example, made, form) for example, made in tested]
        sources = [[Segment(task.student_question(example))] for example in examples]
        answers = [
            [(Segment(task.answer(example, choice)),) for choice in range(len(example.choices))] for example in examples
        ]
        scored = simulator.score(sources, answers, tokens_per_batch)
        foreseen[form] = [is_right(example, chosen(scores)) for example, scores in zip(examples, scored, strict=True)]
    return foreseen
