"""Teachers with another tokenizer: alignment at characters, sorted probabilities, dual space."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, Count, StudentOutputs
from distillrun.loss.token_alignment import Stretch, stretches
from distillrun.objective.shared.aligned import aligned, rest_log_probs
from distillrun.objective.universal_logit import sorted_distance, stretch_probabilities
from tests.leaves import made

ENDS = st.lists(st.integers(1, 12), min_size=1, max_size=8).map(sorted)


def outputs(
    logits: Tensor, ids: list[int], ends: tuple[int, ...], teacher_outputs: StudentOutputs | None = None
) -> StudentOutputs:
    return StudentOutputs(
        Logits(logits), torch.tensor([ids]), ("predict",), (0,), (ends,), teacher_outputs=teacher_outputs
    )


@given(ENDS, ENDS)
def test_stretches_follow_each_other_and_end_at_one_character(left: list[int], right: list[int]) -> None:
    found = stretches(left, right)
    for stretch in found:
        assert left[stretch.left[1] - 1] == right[stretch.right[1] - 1]
        assert stretch.left[0] < stretch.left[1]
        assert stretch.right[0] < stretch.right[1]
    for one, other in pairwise(found):
        assert (one.left[1], one.right[1]) == (other.left[0], other.right[0])
    common = {end for end in left if end in right}
    assert {left[stretch.left[1] - 1] for stretch in found} == common


def test_a_character_of_several_tokens_ends_with_the_last_of_them() -> None:
    assert stretches([2, 2, 3], [2, 3]) == [Stretch((0, 2), (0, 1)), Stretch((2, 3), (1, 2))]


def test_the_distance_of_sorted_probabilities_is_the_one_computed_by_hand() -> None:
    p, q = torch.tensor([[0.6, 0.3, 0.1]]), torch.tensor([[0.2, 0.5, 0.2, 0.1]])
    assert sorted_distance(p, q).item() == pytest.approx(0.4)
    assert sorted_distance(p[:, [2, 0, 1]], q[:, [3, 1, 0, 2]]).item() == pytest.approx(0.4)


def test_a_stretch_of_several_tokens_is_as_likely_as_their_product() -> None:
    logits = torch.randn(1, 3, 5, dtype=torch.float64)
    labels = torch.tensor([[4, 1, 2]])
    p = logits.softmax(-1)[0]
    found = stretch_probabilities(Logits(logits), labels, torch.tensor([0, 2]), torch.tensor([2, 1]))
    assert found.sum(-1).tolist() == pytest.approx([1, 1])
    assert found[0, 4].item() == pytest.approx((p[0, 4] * p[1, 1]).item())
    assert found[0, 5].item() == pytest.approx((p[0, 4] * (1 - p[1, 1])).item())
    torch.testing.assert_close(found[1, :5], p[2])
    assert found[1, 5] == 0
    rest = rest_log_probs(Logits(logits), labels.flatten(), torch.tensor([0, 2]), torch.tensor([3, 1]))
    assert rest.exp().tolist() == pytest.approx([(p[1, 1] * p[2, 2]).item(), 1.0])


def test_the_same_model_with_the_same_tokenizer_is_at_distance_0() -> None:
    objective = made("objective", "universal_logit")
    logits = torch.randn(1, 3, 6)
    teacher_outputs = outputs(logits, [1, 2, 3], (2, 4, 5))
    loss = objective.loss(outputs(logits, [1, 2, 3], (2, 4, 5), teacher_outputs), {"predict": Count(3, 1)})
    assert loss.parts["universal_logit"] == 0
    assert loss.total.item() == pytest.approx(loss.parts["predict"].item())


def test_a_token_that_is_cut_in_two_misplaces_nothing_after_it() -> None:
    """The teacher writes the second word in two tokens; the third is still compared with the third."""
    student = torch.full((1, 3, 4), -20.0)
    teacher = torch.full((1, 4, 6), -20.0)
    for place, token in enumerate((1, 2, 3)):
        student[0, place, token] = 20.0
    for place, token in enumerate((5, 4, 3, 2)):
        teacher[0, place, token] = 20.0
    teacher_outputs = outputs(teacher, [5, 4, 3, 2], (2, 4, 6, 7))
    made_outputs = outputs(student, [1, 2, 3], (2, 6, 7), teacher_outputs)
    found = aligned(made_outputs, {"predict": Count(3, 1)}, {"predict": 1.0})
    assert found is not None
    assert found.student.tolist() == [0, 1, 2]
    assert found.teacher.tolist() == [0, 1, 3]
    assert found.lengths.tolist() == [[1, 1], [1, 2], [1, 1]]
    loss = made("objective", "universal_logit").loss(made_outputs, {"predict": Count(3, 1)})
    assert loss.parts["universal_logit"].item() == pytest.approx(0, abs=1e-6)


def test_what_one_side_does_not_learn_is_not_compared() -> None:
    teacher_outputs = outputs(torch.randn(1, 2, 4), [1, 2], (3, 4))
    found = aligned(
        outputs(torch.randn(1, 3, 4), [IGNORE, 2, 3], (1, 3, 4), teacher_outputs),
        {"predict": Count(2, 1)},
        {"predict": 1.0},
    )
    assert found is not None
    assert found.student.tolist() == [2]


class Heads:
    """Two models whose heads are one matrix."""

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight

    def head(self, hidden: Tensor, frozen: bool = False) -> Tensor:
        return hidden @ (self.weight.detach() if frozen else self.weight).T


def dual_space(width: int, vocabulary: int, **changes: Any) -> Any:
    objective = made("objective", "dual_space", **changes)
    same = Heads(torch.randn(vocabulary, width))
    for name in ("to_teacher", "to_student"):
        objective._maps[name] = torch.nn.Linear(width, width, bias=False)
        objective._maps[name].weight.data = torch.eye(width)
    objective._heads = (same, same)
    return objective, same


def test_the_same_model_under_identity_maps_has_nothing_to_learn_in_dual_space() -> None:
    objective, heads = dual_space(4, 6)
    hidden = torch.randn(1, 3, 4)
    logits = heads.head(hidden)
    ids = logits.argmax(-1)[0].tolist()
    teacher_outputs = StudentOutputs(
        Logits(logits), torch.tensor([ids]), ("predict",), (0,), ((1, 2, 3),), hidden=(hidden,)
    )
    own = StudentOutputs(
        Logits(logits),
        torch.tensor([ids]),
        ("predict",),
        (0,),
        ((1, 2, 3),),
        hidden=(hidden,),
        teacher_outputs=teacher_outputs,
    )
    parts = objective.loss(own, {"predict": Count(3, 1)}).parts
    assert parts["dual_space/student"].item() == pytest.approx(0, abs=1e-6)
    assert parts["dual_space/teacher"].item() == pytest.approx(0, abs=1e-6)
    assert parts["dual_space/label"].item() == pytest.approx(parts["predict"].item(), rel=1e-5)


def test_dual_space_follows_the_teacher_only_where_its_mapped_states_are_right() -> None:
    objective, heads = dual_space(4, 6, cross_entropy_weight=0.0)
    hidden, other = torch.randn(1, 1, 4), torch.randn(1, 1, 4)
    right = int(heads.head(other).argmax())
    values = []
    for label in (right, (right + 1) % 6):
        teacher_outputs = StudentOutputs(
            Logits(heads.head(other)), torch.tensor([[label]]), ("predict",), (0,), ((1,),), hidden=(other,)
        )
        own = StudentOutputs(
            Logits(heads.head(hidden)),
            torch.tensor([[label]]),
            ("predict",),
            (0,),
            ((1,),),
            hidden=(hidden,),
            teacher_outputs=teacher_outputs,
        )
        values.append(objective.loss(own, {"predict": Count(1, 1)}).parts["dual_space/student"].item())
    assert values[0] > 0
    assert values[1] == 0
