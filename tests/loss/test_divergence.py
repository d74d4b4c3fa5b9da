"""Divergences against hand-computed values, and what all of them must obey."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distillrun.loss.divergence import (
    adaptive_kl,
    forward_kl,
    interpolated,
    jensen_shannon,
    reverse_kl,
    skew_forward_kl,
    skew_reverse_kl,
    symmetric_kl,
    total_variation,
)

P, Q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])

Divergence = Callable[[Tensor, Tensor], Tensor]

VALUES: dict[str, tuple[Divergence, float]] = {
    "forward": (forward_kl, 0.0851228260),
    "reverse": (reverse_kl, 0.0920328502),
    "symmetric": (lambda p, q: symmetric_kl(p, q, 0.5), 0.0885778381),
    "symmetric .9": (lambda p, q: symmetric_kl(p, q, 0.1), 0.0913418478),
    "total variation": (total_variation, 0.2),
    "jensen-shannon .1": (lambda p, q: jensen_shannon(p, q, 0.1, normalise=False), 0.0076946877),
    "jensen-shannon .5": (lambda p, q: jensen_shannon(p, q, 0.5, normalise=False), 0.0219011790),
    "jensen-shannon .9": (lambda p, q: jensen_shannon(p, q, 0.9, normalise=False), 0.0081847558),
    "normalised 0": (lambda p, q: jensen_shannon(p, q, 0.0, normalise=True), 0.0851228260),
    "normalised 1": (lambda p, q: jensen_shannon(p, q, 1.0, normalise=True), 0.0920328502),
    "skew forward": (lambda p, q: skew_forward_kl(p, q, 0.1), 0.0695779665),
    "skew reverse": (lambda p, q: skew_reverse_kl(p, q, 0.1), 0.0728275335),
    "adaptive": (lambda p, q: adaptive_kl(p, q, 0.5, "head"), 0.0885778381),
    "adaptive, tail": (lambda p, q: adaptive_kl(p, q, 0.5, "tail"), 0.0885778381),
    "taid .4": (lambda p, q: forward_kl(interpolated(p, q, 0.4), q), 0.0149946266),
}
ALL = pytest.mark.parametrize("name", VALUES)


@ALL
def test_the_value_is_the_one_computed_by_hand(name: str) -> None:
    divergence, value = VALUES[name]
    assert divergence(P.log(), Q.log()).item() == pytest.approx(value, abs=1e-7)


@ALL
def test_equal_distributions_have_neither_value_nor_gradient(name: str) -> None:
    divergence, _ = VALUES[name]
    logits = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    student = logits.clone().requires_grad_()
    value = divergence(logits.log_softmax(-1), student.log_softmax(-1))
    assert value.abs().max() < 1e-12
    (gradient,) = torch.autograd.grad(value.sum(), student)
    assert gradient.abs().max() < 1e-9


@ALL
def test_it_is_never_negative_and_does_not_depend_on_the_order_of_the_ids(name: str) -> None:
    divergence, _ = VALUES[name]
    generator = torch.Generator().manual_seed(1)
    p, q = (torch.randn(50, 9, generator=generator).mul(3).log_softmax(-1) for _ in range(2))
    value = divergence(p, q)
    assert (value > -1e-7).all()
    order = torch.randperm(9, generator=generator)
    torch.testing.assert_close(divergence(p[:, order], q[:, order]), value)


@ALL
@pytest.mark.parametrize("size", [1e9, -1e9])
@pytest.mark.parametrize("whose", ["teacher", "student"])
def test_it_is_finite_at_huge_logits(name: str, size: float, whose: str) -> None:
    divergence, _ = VALUES[name]
    logits = torch.zeros(2, 4)
    huge = logits.clone()
    huge[:, 1] = size
    teacher, student = (huge, logits) if whose == "teacher" else (logits, huge)
    student = student.clone().requires_grad_()
    value = divergence(teacher.log_softmax(-1), student.log_softmax(-1))
    assert value.isfinite().all()
    (gradient,) = torch.autograd.grad(value.sum(), student)
    assert gradient.isfinite().all()


@ALL
def test_the_gradient_is_the_finite_difference(name: str) -> None:
    divergence, _ = VALUES[name]
    generator = torch.Generator().manual_seed(2)
    teacher = torch.randn(3, 4, dtype=torch.float64, generator=generator).log_softmax(-1)
    logits = torch.randn(3, 4, dtype=torch.float64, generator=generator)
    if name.startswith(("adaptive", "taid")):
        return  # their weights carry no gradient, see below
    assert torch.autograd.gradcheck(lambda z: divergence(teacher, z.log_softmax(-1)), logits.requires_grad_())


def test_the_gradients_of_both_kls_are_the_known_formulas() -> None:
    generator = torch.Generator().manual_seed(3)
    teacher = torch.randn(3, 6, dtype=torch.float64, generator=generator).log_softmax(-1)
    logits = torch.randn(3, 6, dtype=torch.float64, generator=generator).requires_grad_()
    log_q = logits.log_softmax(-1)
    q = log_q.detach().exp()
    (forward,) = torch.autograd.grad(forward_kl(teacher, log_q).sum(), logits, retain_graph=True)
    torch.testing.assert_close(forward, q - teacher.exp())
    value = reverse_kl(teacher, log_q)
    (reverse,) = torch.autograd.grad(value.sum(), logits)
    torch.testing.assert_close(reverse, q * (log_q.detach() - teacher - value.detach()[:, None]))


AKL_TEACHER = [
    [-4.5, -4.6, -1.0, -1.7, 3.4],
    [2.8, -1.3, -8.5, 1.3, -5.1],
    [0.3, 0.3, 0.1, 1.2, -0.1],
    [-0.1, -0.6, 0.0, -0.5, 0.2],
    [0.1, 0.0, -0.3, -0.7, 0.0],
    [0.2, -0.1, 0.0, 0.2, 0.7],
]
AKL_STUDENT = [
    [0.9, 0.5, -0.7, 0.9, 1.1],
    [0.2, -0.2, -0.4, -1.6, 1.7],
    [-0.4, 0.7, 1.5, 3.4, -1.1],
    [-0.3, -1.1, -0.1, -0.1, 0.7],
    [-0.8, 0.0, -0.8, 0.2, 0.6],
    [0.6, -0.2, 2.3, -1.9, 0.0],
]


@pytest.mark.parametrize(
    ("head_mass", "values"),
    [
        (0.5, [2.1760242, 4.0473638, 0.4940037, 0.0633153, 0.1925170, 0.8905534]),
        (0.9, [2.1760242, 4.0473638, 0.5722350, 0.0643337, 0.1987836, 0.9649019]),
    ],
)
def test_with_its_boundary_in_the_tail_the_adaptive_kl_is_that_of_akl_s_code(
    head_mass: float, values: list[float]
) -> None:
    """The values are those of its AKL.py (wutaiqiang/LLM_KD_AKL, ff278be); in two rows the teacher is sure."""
    teacher, student = (torch.tensor(logits).log_softmax(-1) for logits in (AKL_TEACHER, AKL_STUDENT))
    assert adaptive_kl(teacher, student, head_mass, "tail").tolist() == pytest.approx(values, abs=1e-6)


def test_the_weights_of_the_adaptive_kl_carry_no_gradient() -> None:
    generator = torch.Generator().manual_seed(4)
    teacher = torch.randn(1, 6, dtype=torch.float64, generator=generator).log_softmax(-1)
    logits = torch.randn(1, 6, dtype=torch.float64, generator=generator).requires_grad_()
    log_q = logits.log_softmax(-1)
    value = adaptive_kl(teacher, log_q, 0.5, "head")
    share = ((value - reverse_kl(teacher, log_q)) / (forward_kl(teacher, log_q) - reverse_kl(teacher, log_q))).item()
    (gradient,) = torch.autograd.grad(value.sum(), logits, retain_graph=True)
    mixed = share * forward_kl(teacher, log_q) + (1 - share) * reverse_kl(teacher, log_q)
    (expected,) = torch.autograd.grad(mixed.sum(), logits)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(("boundary", "share"), [("head", 0.5), ("tail", 0.375)])
def test_the_crossing_id_is_in_the_head_or_in_the_tail(boundary: str, share: float) -> None:
    p, q = torch.tensor([0.4, 0.3, 0.2, 0.1]).log(), torch.full((4,), 0.25).log()
    expected = share * forward_kl(p, q) + (1 - share) * reverse_kl(p, q)
    found = adaptive_kl(p, q, 0.5, "head" if boundary == "head" else "tail")
    torch.testing.assert_close(found, expected)


def test_a_head_of_everything_gives_the_forward_kl() -> None:
    torch.testing.assert_close(adaptive_kl(P.log(), Q.log(), 1.0, "head"), forward_kl(P.log(), Q.log()))


def test_a_teacher_between_is_the_student_at_0_and_the_teacher_at_1() -> None:
    torch.testing.assert_close(interpolated(P.log(), Q.log(), 0.0).exp(), Q)
    torch.testing.assert_close(interpolated(P.log(), Q.log(), 1.0).exp(), P)
    expected = torch.tensor([0.58448879, 0.26063919, 0.15487202])
    torch.testing.assert_close(interpolated(P.log(), Q.log(), 0.4).exp(), expected)


def test_known_inequalities_hold() -> None:
    generator = torch.Generator().manual_seed(5)
    p, q = (torch.randn(200, 8, generator=generator).mul(2).log_softmax(-1) for _ in range(2))
    forward = forward_kl(p, q)
    assert (skew_forward_kl(p, q, 0.1) <= 0.9 * forward + 1e-6).all()
    assert (jensen_shannon(p, q, 0.5, normalise=False) <= math.log(2)).all()
    assert (total_variation(p, q) <= (forward / 2).sqrt() + 1e-6).all()


def test_merging_ids_into_a_bucket_never_raises_a_kl() -> None:
    generator = torch.Generator().manual_seed(6)
    p, q = (torch.randn(100, 12, generator=generator).mul(2).log_softmax(-1) for _ in range(2))
    merged = [torch.cat([one[:, :5], one[:, 5:].logsumexp(-1, keepdim=True)], dim=-1) for one in (p, q)]
    for divergence in (forward_kl, reverse_kl):
        assert (divergence(*merged) <= divergence(p, q) + 1e-6).all()


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_jensen_shannon_agrees_with_trl(beta: float) -> None:
    gkd = pytest.importorskip("trl.experimental.gkd")
    generator = torch.Generator().manual_seed(7)
    student, teacher = (torch.randn(2, 5, 11, generator=generator) for _ in range(2))
    theirs = gkd.GKDTrainer.generalized_jsd_loss(student, teacher, beta=beta, reduction="sum")
    ours = jensen_shannon(teacher.log_softmax(-1), student.log_softmax(-1), beta, normalise=False)
    torch.testing.assert_close(ours.sum(), theirs)
