"""Losses of texts that are no cross-entropy: alone, and as the texts of other objectives."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.trainer_pt_utils import LabelSmoother

from distillrun.errors import ConfigError
from distillrun.interfaces import TokenLossObjective
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE
from distillrun.loss.token_loss import token_costs
from tests.contracts.test_objective import Step
from tests.leaves import leaf, made, options

NEUTRAL = {"label_smoothing": {"smoothing": 0.0}, "focal": {"focus": 0.0}, "unlikelihood": {"penalty": 0.0}}
"""Options with a loss of their own, and settings under which it is the cross-entropy."""

ONLY_THEIRS = {"mutual_information", "choice_distillation", "mixkd", "sequence_level"}
"""Objectives that learn the texts of one class alone, and refuse all others."""

TAKERS = [name for name in options("objective") if "texts" in leaf("objective", name) and name not in NEUTRAL]


def batch() -> tuple[Tensor, Tensor]:
    """Return logits and labels of three texts, in which ids come again."""
    logits = torch.randn(3, 6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
    labels = torch.tensor([[4, 2, 4, 4, 7, 1], [3, 3, 3, 1, IGNORE, IGNORE], [IGNORE, 5, 6, 5, 1, IGNORE]])
    return logits, labels


def test_every_option_with_a_loss_of_its_own_is_known() -> None:
    own = {name for name in options("objective") if isinstance(made("objective", name), TokenLossObjective)}
    assert own == set(NEUTRAL)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_smoothed_labels_are_those_of_torch_and_of_hugging_face(smoothing: float) -> None:
    logits, labels = batch()
    found = token_costs(Logits(logits), labels, made("objective", "label_smoothing", smoothing=smoothing).token_loss)
    theirs = torch.nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="none", ignore_index=IGNORE)
    torch.testing.assert_close(found, theirs(logits.transpose(1, 2), labels))
    mean: Any = LabelSmoother(epsilon=smoothing)({"logits": logits}, labels.clone())
    assert float(found.sum() / (labels != IGNORE).sum()) == pytest.approx(float(mean))


@pytest.mark.parametrize(("probability", "times"), [(0.9, 100), (0.968, 1000)])
def test_the_focal_loss_is_as_much_lower_as_the_paper_says(probability: float, times: int) -> None:
    """Section 3.2: with gamma = 2, 100 times at p = 0.9, and 1000 times at about 0.968."""
    logits = torch.tensor([[[math.log(probability), math.log(1 - probability)]]], dtype=torch.float64)
    found = token_costs(Logits(logits), torch.tensor([[0]]), made("objective", "focal", focus=2.0).token_loss)
    assert -math.log(probability) / float(found) == pytest.approx(times, rel=0.03)


@pytest.mark.parametrize("focus", [0.5, 2.0])
def test_a_certain_token_has_a_finite_gradient(focus: float) -> None:
    logits = torch.tensor([[[200.0, 0.0]]], requires_grad=True)
    costs = token_costs(Logits(logits), torch.tensor([[0]]), made("objective", "focal", focus=focus).token_loss)
    costs.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("penalty", [0.5, 2.0])
def test_unlikelihood_is_equation_5_of_the_paper(penalty: float) -> None:
    logits, labels = batch()
    found = token_costs(Logits(logits), labels, made("objective", "unlikelihood", penalty=penalty).token_loss)
    q = logits.softmax(dim=-1)
    for n, row in enumerate(labels.tolist()):
        for t, label in enumerate(row):
            if label == IGNORE:
                assert found[n, t] == 0
                continue
            earlier = {one for one in row[:t] if one not in (IGNORE, label)}
            expected = -math.log(q[n, t, label]) - penalty * sum(math.log(1 - q[n, t, one]) for one in earlier)
            assert float(found[n, t]) == pytest.approx(expected)


def test_a_token_that_is_certain_though_unwanted_costs_what_the_authors_clamp_leaves() -> None:
    logits = torch.tensor([[[9.0, 0.0], [300.0, 0.0]]])
    found = token_costs(
        Logits(logits), torch.tensor([[0, 1]]), made("objective", "unlikelihood", penalty=1.0).token_loss
    )
    assert float(found[0, 1]) == pytest.approx(300 - math.log(1e-5))


@pytest.mark.parametrize(("name", "settings"), NEUTRAL.items())
def test_a_neutral_setting_is_the_cross_entropy(name: str, settings: dict[str, float]) -> None:
    logits, labels = batch()
    found = token_costs(Logits(logits), labels, made("objective", name, **settings).token_loss)
    torch.testing.assert_close(found, token_costs(Logits(logits), labels))


@pytest.mark.parametrize("name", TAKERS)
def test_it_stands_under_every_objective_that_learns_any_texts(name: str) -> None:
    texts = leaf("objective", name)["texts"]
    neutral = leaf("objective", "label_smoothing", smoothing=0.0, texts=texts)
    if name in ONLY_THEIRS:
        with pytest.raises(ConfigError, match="texts"):
            made("objective", name, texts=neutral)
        return
    changes = {"winner_weight": 1.0} if name == "preference" else {}
    plain, same, other = (
        Step(name, {**changes, "texts": one}, "tiny_t5").gradient(10**6)
        for one in (texts, neutral, {**neutral, "smoothing": 0.5})
    )
    assert same[0] == pytest.approx(plain[0], rel=1e-5)
    for one, known in zip(same[1], plain[1], strict=True):
        torch.testing.assert_close(one, known, rtol=1e-4, atol=1e-6)
    assert other[0] != pytest.approx(plain[0], rel=1e-3)


def test_a_divergence_weighs_it_as_it_would_the_cross_entropy() -> None:
    """L = c L_texts + (1 - c) D, of which D alone is what c = 0 leaves, and L_texts the objective by itself."""
    smoothed = leaf("objective", "label_smoothing", smoothing=0.3)
    whole, alone, distance = (
        Step(name, changes, "tiny_qwen").gradient(10**6)[0]
        for name, changes in (
            ("forward_kl", {"texts": smoothed, "cross_entropy_weight": 0.4}),
            ("label_smoothing", {"smoothing": 0.3}),
            ("forward_kl", {"cross_entropy_weight": 0.0}),
        )
    )
    assert whole == pytest.approx(0.4 * alone + 0.6 * distance, rel=1e-5)


def test_two_losses_for_one_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="has a loss of its own, and so has Focal"):
        made("objective", "focal", texts=leaf("objective", "label_smoothing"))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("label_smoothing", {"smoothing": 1.5}, r"objective\.smoothing=1\.5 must lie between 0 and 1"),
        ("focal", {"focus": -1.0}, r"objective\.focus=-1\.0 must be 0 or more"),
        ("unlikelihood", {"penalty": math.inf}, r"objective\.penalty=inf must be 0 or more"),
    ],
)
def test_a_wrong_setting_is_named(name: str, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made("objective", name, **settings)
