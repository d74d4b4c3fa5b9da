"""A sum of costs over positions, computed with its gradient: neither the logits nor their gradient are ever whole."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillrun.loss.logits import Head, Logits

CostOf = Callable[[Tensor, int, int], tuple[Tensor, Tensor]]
"""(logits [P', V] of the positions begin..end, in float32 or better, begin, end) -> what each adds to the sum [P'], and
values of each to be noted [P', parts]. Position p's depend on its own logits alone."""


def summed_costs(logits: Logits, places: Tensor, parts: int, cost_of: CostOf) -> tuple[Tensor, Tensor]:
    """Return the sum of the costs of some positions, and what is noted of each without gradient, [P, parts].

    Logits, costs and the gradients towards the states and the head's weights are computed for a few positions at a
    time, and all but the gradients dropped. These are scaled in the backward pass by what the sum was multiplied with.
    So a position's weight belongs into its cost, and costs that depend on other trained weights belong into `in_parts`.

    Args:
        logits: of the forward pass.
        places: [P] positions, as indices into N * T, each at most once.
        parts: how many values are noted.
        cost_of: the costs of some positions.
    """
    weights = [] if logits.head is None else logits.head.weights()
    if not torch.is_grad_enabled() or not any(one.requires_grad for one in (logits.states, *weights)):
        costs, noted, _ = _walked(logits, places, parts, cost_of, None)
        return costs.sum(), noted
    found: tuple[Tensor, Tensor] = _Sum.apply(logits.states, logits.head, places, parts, cost_of, *weights)  # type: ignore[no-untyped-call]
    return found


class _Sum(torch.autograd.Function):
    """The sum; its gradient is computed with its value, and scaled in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, head: Head | None, places: Tensor, parts: int, cost_of: CostOf, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        logits = Logits(states.detach(), head)
        gradient = _Gradient(logits, weights)
        costs, noted, towards = _walked(logits, places, parts, cost_of, gradient)
        ctx.found = [towards if ctx.needs_input_grad[0] else None, *gradient.weights()]
        ctx.mark_non_differentiable(noted)
        return costs.sum(), noted

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, total: Tensor, noted: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.found is None:
            raise RuntimeError("the gradient of summed_costs was taken already and is gone; compute the loss again")
        (states, *weights), ctx.found = ctx.found, None
        if total != 1:
            for one in (states, *weights):
                if one is not None:
                    one.mul_(total)
        return states, None, None, None, None, *weights


def _walked(
    logits: Logits, places: Tensor, parts: int, cost_of: CostOf, gradient: "_Gradient | None"
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return costs [P], what is noted [P, parts], and the gradient of the costs' sum towards the states."""
    flat = logits.states.detach().flatten(0, 1)
    costs = flat.new_empty(len(places), dtype=logits.dtype)
    noted = flat.new_empty((len(places), parts), dtype=logits.dtype)
    towards = None if gradient is None else torch.zeros_like(flat)
    step = logits.positions_at_once()
    for begin in range(0, len(places), step):
        end = min(begin + step, len(places))
        some = places[begin:end]
        if gradient is None or towards is None:
            with torch.no_grad():
                cost, note = cost_of(logits.at(some).to(logits.dtype), begin, end)
        else:
            with torch.enable_grad():
                states = flat[some].requires_grad_()
                cost, note = cost_of(gradient.logits(states).to(logits.dtype), begin, end)
                towards[some] = gradient.taken(cost.sum(), states)
        costs[begin:end], noted[begin:end] = cost.detach(), note.detach()
    return costs, noted, None if towards is None else towards.view(logits.states.shape)


class _Gradient:
    """The gradient towards the weights of a head, summed up over chunks in float32 or better."""

    def __init__(self, logits: Logits, weights: tuple[Tensor, ...]) -> None:
        self._head = head = logits.head
        self._weights = weights
        self._sums = [
            torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32)) for weight in weights
        ]
        self._linear: _Linear | None = None
        if head is not None and type(head.module) is nn.Linear and "forward" not in vars(head.module):
            self._linear = _Linear(head.module, head.precision, dict(zip(map(id, weights), self._sums, strict=True)))

    def logits(self, states: Tensor) -> Tensor:
        """Return logits [P', V] of states [P', D]."""
        if self._head is None:
            return states
        if self._linear is None:
            return self._head(states)
        with self._head.casting(states.device):
            return self._head.finished(self._linear(states))

    def taken(self, cost: Tensor, states: Tensor) -> Tensor:
        """Add the gradient of a cost towards the weights; return that towards the states."""
        others = () if self._linear is not None else self._weights
        found = torch.autograd.grad(cost, [states, *others], allow_unused=True, materialize_grads=True)
        for total, one in zip(self._sums, found[1:], strict=False):
            total.add_(one)
        return found[0]

    def weights(self) -> list[Tensor]:
        """Return the sums, in the types of the weights."""
        return [total.to(weight.dtype) for total, weight in zip(self._sums, self._weights, strict=True)]


class _Linear:
    """A linear head whose backward pass adds to sums in place: a weight's gradient is as large as the weight.

    Args:
        module: the head.
        precision: see `Head`.
        sums: the sum of each trained weight, by its id.
    """

    def __init__(self, module: nn.Linear, precision: torch.dtype | None, sums: dict[int, Tensor]) -> None:
        self._weight = module.weight.detach() if precision is None else module.weight.detach().to(precision)
        self._bias = None if module.bias is None else module.bias.detach().to(self._weight.dtype)
        self._sums = sums.get(id(module.weight)), sums.get(id(module.bias))

    def __call__(self, states: Tensor) -> Tensor:
        made: Tensor = _Product.apply(states.to(self._weight.dtype), self._weight, self._bias, *self._sums)  # type: ignore[no-untyped-call]
        return made


class _Product(torch.autograd.Function):
    """states @ weight' + bias, which adds its weights' gradients to sums."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor | None, weights: Tensor | None, biases: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(states, weight)
        ctx.sums = weights, biases
        return F.linear(states, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        states, weight = ctx.saved_tensors
        weights, biases = ctx.sums
        if weights is not None and weights.dtype == gradient.dtype:
            weights.addmm_(gradient.T, states)
        elif weights is not None:
            weights.add_(gradient.T @ states)
        if biases is not None:
            biases.add_(gradient.sum(dim=0))
        return gradient @ weight, None, None, None, None
