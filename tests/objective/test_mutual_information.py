"""Both variants of the information term, against the constants of the authors' code."""

import pytest
import torch

from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from distillrun.objective.mutual_information import information_loss
from tests.leaves import made

V = 32_128


def test_paper_code_has_the_range_of_its_code() -> None:
    sure = torch.full((3, V), -torch.inf)
    sure[:, 0] = 0.0
    even = torch.full((2, V), 1.0 / V).log()
    assert information_loss(sure, sure, "paper_code").item() == pytest.approx(9.3775, abs=1e-3)
    assert information_loss(sure, even, "paper_code").item() == pytest.approx(10.3775, abs=1e-3)


def test_fixed_is_at_least_the_entropy_of_the_answer_and_equal_where_both_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    predict, explain = (torch.randn(4, 9, generator=generator).log_softmax(-1) for _ in range(2))
    pooled = predict.amax(0).softmax(0)
    entropy = -(pooled * pooled.log()).sum()
    assert information_loss(predict, explain, "fixed") >= entropy
    torch.testing.assert_close(information_loss(predict, predict, "fixed"), entropy)


def test_it_reaches_the_explanation_alone() -> None:
    objective = made("objective", "mutual_information", information_weight=1.0)
    logits = torch.randn(2, 3, 5, requires_grad=True)
    labels = torch.tensor([[1, 2, -100], [3, 4, 0]])
    outputs = StudentOutputs(Logits(logits), labels, ("predict", "explain"), (0, 0))
    counts = {"predict": Count(2, 1), "explain": Count(3, 1)}
    (whole,) = torch.autograd.grad(objective.loss(outputs, counts).total, logits)
    (without,) = torch.autograd.grad(made("objective", "multitask").loss(outputs, counts).total, logits)
    torch.testing.assert_close(whole[0], without[0])
    assert (whole[1] - without[1]).abs().max() > 1e-3


def test_rows_of_different_questions_do_not_meet() -> None:
    objective = made("objective", "mutual_information")
    labels = torch.tensor([[1, 2], [3, 4]])
    outputs = StudentOutputs(Logits(torch.randn(2, 2, 5)), labels, ("predict", "explain"), (0, 1))
    loss = objective.loss(outputs, {"predict": Count(2, 1), "explain": Count(2, 1)})
    assert "information" not in loss.parts
