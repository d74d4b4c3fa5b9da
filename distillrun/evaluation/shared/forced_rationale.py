"""A student's answers after a rationale that is prefixed to its output."""

from collections.abc import Sequence

from distillrun.evaluation.shared.likelihood_rule import answers_to, chosen
from distillrun.interfaces import MetricContext

NOT_APPLICABLE = (
    "Not applicable: this student answers before it explains, or without explaining, so that no rationale can change "
    "its answer. Choose objective=counterfactual, or rationale_answer with objective.order=rationale_first, for one "
    "that reasons first."
)


def reasons_first(context: MetricContext) -> bool:
    """Return whether the student answers after its own rationale."""
    return all(context.objective.query(example, context.task).rationale == "before" for example in context.examples)


def choices_after(context: MetricContext, rationales: Sequence[str]) -> list[int]:
    """Return the choice whose answer is the likeliest after each rationale, one for each test question."""
    objective, task = context.objective, context.task
    sources = [objective.query(example, task).answer for example in context.examples]
    continuations = [
        answers_to(objective, example, task, rationale)
        for example, rationale in zip(context.examples, rationales, strict=True)
    ]
    scored = context.student().score(sources, continuations, context.tokens_per_batch)
    return [chosen(scores) for scores in scored]
