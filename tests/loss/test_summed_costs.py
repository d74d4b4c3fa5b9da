"""Head and loss together, a few positions at a time: value and gradients of the whole logits."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillrun.loss.logits import Head, Logits
from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.tensors import IGNORE
from distillrun.loss.token_loss import in_parts, learnt_places, token_costs, token_nll

WIDTH, IDS = 6, 11


class Adapted(nn.Module):
    """A linear head with a low-rank adapter, as peft's."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(WIDTH, IDS, bias=False).requires_grad_(False)
        self.down, self.up = nn.Linear(WIDTH, 2, bias=False), nn.Linear(2, IDS, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.base(states) + self.up(self.down(states))
        return out


def frozen() -> nn.Module:
    return nn.Linear(WIDTH, IDS).requires_grad_(False)


HEADS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(WIDTH, IDS, bias=False),
    "with a bias": lambda: nn.Linear(WIDTH, IDS),
    "adapted": Adapted,
    "frozen": frozen,
}


def capped(output: Tensor) -> Tensor:
    return 0.5 * torch.tanh(output / 0.5)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(IDS, (3, 4), generator=generator)
    labels[0, :2] = labels[2, 1:] = IGNORE
    return torch.randn(3, 4, WIDTH, generator=generator, dtype=torch.float64).requires_grad_(), labels


def made(name: str, after: Callable[[Tensor], Tensor] | None = None) -> Head:
    torch.manual_seed(1)
    return Head(HEADS[name]().double(), IDS, after)


@pytest.fixture(params=[1, 3, 10**6])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many positions are worked on at once."""
    number: int = request.param
    monkeypatch.setattr(Logits, "positions_at_once", lambda _self: number)
    return number


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("after", [None, capped], ids=["plain", "capped"])
@pytest.mark.parametrize("name", HEADS)
def test_value_and_gradients_are_those_of_the_whole_logits(name: str, after: Callable[[Tensor], Tensor] | None) -> None:
    head, (states, labels) = made(name, after), batch()
    places = learnt_places(labels)
    shares, cost_of = torch.linspace(0.5, 2.0, len(places), dtype=torch.float64), token_nll(labels)

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        cost = cost_of(logits, begin, end)
        return shares[begin:end] * cost, cost[:, None]

    inputs = [states, *head.weights()]
    total, noted = summed_costs(Logits(states, head), places, 1, costs)
    found = torch.autograd.grad(3 * total, inputs)
    nll = F.cross_entropy(head(states).flatten(0, 1)[places], labels.flatten()[places], reduction="none")
    expected = torch.autograd.grad(3 * (shares * nll).sum(), inputs)
    torch.testing.assert_close(total.detach(), (shares * nll).sum().detach())
    torch.testing.assert_close(noted.squeeze(1), nll.detach())
    assert not noted.requires_grad
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("name", HEADS)
def test_costs_that_are_no_sum_have_the_gradient_of_the_whole_logits_too(name: str) -> None:
    head, (states, labels) = made(name), batch()
    inputs = [states, *head.weights()]

    def loss(costs: Tensor) -> Tensor:
        return costs.sum(dim=1).sigmoid().sum()

    found = torch.autograd.grad(loss(token_costs(Logits(states, head), labels)), inputs)
    whole = F.cross_entropy(head(states).flatten(0, 1), labels.flatten(), ignore_index=IGNORE, reduction="none")
    expected = torch.autograd.grad(loss(whole.view(labels.shape)), inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("at_once")
def test_logits_that_are_there_have_a_gradient_of_their_own() -> None:
    states, labels = batch()
    places = learnt_places(labels)
    total, _ = summed_costs(Logits(states), places, 1, lambda z, _begin, _end: (z.square().sum(-1), z[:, :1]))
    (gradient,) = torch.autograd.grad(total, states)
    expected = torch.zeros(12, WIDTH, dtype=torch.float64)
    expected[places] = 2 * states.detach().flatten(0, 1)[places]
    torch.testing.assert_close(gradient, expected.view_as(states))


def test_a_second_backward_pass_is_refused_rather_than_wrong() -> None:
    states, labels = batch()
    total, _ = summed_costs(
        Logits(states), learnt_places(labels), 1, lambda z, _begin, _end: (z.square().sum(-1), z[:, :1])
    )
    total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="compute the loss again"):
        total.backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", ["linear", "adapted"])
def test_a_head_runs_under_the_autocast_of_its_model(name: str) -> None:
    head, (states, labels) = made(name), batch()
    head.module.float()
    places, own = learnt_places(labels), labels[labels != IGNORE]
    states = states.detach().float().requires_grad_()
    inputs = [states, *head.weights()]
    cast = Head(head.module, IDS, None, torch.bfloat16)

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        assert logits.dtype == torch.float32
        cost = F.cross_entropy(logits, own[begin:end], reduction="none")
        return cost, cost[:, None]

    total, _ = summed_costs(Logits(states, cast), places, 1, costs)
    found = torch.autograd.grad(total, inputs)
    with torch.autocast("cpu", torch.bfloat16):
        whole = head.module(states)
    expected = torch.autograd.grad(F.cross_entropy(whole.float().flatten(0, 1)[places], own, reduction="sum"), inputs)
    assert [one.dtype for one in found] == [torch.float32] * len(inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-3)


def test_no_more_logits_are_there_at_once_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Logits, "positions_at_once", lambda _self: 2)
    states, labels = batch()
    sizes: list[int] = []

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        sizes.append(len(logits))
        return logits.sum(dim=1), logits[:, :1]

    logits, places = Logits(states, made("linear")), learnt_places(labels)
    summed_costs(logits, places, 1, costs)
    with torch.no_grad():
        summed_costs(logits, places, 1, costs)
    token_costs(logits, labels, lambda _labels: lambda z, begin, end: costs(z, begin, end)[0])
    assert sizes == 3 * [2, 2, 2, 1]


def test_parts_that_fit_are_computed_once() -> None:
    calls: list[tuple[int, int]] = []
    value = torch.ones(5, requires_grad=True)

    def some(begin: int, end: int) -> Tensor:
        calls.append((begin, end))
        return value[begin:end].exp()

    in_parts(some, 5, 5).sum().backward()  # type: ignore[no-untyped-call]
    assert calls == [(0, 5)]
    in_parts(some, 5, 3).sum().backward()  # type: ignore[no-untyped-call]
    assert sorted(calls[1:]) == [(0, 3), (0, 3), (3, 5), (3, 5)]
