"""The largest micro-batches of a training, by the lengths of its texts, before the teacher has written any."""

from collections.abc import Iterator, Sequence

from distillrun.config.schema import TrainingConfig
from distillrun.interfaces import FreeFormTask, LanguageModel, StudentObjective, Task
from distillrun.language_model.batching import micro_batches, padded_size
from distillrun.pipeline.preflight_logits import RATIONALE_TOKENS
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.records import Answer, Example, Rationale, TargetPair, TeacherRecord
from distillrun.training.memory import Batch
from distillrun.training.order import examples_of_step

EXAMPLES, STEPS = 400, 200
"""How many examples are measured, evenly spaced, and how many steps are looked through for the largest one."""

WORD = " time"
"""A word that most tokenizers know as one token."""


def largest_batches(
    model: LanguageModel,
    objective: StudentObjective,
    task: Task,
    data: TrainingData | Sequence[Example],
    settings: TrainingConfig,
) -> list[Batch]:
    """Return the two largest micro-batches of the largest step, the largest first; one where a step has no second.

    Args:
        model: measures the texts.
        objective, task: what is learnt.
        data: what is trained on or, where the teacher has not been asked, the training examples.
        settings: of the training.
    """
    pairs = [[*own] for own in _pairs(objective, task, data)]
    lengths = iter(model.lengths([pair for own in pairs for pair in own]))
    measured = [[next(lengths) for _ in own] for own in pairs]
    longest = getattr(objective, "max_new_tokens", None)  # what the student writes itself
    steps = []
    for step in range(min(settings.max_steps, STEPS)):
        visits = examples_of_step(len(measured), settings.seed, settings.examples_per_step, step)
        own = [length for _, index in visits for length in measured[index]]
        steps.append([(source, max(target, longest or 0), learnt) for source, target, learnt in own])
    largest = max(steps, key=lambda own: padded_size([(source, target) for source, target, _ in own]))
    sizes = [(source, target) for source, target, _ in largest]
    return [
        Batch(
            len(group),
            max(sizes[n][0] for n in group),
            max(sizes[n][1] for n in group),
            sum(max(largest[n][2], longest or 0) for n in group),
        )
        for group in micro_batches(sizes, settings.micro_batch_tokens)[:2]
    ]


def _pairs(
    objective: StudentObjective, task: Task, data: TrainingData | Sequence[Example]
) -> Iterator[Sequence[TargetPair]]:
    """Yield the pairs of some examples; those without any are left out."""
    if isinstance(data, TrainingData):
        records: Sequence[TeacherRecord | None] = data.records or [None] * len(data.train)
        known = [*zip(data.train, records, strict=True)]
    else:
        known = [(example, _placeholder(example, objective, task)) for example in data[:: len(data) // EXAMPLES + 1]]
    for example, record in known[:: len(known) // EXAMPLES + 1]:
        if pairs := objective.targets(example, record, task, 0):
            yield pairs


def _placeholder(example: Example, objective: StudentObjective, task: Task) -> TeacherRecord | None:
    """Return a record with rationales of the usual length, for the kinds that an objective needs."""
    if not objective.needs:
        return None
    right: Answer = example.answer if example.answer is not None else 0
    if isinstance(task, FreeFormTask) and example.answer is None:
        right = task.an_answer()
    wrong = next((place for place in range(len(example.choices)) if place != right), right)
    text = (WORD * RATIONALE_TOKENS).strip()
    rationales = (
        Rationale(text, text, right, "factual", "initial"),
        Rationale(text, text, right, "factual", "revised"),
        Rationale(text, text, wrong, "counterfactual", "initial"),
    )
    shares = (0.0,) * len(example.choices)
    return TeacherRecord(example.id, rationales, {}, right, 1.0, shares, answers=(0,), label_shares=shares)
