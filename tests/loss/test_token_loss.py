"""Losses per token: nothing is renormalised, and each view is averaged over its own tokens."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distillrun.loss.distribution import LiveDistribution, StoredDistribution, teacher_rows
from distillrun.loss.divergence import forward_kl, reverse_kl
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, Count, StudentOutputs, TeacherRows
from distillrun.loss.token_loss import learnt_places, side_by_side
from distillrun.objective.shared.distilled import ViewWeight, distilled_views
from distillrun.records import LogitRequest

DENSE = LogitRequest(None, 1.0, "float32")


def logits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_learnt_places_may_be_those_of_some_rows() -> None:
    labels = torch.tensor([[1, IGNORE], [2, 3], [IGNORE, 4]])
    assert learnt_places(labels).tolist() == [0, 2, 3, 5]
    assert learnt_places(labels, [0, 2]).tolist() == [0, 5]


def top(z: Tensor, k: int) -> TeacherRows:
    return teacher_rows(z, z.shape[-1], LogitRequest(k, 1.0, "float32"))


def test_buckets_are_the_kept_ids_and_all_others_as_one() -> None:
    teacher, student = logits(5, 9, seed=1), logits(5, 9, seed=2)
    rows = top(teacher, 4)
    labels = torch.tensor([0, 1, 2, 3, 8])
    log_p, log_q, label_log_q = side_by_side(student, labels, rows)
    assert rows.ids is not None
    p, q = teacher.softmax(-1), student.softmax(-1)
    torch.testing.assert_close(log_p.exp()[:, :4], p.gather(-1, rows.ids))
    torch.testing.assert_close(log_p.exp()[:, 4], 1 - p.gather(-1, rows.ids).sum(-1))
    torch.testing.assert_close(log_q.exp()[:, :4], q.gather(-1, rows.ids))
    torch.testing.assert_close(log_q.exp()[:, 4], 1 - q.gather(-1, rows.ids).sum(-1))
    torch.testing.assert_close(label_log_q, q.log().gather(-1, labels[:, None]).squeeze(1))


def test_the_gradient_through_buckets_is_the_finite_difference() -> None:
    rows = top(logits(5, 9, seed=1), 4)
    labels = torch.tensor([0, 1, 2, 3, 8])
    student = logits(5, 9, seed=2).requires_grad_()

    def value(z: Tensor) -> Tensor:
        log_p, log_q, label_log_q = side_by_side(z, labels, rows)
        return forward_kl(log_p, log_q) + 2 * reverse_kl(log_p, log_q) - 3 * label_log_q

    assert torch.autograd.gradcheck(value, student)


def test_a_bucketed_kl_is_a_lower_bound_that_grows_with_the_kept_ids() -> None:
    teacher, student = logits(50, 12, seed=3) * 2, logits(50, 12, seed=4) * 2
    labels = torch.zeros(50, dtype=torch.long)
    values = []
    for k in (1, 3, 6, 11, 12):
        log_p, log_q, _ = side_by_side(student, labels, top(teacher, k))
        values.append(forward_kl(log_p, log_q))
    for less, more in pairwise(values):
        assert (less <= more + 1e-12).all()
    torch.testing.assert_close(values[-2], values[-1])  # a bucket of one id is that id


def test_the_mass_of_the_rest_is_summed_over_the_rest() -> None:
    """A teacher that is nearly sure: 1 - kept would be rounding noise."""
    z = torch.tensor([[40.0, 20.0, 0.0, -1.0]])
    rows = top(z, 2)
    assert rows.rest is not None
    assert rows.rest.item() == pytest.approx(math.log(math.exp(-40) + math.exp(-41)), rel=1e-6)


def test_padded_embeddings_have_no_part_in_it() -> None:
    z = logits(4, 10, seed=5)
    spoilt = torch.cat([z, torch.full((4, 3), 50.0, dtype=z.dtype)], dim=-1)
    expected, found = teacher_rows(z, 10, DENSE), teacher_rows(spoilt, 10, DENSE)
    torch.testing.assert_close(found.log_probs, expected.log_probs)


def outputs_of(student: Tensor, teacher: Tensor, request: LogitRequest, labels: Tensor) -> StudentOutputs:
    places = learnt_places(labels)
    live = LiveDistribution(Logits(teacher), places, places, student.shape[-1], request)
    return StudentOutputs(Logits(student), labels, ("predict", "explain"), (0, 0), teacher=live)


def test_cross_entropy_and_divergence_are_means_over_each_view_s_own_tokens() -> None:
    student, teacher = logits(2, 3, 6, seed=6), logits(2, 3, 6, seed=7)
    labels = torch.tensor([[1, IGNORE, IGNORE], [2, 3, 4]])
    weights = {"predict": ViewWeight(0.3, 0.7), "explain": ViewWeight(0.1, 0.2)}
    counts = {"predict": Count(1, 1), "explain": Count(3, 1)}
    loss = distilled_views(outputs_of(student, teacher, DENSE, labels), counts, weights, 1.0, forward_kl)
    kl = F.kl_div(student.log_softmax(-1), teacher.softmax(-1), reduction="none").sum(-1)
    nll = F.cross_entropy(student.flatten(0, 1), labels.flatten(), ignore_index=IGNORE, reduction="none").view(2, 3)
    expected = 0.3 * nll[0, 0] + 0.7 * kl[0, 0] + 0.1 * nll[1].mean() + 0.2 * kl[1].mean()
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.parts["explain/divergence"], kl[1].mean())
    torch.testing.assert_close(loss.parts["predict"], nll[0, 0])


def test_the_temperature_is_the_divergence_s_alone() -> None:
    student, teacher = logits(2, 3, 6, seed=6), logits(2, 3, 6, seed=7)
    labels = torch.tensor([[1, IGNORE, IGNORE], [2, 3, 4]])
    weights = {"explain": ViewWeight(0.5, 2.0)}
    outputs = outputs_of(student, teacher, LogitRequest(None, 3.0, "float32"), labels)
    loss = distilled_views(outputs, {"explain": Count(3, 1)}, weights, 3.0, forward_kl)
    kl = F.kl_div((student[1] / 3).log_softmax(-1), (teacher[1] / 3).softmax(-1), reduction="batchmean")
    torch.testing.assert_close(loss.total, 0.5 * F.cross_entropy(student[1], labels[1]) + 2.0 * kl)


def test_a_student_with_more_logits_than_the_teacher_is_compared_on_those_of_both() -> None:
    student, teacher = logits(2, 3, 8, seed=6), logits(2, 3, 6, seed=7)
    labels = torch.tensor([[1, IGNORE, IGNORE], [2, 3, 4]])
    places = learnt_places(labels)
    live = LiveDistribution(Logits(teacher), places, places, 6, DENSE)
    outputs = StudentOutputs(Logits(student), labels, ("predict", "explain"), (0, 0), teacher=live)
    loss = distilled_views(outputs, {"explain": Count(3, 1)}, {"explain": ViewWeight(1.0, 1.0)}, 1.0, forward_kl)
    kl = F.kl_div(student[1, :, :6].log_softmax(-1), teacher[1].softmax(-1), reduction="batchmean")
    torch.testing.assert_close(loss.total, F.cross_entropy(student[1], labels[1]) + kl)


def test_what_is_stored_in_half_precision_is_off_by_what_is_documented() -> None:
    teacher, student = logits(200, 50, seed=8).float() * 4, logits(200, 50, seed=9).float() * 4
    rows = top(teacher, 16)
    half = TeacherRows(rows.ids, rows.log_probs.half().float(), rows.rest)
    error = ((half.log_probs - rows.log_probs) / rows.log_probs).abs().max()
    assert error <= 2**-11
    labels = torch.zeros(200, dtype=torch.long)
    exact, stored = (forward_kl(*side_by_side(student, labels, one)[:2]) for one in (rows, half))
    torch.testing.assert_close(stored, exact, rtol=2e-2, atol=5e-3)


def test_stored_rows_are_picked_by_position() -> None:
    stored = StoredDistribution(
        torch.arange(3),
        torch.tensor([[1, 2], [3, 4], [5, 6]]),
        torch.tensor([[0.0, 1], [2, 3], [4, 5]]).half(),
        torch.tensor([7.0, 8, 9]),
        10,
    )
    rows = stored.rows(torch.tensor([2, 0]))
    assert rows.ids is not None
    assert rows.rest is not None
    assert rows.ids.tolist() == [[5, 6], [1, 2]]
    assert rows.log_probs.dtype == torch.float32
    assert rows.rest.tolist() == [9, 7]
