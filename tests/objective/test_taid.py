"""The teacher that moves away: its schedule, and what survives a resume."""

import math
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.interfaces import ObjectiveContext
from distillrun.loss.distribution import LiveDistribution
from distillrun.loss.divergence import forward_kl
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from distillrun.objective.taid import TAID
from distillrun.records import LogitRequest
from tests.leaves import made

P, Q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.3, 0.2])


def taid(steps: int = 10, **changes: Any) -> TAID:
    objective: TAID = made("objective", "taid", teacher="live", cross_entropy_weight=0.0, **changes)
    nothing: Any = None
    objective.start(ObjectiveContext(nothing, None, nothing, steps, 1))
    return objective


def outputs(student: torch.Tensor) -> StudentOutputs:
    places = torch.tensor([0])
    teacher = LiveDistribution(Logits(P.log()[None, None]), places, places, 3, LogitRequest(None, 1.0, "float32"))
    return StudentOutputs(Logits(student), torch.zeros(1, 1, dtype=torch.long), ("predict",), (0,), teacher=teacher)


def loss(objective: TAID, student: torch.Tensor) -> torch.Tensor:
    return objective.loss(outputs(student), {"predict": Count(1, 1)}).total


def test_the_loss_is_the_kl_to_the_teacher_between() -> None:
    assert loss(taid(start_share=0.4), Q.log()[None, None]).item() == pytest.approx(0.0149946266, abs=1e-7)


def test_at_the_teacher_it_is_the_forward_kl_and_at_the_student_it_has_no_gradient() -> None:
    assert loss(taid(start_share=1.0), Q.log()[None, None]).item() == pytest.approx(forward_kl(P.log(), Q.log()).item())
    student = Q.log()[None, None].requires_grad_()
    loss(taid(start_share=0.0), student).backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-7


def course(objective: TAID, losses: list[float]) -> list[float]:
    """Return t as each step uses it, where the steps' divergences are these."""
    used = []
    for value in losses:
        used.append(objective.share)
        objective._now = value
        objective.end_step()
    return used


def test_the_share_follows_the_published_recursion() -> None:
    objective = taid(steps=1000, start_share=0.2, step_size=0.05, momentum=0.9)
    losses = [2.0, 1.0, 0.8, 0.9]
    share, fall, expected = 0.2, 0.0, []
    for step, value in enumerate(losses):
        expected.append(share)
        if step:
            fall = 0.9 * fall + 0.1 * (losses[step - 1] - value) / (losses[step - 1] + 1e-15)
        rise = 0.05 / (1 + math.exp(-fall)) * (1 - share)
        share = min(1.0, max(0.2 + 0.8 * (step + 1) / 1000, share + rise))
    assert course(objective, losses) == pytest.approx(expected)


@pytest.mark.parametrize("written", [0.0, 0.5, 1.0])
def test_the_divergence_of_a_step_is_that_of_given_and_written_targets(written: float) -> None:
    objective = taid(start_share=0.4)
    places = torch.tensor([0, 1])
    near = torch.tensor([0.6, 0.25, 0.15])
    log_p = P.log().expand(2, 1, 3)
    teacher = LiveDistribution(Logits(log_p), places, places, 3, LogitRequest(None, 1.0, "float32"))
    student, labels = torch.stack([Q, near]).log()[:, None], torch.zeros(2, 1, dtype=torch.long)
    both = StudentOutputs(Logits(student), labels, ("predict", "predict/sampled"), (0, 1), teacher=teacher)
    value = objective.shared_loss(both, {"predict": Count(1, 1), "predict/sampled": Count(1, 1)}, written).total
    given_one, written_one = (objective.divergence(P.log(), q.log()).item() for q in (Q, near))
    assert value.item() == pytest.approx((1 - written) * given_one + written * written_one, abs=1e-7)
    assert objective._now == pytest.approx(value.item(), abs=1e-7)


def test_a_step_of_written_targets_alone_keeps_the_momentum() -> None:
    objective = taid(steps=100_000, step_size=0.1)
    course(objective, [1.0, 0.9, 0.8])
    fall = objective._fall
    places = torch.tensor([0])
    teacher = LiveDistribution(Logits(P.log()[None, None]), places, places, 3, LogitRequest(None, 1.0, "float32"))
    student, labels = Q.log()[None, None], torch.zeros(1, 1, dtype=torch.long)
    written = StudentOutputs(Logits(student), labels, ("predict/sampled",), (0,), teacher=teacher)
    for _ in range(3):
        objective.shared_loss(written, {"predict/sampled": Count(1, 1)}, 1.0)
        objective.end_step()
        assert abs(objective._fall) < 1
    assert objective._fall != fall


def test_a_step_that_learns_nothing_changes_no_momentum() -> None:
    objective = taid(steps=100_000, step_size=0.1)
    course(objective, [1.0, 0.9])
    fall = objective._fall
    objective.end_step()
    assert objective._fall == fall
    course(objective, [0.8])
    assert objective._fall == pytest.approx(0.99 * fall + 0.01 * 0.1 / 0.9)


def test_where_the_teacher_is_the_student_itself_nothing_is_told() -> None:
    objective = taid(steps=100_000, start_share=0.0, step_size=0.1)
    course(objective, [1e-9, 0.5, 0.4])
    assert objective._fall == pytest.approx(0.01 * 0.1 / 0.5)


def test_it_never_falls_and_ends_at_the_end() -> None:
    objective = taid(steps=10, start_share=0.3, end_share=0.9)
    used = course(objective, [1.0, 5.0, 0.1, 1e-20, 1e20, 0.0, 1.0, 2.0, 1.0, 0.5])
    assert used == sorted(used)
    assert objective.share == pytest.approx(0.9)


def test_a_resumed_course_is_the_undisturbed_one() -> None:
    losses = [1.0, 0.9, 0.7, 0.8, 0.5, 0.4]
    whole = course(taid(step_size=0.1), losses)
    first = taid(step_size=0.1)
    begun = course(first, losses[:3])
    second = taid(step_size=0.1)
    second.load_state(first.state())
    assert begun + course(second, losses[3:]) == whole


def test_a_bucket_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"objective\.top_k=64 leaves one bucket .* set objective\.top_k=null"):
        made("objective", "taid", top_k=64)


def test_shares_are_checked() -> None:
    with pytest.raises(ConfigError, match="the first not above the second"):
        made("objective", "taid", start_share=0.9, end_share=0.5)
