"""The gradient of a policy gradient, against the exact reverse KL of whole texts."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from distillrun.loss.distribution import LiveDistribution
from distillrun.loss.divergence import reverse_kl
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from distillrun.objective.minillm import MiniLLM
from distillrun.records import LogitRequest
from tests.leaves import made

V, LENGTH = 3, 2


def minillm(**changes: Any) -> MiniLLM:
    settings = {"teacher_share": 0.0, "discount": 1.0, "length_normalised": False, "cross_entropy_weight": 0.0}
    objective: MiniLLM = made("objective", "minillm", **{**settings, **changes})
    return objective


def logits_of(table: dict[tuple[int, ...], Tensor], text: tuple[int, ...]) -> Tensor:
    """Return the logits [1, T, V] at each position of a text, which depend on what stands before it."""
    return torch.stack([table[text[:place]] for place in range(len(text))])[None]


def tables(seed: int) -> dict[tuple[int, ...], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    histories = [(), *((token,) for token in range(V))]
    return {history: torch.randn(V, generator=generator, dtype=torch.float64).requires_grad_() for history in histories}


def loss_of(objective: MiniLLM, student: Tensor, teacher: Tensor, text: tuple[int, ...]) -> Tensor:
    places = torch.arange(len(text))
    live = LiveDistribution(Logits(teacher), places, places, V, LogitRequest(None, 1.0, "float32"))
    outputs = StudentOutputs(Logits(student), torch.tensor([text]), ("predict/sampled",), (0,), teacher=live)
    return objective.loss(outputs, {"predict/sampled": Count(1, 1)}).total


def log_likelihood(table: dict[tuple[int, ...], Tensor], text: tuple[int, ...]) -> Tensor:
    return torch.stack([table[text[:place]].log_softmax(-1)[text[place]] for place in range(len(text))]).sum()


def test_over_all_texts_the_gradient_is_that_of_the_exact_kl() -> None:
    student, teacher = tables(0), tables(1)
    objective = minillm()
    texts = list(product(range(V), repeat=LENGTH))
    expected_loss = sum(
        log_likelihood(student, text).exp() * (log_likelihood(student, text) - log_likelihood(teacher, text).detach())
        for text in texts
    )
    assert isinstance(expected_loss, Tensor)
    expected = torch.autograd.grad(expected_loss, list(student.values()))
    surrogate = sum(
        log_likelihood(student, text).exp().detach()
        * loss_of(objective, logits_of(student, text), logits_of(teacher, text).detach(), text)
        for text in texts
    )
    assert isinstance(surrogate, Tensor)
    found = torch.autograd.grad(surrogate, list(student.values()))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_importance_weights_make_up_for_a_teacher_that_writes_along() -> None:
    """One position: texts of the mixture, weighted, give what texts of the student give."""
    student, teacher = tables(0)[()], tables(1)[()].detach()
    gradients = []
    for share in (0.0, 0.6):
        objective = minillm(teacher_share=share)
        mixture = share * teacher.softmax(-1) + (1 - share) * student.softmax(-1).detach()
        total = sum(
            mixture[token] * loss_of(objective, student[None, None], teacher[None, None], (token,))
            for token in range(V)
        )
        assert isinstance(total, Tensor)
        gradients.append(torch.autograd.grad(total, student, retain_graph=True)[0])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_the_single_step_part_is_the_reverse_kl() -> None:
    student, teacher = torch.randn(1, 1, 5), torch.randn(1, 1, 5)
    places = torch.arange(1)
    live = LiveDistribution(Logits(teacher), places, places, 5, LogitRequest(None, 1.0, "float32"))
    outputs = StudentOutputs(Logits(student), torch.tensor([[2]]), ("predict/sampled",), (0,), teacher=live)
    loss = minillm().loss(outputs, {"predict/sampled": Count(1, 1)})
    expected = reverse_kl(teacher.log_softmax(-1), student.log_softmax(-1)).squeeze()
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.parts["written/reverse_kl"], expected)


def test_later_rewards_are_summed_or_averaged_within_their_text() -> None:
    reward = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])
    rows = torch.tensor([0, 0, 0, 1, 1])
    summed = minillm(discount=0.5)._later(reward, rows)
    assert summed.tolist() == [2 + 0.5 * 4, 4, 0, 16, 0]
    mean = minillm(discount=0.5, length_normalised=True)._later(reward, rows)
    assert mean.tolist() == pytest.approx([(2 + 0.5 * 4) / 1.5, 4, 0, 16, 0])


def test_a_student_like_its_teacher_is_rewarded_with_nothing() -> None:
    same = torch.randn(1, 3, 4)
    places = torch.arange(3)
    live = LiveDistribution(Logits(same), places, places, 4, LogitRequest(None, 1.0, "float32"))
    outputs = StudentOutputs(
        Logits(same.clone().requires_grad_()), torch.tensor([[0, 1, 2]]), ("predict/sampled",), (0,), teacher=live
    )
    loss = minillm().loss(outputs, {"predict/sampled": Count(3, 1)})
    assert loss.total.item() == pytest.approx(0, abs=1e-6)
    assert loss.parts["written/reward"].item() == pytest.approx(0, abs=1e-6)
