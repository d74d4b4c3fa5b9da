"""The teacher's distribution over choices, and mixtures of two questions."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distillrun.loss.divergence import forward_kl
from distillrun.objective.choice_distillation import choice_kl
from distillrun.objective.mixkd import mixture_loss, partner_of
from distillrun.records import Question, Segment
from distillrun.student.choice_scorer import ChoiceScorer
from tests.leaves import made
from tests.tiny_checkpoints import write_bert

SCORES = torch.tensor([[1.0, 2.0, 0.5], [0.3, 0.1, -math.inf]])


def question(teacher: tuple[float, ...], right: int = 0, text: str = "why?", seed: int = 0) -> Question:
    answers = tuple((Segment(f"answer {n}"),) for n in range(len(teacher)))
    return Question((Segment(text),), answers, right, teacher, seed)


QUESTIONS = [
    question(tuple(torch.tensor([0.2, 0.5, 0.3]).log().tolist()), right=1),
    question(tuple(torch.tensor([0.9, 0.1]).log().tolist()), right=0),
]


class Scorer:
    """A model whose scores are given."""

    def __init__(self, scores: Tensor) -> None:
        self.module = nn.Linear(1, 1)
        self.scores = scores

    def choose(self, sources: Sequence[Any], continuations: Sequence[Any]) -> Tensor:
        return self.scores[: len(sources)]


def test_the_distance_is_a_kl_over_each_question_s_own_choices() -> None:
    found = choice_kl(SCORES, QUESTIONS, temperature=1.0)
    expected = [
        forward_kl(torch.tensor(one.teacher), SCORES[row, : len(one.answers)].log_softmax(-1))
        for row, one in enumerate(QUESTIONS)
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_the_temperature_is_of_both_sides() -> None:
    found = choice_kl(SCORES[:1], QUESTIONS[:1], temperature=2.0)
    teacher = (torch.tensor(QUESTIONS[0].teacher) / 2).log_softmax(-1)
    torch.testing.assert_close(found[0], forward_kl(teacher, (SCORES[0] / 2).log_softmax(-1)))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_scorer_learns_labels_and_teacher_at_their_weights(share: float) -> None:
    objective: Any = made("objective", "choice_distillation", cross_entropy_weight=share, temperature=2.0)
    model: Any = Scorer(SCORES.clone().requires_grad_())
    loss = objective.choice_loss(model, QUESTIONS, [0, 1])
    nll = -(SCORES[0].log_softmax(-1)[1] + SCORES[1].log_softmax(-1)[0]) / 2
    expected = share * nll + (1 - share) * 4 * choice_kl(SCORES, QUESTIONS, 2.0).mean()
    torch.testing.assert_close(loss.total, expected)
    (gradient,) = torch.autograd.grad(loss.total, model.scores)
    assert gradient.isfinite().all()


def test_shares_of_micro_batches_add_up() -> None:
    objective: Any = made("objective", "choice_distillation")
    model: Any = Scorer(SCORES)
    whole = objective.choice_loss(model, QUESTIONS, [0, 1]).total
    first = objective.choice_loss(model, QUESTIONS, [0]).total
    second: Any = Scorer(SCORES[1:])
    torch.testing.assert_close(first + objective.choice_loss(second, QUESTIONS, [1]).total, whole)


def test_a_teacher_that_was_not_asked_is_named() -> None:
    with pytest.raises(ValueError, match="did not score the choices of 'why"):
        choice_kl(SCORES[:1], [Question((Segment("why?"),), ((), (), ()), 0, None, 0)], 1.0)


def test_a_partner_has_as_many_choices() -> None:
    three, two = QUESTIONS
    assert [partner_of([three, two, three, two], place) for place in range(4)] == [2, 3, 0, 1]
    assert partner_of([three, two], 0) is None


@pytest.fixture(scope="module", params=["scorer", "tiny_t5"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "tiny_t5":
        model = made("student", "tiny_t5", dropout=0.0).build(seed=0)
    else:
        folder = write_bert(tmp_path_factory.mktemp("bert"))
        model = ChoiceScorer(folder, "main", 128, gradient_checkpointing=False).build(seed=0)
        for weight in model.module.parameters():
            weight.data *= 8 if weight.ndim > 1 else 1  # fresh weights give nearly the same scores everywhere
    model.module.eval()
    return model


OWN = [question((-1.0, -0.5, -2.0), text="where do fish live?")]
OTHER = [question((-0.1, -2.5, -3.0), text="what is sharp, and long?")]


def test_a_share_of_1_is_the_plain_loss_of_the_question(reader: Any) -> None:
    found = mixture_loss(reader, OWN, OTHER, [1.0])
    scores = reader.choose([OWN[0].source], [OWN[0].answers])
    teacher = torch.tensor(OWN[0].teacher).log_softmax(-1)
    torch.testing.assert_close(found[0], -(teacher.exp() * scores.log_softmax(-1)[0]).sum(), rtol=1e-4, atol=1e-5)


def test_a_mixture_is_the_same_from_both_sides(reader: Any) -> None:
    one, other = mixture_loss(reader, OWN, OTHER, [0.3]), mixture_loss(reader, OTHER, OWN, [0.7])
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(one, mixture_loss(reader, OWN, OTHER, [0.7]))


def test_choices_in_another_order_have_their_scores_in_that_order(reader: Any) -> None:
    answers = [
        tuple((Segment(text),) for text in order) for order in (("sea", "knife", "a lamp"), ("a lamp", "sea", "knife"))
    ]
    scores = reader.choose([OWN[0].source] * 2, answers)
    torch.testing.assert_close(scores[0], scores[1][[1, 2, 0]], rtol=1e-4, atol=1e-5)


def test_a_saved_scorer_is_the_same_scorer(tmp_path: Any) -> None:
    part = ChoiceScorer(write_bert(tmp_path / "bert"), "main", 128, gradient_checkpointing=False)
    model = part.build(seed=3)
    model.module.eval()
    model.save(tmp_path / "saved")
    loaded = part.load(tmp_path / "saved")
    loaded.module.eval()
    asked = ([OWN[0].source], [OWN[0].answers])
    torch.testing.assert_close(loaded.choose(*asked), model.choose(*asked))
    (scores,) = model.score(*asked, tokens_per_batch=1000)
    assert sum(math.exp(score.log_prob) for score in scores) == pytest.approx(1)
    assert {score.tokens for score in scores} == {1}
