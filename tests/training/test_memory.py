"""The memory of a training step is estimated, without weights, as torch's own allocator counts it."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from distillrun.config.schema import OptimizerName, Precision, TrainingConfig
from distillrun.language_model.load import checkpoint_gradients
from distillrun.language_model.lora import Lora, with_adapters
from distillrun.language_model.precision import in_bf16
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.token_loss import learnt_places, token_nll
from distillrun.training.memory import Batch, training_memory
from distillrun.training.optimizer import Optimizer, make_optimizer
from tests.end_to_end.runs import composed
from tests.leaves import made

BATCHES = [Batch(12, 40, 16, 12 * 16), Batch(8, 40, 16, 8 * 16)]
SIZES = {"width": 96, "heads": 4, "feed_forward_width": 256, "layers": 2}


def student(name: str, way: str) -> TransformerModel:
    torch.manual_seed(0)
    model: Any = made("student", name, **SIZES).build(0)
    if way == "checkpointing":
        checkpoint_gradients(model.module)
    if way == "adapters":
        model.module = with_adapters(model.module, Lora(8, 16, 0.0, None))
    if way == "short weights":
        model.module.bfloat16()
    found: TransformerModel = model
    return found


def step(model: TransformerModel, optimizer: Optimizer, settings: TrainingConfig) -> None:
    """Train on batches of those sizes, as the training loop does."""
    model.module.train()
    with in_bf16(model.module) if settings.precision is Precision.bf16 else nullcontext():
        for batch in BATCHES:
            sources, targets = [[5] * batch.source] * batch.texts, [[6] * batch.target] * batch.texts
            inputs = model.architecture.inputs(sources, targets, model.device)
            logits, _ = model.architecture.logits(model._reader(), inputs, batch.target, hidden=False)
            labels = torch.full((batch.texts, batch.target), 6)
            cost = token_nll(labels)

            def costs(own: Tensor, begin: int, end: int, cost: Any = cost) -> tuple[Tensor, Tensor]:
                return cost(own, begin, end), own.new_zeros((end - begin, 0))

            total, _ = summed_costs(logits, learnt_places(labels), 0, costs)
            del logits
            total.backward()  # type: ignore[no-untyped-call]
            del total
    optimizer.step()
    optimizer.zero_grad()


def allocated(model: TransformerModel, optimizer: Optimizer, settings: TrainingConfig) -> int:
    """Return the peak of what torch allocates in a step, above what is there before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measured:
        step(model, optimizer, settings)
    live = peak = 0
    profiler: Any = measured.profiler
    results = profiler.kineto_results
    for event in sorted(results.events(), key=lambda event: int(event.start_ns())):
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    return peak


@pytest.mark.parametrize(
    ("name", "way", "optimizer"),
    [
        ("tiny_t5", "plain", OptimizerName.adafactor),
        ("tiny_qwen", "checkpointing", OptimizerName.sgd),
        ("tiny_qwen", "adapters", OptimizerName.adamw),
        ("tiny_qwen", "short weights", OptimizerName.adamw),
        ("tiny_qwen", "short arithmetic", OptimizerName.adamw),
    ],
)
def test_an_estimate_is_what_a_step_allocates(name: str, way: str, optimizer: OptimizerName) -> None:
    precision = Precision.bf16 if way == "short arithmetic" else Precision.fp32
    settings = replace(composed().training, precision=precision, optimizer=optimizer)
    with torch.device("meta"):
        outlined = student(name, way)
    estimate = training_memory(outlined, BATCHES, settings, hidden=False, on_gpu=False)
    model = student(name, way)
    weights = [*model.module.parameters()]
    trained = [weight for weight in weights if weight.requires_grad]
    stepped = make_optimizer([{"params": trained, "weight_decay": 0.0}], settings)
    step(model, stepped, settings)
    states = [one for state in stepped.state.values() for one in state.values() if isinstance(one, Tensor)]
    assert estimate.optimizer == pytest.approx(sum(one.nbytes for one in states), rel=0.01)
    assert estimate.weights == pytest.approx(sum(weight.nbytes for weight in weights), rel=0.01)
    grown = estimate.peak - estimate.weights - estimate.optimizer - estimate.unused
    assert grown == pytest.approx(allocated(model, stepped, settings), rel=0.2)
