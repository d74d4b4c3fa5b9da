"""The memory that the steps of a training take, estimated before it: a step is run on tensors without data."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillrun.config.schema import OptimizerName, Precision, TrainingConfig
from distillrun.language_model.precision import in_bf16
from distillrun.language_model.reader import Reader, head_of
from distillrun.language_model.tracked_bytes import TrackedBytes
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.logits import GPU_LEAST, GPU_NUMBERS, Logits
from distillrun.loss.summed_costs import summed_costs

BLOCK = 256
"""Numbers of an 8-bit optimizer state that share a scale; tensors below `LEAST_8BIT` numbers stay in float32."""

LEAST_8BIT = 4096

TEMPORARIES = {
    OptimizerName.adamw: 2,
    OptimizerName.adamw_8bit: 0,
    OptimizerName.adafactor: 2,
    OptimizerName.sgd: 0,
}
"""Copies in float32 of a weight's size that an optimizer makes while it steps the weight."""

HELD = 0.15
"""What glibc's allocator holds unused, as a share of all that is allocated after the weights: measured, see
`scripts/bench_memory`."""

ROUNDING = 6
"""Further copies where weights are stepped in float32 and rounded, see `StochasticRounding`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The size of a micro-batch: texts, tokens of the longest source and target, and how many positions are learnt."""

    texts: int
    source: int
    target: int
    learnt: int


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes at the peak of a training step.

    Attributes:
        weights: of the student, frozen ones among them.
        gradients: of the trained weights.
        optimizer: its states.
        activations: what the forward pass keeps for the backward pass.
        temporaries: what comes and goes: logits and their gradients, or copies that the optimizer makes.
        teacher: of a teacher, or a frozen copy of the student, that stays in memory.
        unused: what a CPU's allocator holds between the blocks in use; a GPU's is not counted.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    temporaries: int
    teacher: int = 0
    unused: int = 0

    @property
    def peak(self) -> int:
        """All of them together."""
        return sum(asdict(self).values())

    def sizes(self) -> dict[str, int]:
        """Return the peak and its parts by name."""
        return {"peak": self.peak, **asdict(self)}


def training_memory(
    model: TransformerModel, batches: Sequence[Batch], settings: TrainingConfig, hidden: bool, on_gpu: bool
) -> TrainingMemory:
    """Return the bytes that a training step takes at its peak; no more of the student is there than its shapes.

    Args:
        model: on the meta device; it is of no use afterwards.
        batches: the largest micro-batches of a step, the largest one first.
        settings: of the training.
        hidden: whether the objective looks at hidden states.
        on_gpu: whether a GPU would train: its optimizer steps all weights at once, and its losses take more positions.
    """
    module = model.module.train()
    inputs = [_inputs(model, batch) for batch in batches]
    tracked = TrackedBytes()
    kept = peak = 0
    with tracked.counting():
        tracked.dataless(module)
        trained = [weight for weight in module.parameters() if weight.requires_grad]
        weights = tracked.live
        with in_bf16(module) if settings.precision is Precision.bf16 else nullcontext():
            for batch, given in zip(batches, inputs, strict=True):
                before = tracked.peak = tracked.live
                reader = Reader(module, head_of(module))
                logits, states = model.architecture.logits(reader, given, batch.target, hidden)
                kept = max(kept, tracked.live - before)
                _nll(logits, min(batch.learnt, 2 * logits.positions_at_once())).backward()  # type: ignore[no-untyped-call]
                del logits, states
                peak = max(peak, tracked.peak)
    gradients = sum(weight.numel() * weight.element_size() for weight in trained)
    stepped = weights + gradients + _stepping(trained, settings.optimizer, on_gpu)
    wider = _wider_chunks(module, batches[0], on_gpu)
    temporaries = max(peak + wider, stepped) - weights - gradients - kept
    optimizer = sum(_state(weight, settings.optimizer) for weight in trained)
    if temporaries < 0:  # the peak is before all gradients are there
        gradients, temporaries = gradients + temporaries, 0
    unused = 0 if on_gpu else round(HELD * (gradients + optimizer + kept + temporaries))
    return TrainingMemory(weights, gradients, optimizer, kept, temporaries, unused=unused)


def _inputs(model: TransformerModel, batch: Batch) -> dict[str, Tensor]:
    sources, targets = [[0] * batch.source] * batch.texts, [[0] * batch.target] * batch.texts
    return model.architecture.inputs(sources, targets, torch.device("cpu"))


def _nll(logits: Logits, learnt: int) -> Tensor:
    """Return the cross-entropy of so many positions, computed as objectives do it: a few at a time, all alike."""
    labels = torch.zeros(learnt, dtype=torch.long)

    def cost(own: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        return F.cross_entropy(own, labels[begin:end], reduction="none"), own.new_zeros((end - begin, 0))

    return summed_costs(logits, torch.arange(learnt), 0, cost)[0]


def _state(weight: nn.Parameter, name: OptimizerName) -> int:
    """Return the bytes of what an optimizer keeps of a weight."""
    count = weight.numel()
    if name is OptimizerName.adamw:
        return 8 * count
    if name is OptimizerName.adamw_8bit:
        return 8 * count if count < LEAST_8BIT else 2 * (count + 4 * count // BLOCK)
    if name is OptimizerName.adafactor:
        return 4 * (count if weight.ndim < 2 else count // weight.shape[-1] + count // weight.shape[-2])
    return 4 * count


def _stepping(trained: Sequence[nn.Parameter], name: OptimizerName, on_gpu: bool) -> int:
    """Return the bytes that come and go while the optimizer steps."""
    if not trained:
        return 0
    largest = 4 * max(weight.numel() for weight in trained)
    if any(weight.dtype is not torch.float32 for weight in trained):
        return largest * (ROUNDING + TEMPORARIES[name])
    together = on_gpu and name is OptimizerName.adamw
    return 4 * sum(weight.numel() for weight in trained) if together else largest * TEMPORARIES[name]


def _wider_chunks(module: Any, batch: Batch, on_gpu: bool) -> int:
    """Return what a GPU takes more for logits, of which it makes more at once: they, their log-probs and gradients."""
    head = head_of(module)
    if not on_gpu or head is None:
        return 0
    here = Logits(torch.empty(0), head).positions_at_once()
    there = max(GPU_LEAST, GPU_NUMBERS // head.width)
    return 3 * 4 * head.width * max(0, min(there, batch.learnt) - min(here, batch.learnt))
