"""The loss of one optimizer step and its gradients, in as few forward passes as the token budget allows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from distillrun.interfaces import (
    ActiveObjective,
    ChoiceModel,
    ChoiceObjective,
    LanguageModel,
    StudentObjective,
    Task,
    requirements_of,
)
from distillrun.language_model.batching import micro_batches
from distillrun.loss.tensors import Count, Loss
from distillrun.records import Question, TargetPair, TrainingItem
from distillrun.training.supervision import Supervision
from distillrun.training.visits import Questions


@dataclass(slots=True)
class StepStats:
    """The totals of a step.

    Attributes:
        loss: its loss.
        parts: its named parts.
        target_tokens: learnt tokens; a choice counts as one.
        real_tokens, padded_tokens: source + target tokens, without and with padding.
        sampling_s: seconds that the objective took to prepare its pairs.
    """

    loss: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    target_tokens: int = 0
    real_tokens: int = 0
    padded_tokens: int = 0
    sampling_s: float = 0.0

    def add(self, loss: Loss) -> None:
        """Add a micro-batch's share."""
        self.loss += loss.total.item()
        for name, part in loss.parts.items():
            self.parts[name] = self.parts.get(name, 0.0) + part.item()


class StepGradient:
    """The sum of the losses of a step, and of their gradients.

    Args:
        model: the student.
        objective, task: what is learnt, and how it is written.
        tokens_per_batch: the largest padded size of a micro-batch.
        learn_padding: whether targets are filled up to the longest of their view in the step, and the pads learnt.
        supervision: the teacher's outputs.
        backward: adds the gradient of a loss.
    """

    def __init__(
        self,
        model: ChoiceModel,
        objective: StudentObjective,
        task: Task,
        tokens_per_batch: int,
        learn_padding: bool,
        supervision: Supervision | None,
        backward: Callable[[Tensor], None],
    ) -> None:
        self._model = model
        self._writer = model if isinstance(model, LanguageModel) else None
        self._objective = objective
        self._active = objective if isinstance(objective, ActiveObjective) else None
        self._required = requirements_of(objective)
        self._task = task
        self._questions = Questions(objective, task)
        self._tokens = tokens_per_batch
        self._learn_padding = learn_padding
        self._supervision = supervision
        self._backward = backward

    def take(self, step: int, visits: Sequence[TrainingItem]) -> StepStats:
        """Compute the loss of a step's examples and its gradients."""
        taken = StepStats()
        if self._writer is not None:
            self._learn_texts(self._writer, step, visits, taken)
        if isinstance(self._objective, ChoiceObjective) and (self._writer is None or self._required.choices):
            questions = [self._questions.of(visit) for visit in visits]
            self._learn_choices(self._objective, questions, taken)
        return taken

    def _learn_texts(self, model: LanguageModel, step: int, visits: Sequence[TrainingItem], taken: StepStats) -> None:
        made = [list(self._objective.targets(one.example, one.record, self._task, one.seed)) for one in visits]
        if self._active is not None:
            started = time.perf_counter()
            made = self._active.prepare(step, visits, made)
            taken.sampling_s += time.perf_counter() - started
        pairs = [pair for own in made for pair in own]
        rows = [row for row, own in enumerate(made) for _ in own]
        lengths = model.lengths(pairs)
        if self._learn_padding:
            pairs = filled(pairs, [target for _, target, _ in lengths])
            lengths = model.lengths(pairs)
        counts = count_views(pairs, [learnt for _, _, learnt in lengths])
        sizes = [(source, target) for source, target, _ in lengths]
        for chosen in _batches(sizes, rows, self._tokens, self._required.whole_examples):
            own = [pairs[n] for n in chosen]
            batch = model.encode(own, [rows[n] for n in chosen])
            outputs = model.forward(batch, self._required.hidden)
            if self._supervision is not None:
                outputs = self._supervision.with_teacher(outputs, own)
            self._learn(self._objective.loss(outputs, counts), taken)
            taken.real_tokens += batch.real_tokens
            taken.padded_tokens += batch.padded_tokens
        taken.target_tokens += sum(count.tokens for count in counts.values())

    def _learn_choices(self, objective: ChoiceObjective, questions: Sequence[Question], taken: StepStats) -> None:
        sizes = [self._model.choice_size(question.source, question.answers) for question in questions]
        for chosen in micro_batches(sizes, self._tokens):
            self._learn(objective.choice_loss(self._model, questions, chosen), taken)
            read = [sum(sizes[n]) for n in chosen]
            taken.real_tokens += sum(read)
            taken.padded_tokens += len(read) * max(read)
        taken.target_tokens += len(questions)

    def _learn(self, loss: Loss, taken: StepStats) -> None:
        if loss.total.requires_grad:  # a view that weighs nothing has no gradient
            self._backward(loss.total)
        taken.add(loss)


def filled(pairs: Sequence[TargetPair], lengths: Sequence[int]) -> list[TargetPair]:
    """Return the pairs with targets filled up with pads to the longest of their view; `lengths` are their tokens.

    A loss that learns pads is diluted by them, and rationales more than answers: what the released code of
    arXiv:2504.16056 does, whose labels are padded with id 0 rather than with the id that the loss ignores.
    """
    longest: dict[str, int] = {}
    for pair, length in zip(pairs, lengths, strict=True):
        longest[pair.view] = max(length, longest.get(pair.view, 0))
    return [replace(pair, padding=longest[pair.view] - length) for pair, length in zip(pairs, lengths, strict=True)]


def count_views(pairs: Sequence[TargetPair], learnt_tokens: Sequence[int]) -> dict[str, Count]:
    """Return how many learnt tokens and pairs of each view a step has."""
    counts: dict[str, Count] = {}
    for pair, tokens in zip(pairs, learnt_tokens, strict=True):
        before = counts.get(pair.view, Count(0, 0))
        counts[pair.view] = Count(before.tokens + tokens, before.pairs + 1)
    return counts


def _batches(
    sizes: Sequence[tuple[int, int]], rows: Sequence[int], tokens: int, whole_examples: bool
) -> list[list[int]]:
    """Return groups of pairs that fit the budget; with `whole_examples`, all pairs of a row are in one group."""
    if not whole_examples:
        return micro_batches(sizes, tokens)
    members: dict[int, list[int]] = {}
    for n, row in enumerate(rows):
        members.setdefault(row, []).append(n)
    groups = list(members.values())
    whole = [_together([sizes[n] for n in group]) for group in groups]
    return [[n for place in chosen for n in groups[place]] for chosen in micro_batches(whole, tokens)]


def _together(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the size that pairs bring into a batch together."""
    return len(sizes) * max(source for source, _ in sizes), len(sizes) * max(target for _, target in sizes)
