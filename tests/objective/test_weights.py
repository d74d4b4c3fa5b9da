"""The weights of the views against reference values."""

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from tests.leaves import made


@pytest.mark.parametrize(("weights", "expected"), [((0.5, 0.5, 0.5), 2.5), ((0.9, 0.8, 0.25), 1.455)])
def test_the_four_views_are_weighed_as_published(weights: tuple[float, float, float], expected: float) -> None:
    """Losses 1, 2, 3 and 4 of predict, explain, factual and counterfactual; three weights; two known totals."""
    multitask, predict, factual = weights
    objective = made(
        "objective",
        "multitask_counterfactual",
        multitask_weight=multitask,
        predict_weight=predict,
        factual_weight=factual,
    )
    views = ("predict", "explain", "factual", "counterfactual")
    # two ids: the label's logit is 0, the other's makes its negative log-likelihood n nats
    logits = torch.tensor([[[0.0, torch.tensor(float(n)).expm1().log().item()]] for n in (1, 2, 3, 4)])
    outputs = StudentOutputs(Logits(logits), torch.zeros(4, 1, dtype=torch.long), views, (0, 0, 0, 0))
    loss = objective.loss(outputs, dict.fromkeys(views, Count(tokens=1, pairs=1)))
    assert loss.total.item() == pytest.approx(expected, abs=1e-5)
    assert {name: round(part.item(), 4) for name, part in loss.parts.items()} == dict(
        zip(views, (1.0, 2.0, 3.0, 4.0), strict=True)
    )


def test_a_long_rationale_weighs_no_more_than_a_short_one() -> None:
    objective = made("objective", "multitask")
    totals = []
    for length in (2, 50):
        labels = torch.full((2, length), -100)
        labels[0, 0] = 0
        labels[1] = 0
        outputs = StudentOutputs(Logits(torch.zeros(2, length, 4)), labels, ("predict", "explain"), (0, 0))
        counts = {"predict": Count(1, 1), "explain": Count(length, 1)}
        totals.append(objective.loss(outputs, counts).total.item())
    assert totals[0] == pytest.approx(totals[1])


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match=r"objective\.predict_weight=.* must lie between 0 and 1"):
        made("objective", "multitask", predict_weight=weight)


def test_an_unknown_version_order_or_prefix_is_refused() -> None:
    with pytest.raises(ConfigError, match="initial or revised"):
        made("objective", "multitask", rationale="draft")
    with pytest.raises(ConfigError, match="answer_first or rationale_first"):
        made("objective", "rationale_answer", order="first")
    with pytest.raises(ConfigError, match="decoder or encoder"):
        made("objective", "counterfactual", prefix="both")
