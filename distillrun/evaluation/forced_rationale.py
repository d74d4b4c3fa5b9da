"""What a student answers after a rationale that is put into its mouth."""

from collections.abc import Sequence

from distillrun.evaluation.likelihood_rule import best
from distillrun.interfaces import Answered

NOT_APPLICABLE = (
    "Not applicable: this student answers before it explains, or without explaining, so that no rationale can change "
    "its answer. Choose objective=rationale_answer, counterfactual or multitask_counterfactual for one that reasons "
    "first."
)


def reasons_first(answered: Answered) -> bool:
    """Return whether the student answers after its own rationale."""
    return all(answered.objective.query(example, answered.task).rationale == "before" for example in answered.examples)


def choices_after(answered: Answered, rationales: Sequence[str]) -> list[int]:
    """Return the choice whose answer is the likeliest after each rationale, one for each test question."""
    objective, task = answered.objective, answered.task
    sources = [objective.query(example, task).answer for example in answered.examples]
    continuations = [
        [objective.continuation(example, choice, task, rationale) for choice in range(len(example.choices))]
        for example, rationale in zip(answered.examples, rationales, strict=True)
    ]
    scored = answered.student().score(sources, continuations, answered.tokens_per_batch)
    return [best([score.log_prob for score in scores]) for scores in scored]
