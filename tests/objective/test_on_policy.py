"""Targets that the student writes itself."""

from functools import partial
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.interfaces import ObjectiveContext
from distillrun.language_model.sampling import Interleaved, Mixed, sampled_targets
from distillrun.language_model.token_selection import Drawn, drawn_tokens
from distillrun.language_model.transformer import TransformerModel
from distillrun.records import Segment, TrainingItem
from tests.leaves import EXAMPLE, RECORD, leaf, made

SOURCES = [
    (Segment(text),) for text in ("What is wet?", "Where would a very long sentence stand, if not here?", "Why?")
]


@pytest.fixture(scope="module", params=["tiny_t5", "tiny_qwen"])
def student(request: pytest.FixtureRequest) -> TransformerModel:
    model: TransformerModel = made("student", request.param, dropout=0.0).build(seed=0)
    return model


@pytest.fixture(scope="module")
def teacher() -> TransformerModel:
    model: TransformerModel = made("student", "tiny_qwen", width=96).build(seed=1)
    model.module.eval()
    return model


def task() -> Any:
    return made("task", "multiple_choice", folder="unused")


def started(name: str, student: TransformerModel, teacher: TransformerModel, **changes: Any) -> Any:
    objective = made("objective", name, max_new_tokens=6, **changes)
    objective.start(ObjectiveContext(student, teacher, task(), 10, 10_000))
    return objective


def visits(count: int) -> list[TrainingItem]:
    return [TrainingItem(EXAMPLE, RECORD, seed) for seed in range(count)]


def prepared(objective: Any, count: int = 12, step: int = 0) -> list[Any]:
    pairs = [objective.targets(one.example, one.record, task(), one.seed) for one in visits(count)]
    return [pair for own in objective.prepare(step, visits(count), pairs) for pair in own]


def plain(seeds: Any) -> Drawn:
    return Drawn(seeds, 8, 1.0, 1.0)


def test_what_is_written_does_not_depend_on_the_batch(student: TransformerModel) -> None:
    together = sampled_targets([student], SOURCES, [5, 6, 7], plain, 8, 10_000)
    for source, seed, expected in zip(SOURCES, (5, 6, 7), together, strict=True):
        assert sampled_targets([student], [source], [seed], plain, 8, 10_000) == [expected]
    assert together != sampled_targets([student], SOURCES, [15, 16, 17], plain, 8, 10_000)


def test_sampling_knows_no_dropout_and_leaves_the_mode_alone(student: TransformerModel) -> None:
    model: TransformerModel = made("student", "tiny_t5", dropout=0.5).build(seed=0)
    model.module.train()
    first = sampled_targets([model], SOURCES, [1, 2, 3], plain, 8, 10_000)
    assert model.module.training
    model.module.eval()
    assert sampled_targets([model], SOURCES, [1, 2, 3], plain, 8, 10_000) == first


def test_nothing_comes_after_the_first_end(student: TransformerModel) -> None:
    bias = student.module.get_output_embeddings().weight  # type: ignore[operator]
    assert bias is not None
    written = sampled_targets(
        [student], SOURCES * 20, list(range(60)), lambda seeds: Drawn(seeds, 40, 50.0, 1.0), 40, 10**6
    )
    for ids in written:
        assert student.text.eos not in ids[:-1]
        assert len(ids) <= 40


def test_no_target_is_longer_than_the_student_s_targets_may_be() -> None:
    model: TransformerModel = made("student", "tiny_qwen", max_target_tokens=4).build(seed=0)
    assert max(map(len, sampled_targets([model], SOURCES, [1, 2, 3], plain, 8, 10_000))) <= 4


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_student_writes_never_or_always(
    share: float, student: TransformerModel, teacher: TransformerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = started("on_policy", student, teacher, student_share=share)
    if share == 0:
        monkeypatch.setattr("distillrun.objective.shared.sampled_distillation.sampled_targets", lambda *_: 1 / 0)
    pairs = prepared(objective)
    assert [pair.written is not None for pair in pairs] == [share == 1.0] * len(pairs)
    assert objective.end_step()["sampled_share"] == share


def test_the_share_is_kept_on_average_and_logged(student: TransformerModel, teacher: TransformerModel) -> None:
    objective = started("on_policy", student, teacher, student_share=0.3)
    pairs = prepared(objective, 200)
    share = sum(pair.written is not None for pair in pairs) / 200
    assert 0.2 < share < 0.4
    assert objective.share == share


def test_labels_do_not_count_on_what_the_student_wrote(student: TransformerModel, teacher: TransformerModel) -> None:
    objective = started("on_policy", student, teacher, student_share=1.0)
    prepared(objective)
    weights = objective._divergence._view_weights(objective.share)
    assert weights["predict"].divergence == weights["predict"].cross_entropy == 0
    assert weights["predict/sampled"].cross_entropy == 0
    assert weights["predict/sampled"].divergence == 1.0


def test_a_stored_teacher_cannot_follow() -> None:
    divergence = leaf("objective", "jensen_shannon")
    with pytest.raises(ConfigError, match=r"set objective\.divergence\.teacher=live"):
        made("objective", "on_policy", divergence=divergence)


def logits(rows: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, 10, generator=torch.Generator().manual_seed(seed)) * 2


def test_with_all_ids_accepted_the_student_alone_writes() -> None:
    seeds = list(range(50))
    student, teacher = logits(50, 0), logits(50, 1)
    choosing = Interleaved(seeds, 4, 1.0, 1.0, 10, 10)
    expected = drawn_tokens(student, choosing.uniform([0] * 50, student.device), 1.0, 1.0)
    assert torch.equal(choosing.tokens([student, teacher], [0] * 50), expected)
    assert choosing.accepted == choosing.proposed == 50


def test_with_one_id_accepted_a_sure_teacher_writes() -> None:
    teacher = logits(50, 1) * 100
    choosing = Interleaved(list(range(50)), 4, 1.0, 1.0, 1, 10)
    assert torch.equal(choosing.tokens([logits(50, 0), teacher], [0] * 50), teacher.argmax(-1))


def test_a_token_is_accepted_as_often_as_the_student_draws_from_the_teacher_s_likeliest() -> None:
    student, teacher = logits(1, 0).expand(4000, 10), logits(1, 1).expand(4000, 10)
    choosing = Interleaved(list(range(4000)), 1, 1.0, 1.0, 3, 10)
    choosing.tokens([student, teacher], [0] * 4000)
    mass = student[0].softmax(-1)[teacher[0].topk(3).indices].sum().item()
    assert choosing.accepted / 4000 == pytest.approx(mass, abs=0.03)


def test_a_mixture_is_drawn_from_both() -> None:
    student, teacher = logits(1, 0).expand(8000, 10), logits(1, 1).expand(8000, 10)
    tokens = Mixed(list(range(8000)), 1, 0.3, 10).tokens([student, teacher], [0] * 8000)
    share = torch.bincount(tokens, minlength=10) / 8000
    torch.testing.assert_close(share, 0.3 * teacher[0].softmax(-1) + 0.7 * student[0].softmax(-1), atol=0.025, rtol=0)


def off_policy(student: TransformerModel, teacher: TransformerModel, **changes: Any) -> Any:
    return started("adaptive_off_policy", student, teacher, **changes)


@pytest.mark.parametrize(
    ("before", "losses", "thresholds"),
    [
        (2.0, [2.06, 2.12, 2.18, 2.24, 2.30, 2.36], [0.0, 0.1, 0.1, 0.2, 0.2, 0.3]),
        (3.0, [2.0, 1.5, 2.05, 3.05, 3.15, 3.2, 3.26, 3.2, 5.0], [0.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 0.3]),
    ],
)
def test_the_threshold_goes_as_in_distillm_s_code(
    before: float,
    losses: list[float],
    thresholds: list[float],
    student: TransformerModel,
    teacher: TransformerModel,
) -> None:
    """The thresholds are what the four lines of its finetune.py (d47e77f, 413 to 416) gave for these losses."""
    objective = off_policy(student, teacher, threshold=0.0, threshold_rise=0.1, tolerance=0.1)
    objective.after_check(partial(float, before))
    course = []
    for loss in losses:
        objective.after_check(partial(float, loss))
        course.append(objective.threshold)
    assert course == pytest.approx(thresholds)


def test_as_shipped_it_writes_and_replays(student: TransformerModel, teacher: TransformerModel) -> None:
    objective = off_policy(student, teacher, capacity=5)
    first = [pair for pair in prepared(objective, 100) if pair.written is not None]
    assert 10 <= len(first) <= 30
    assert objective.end_step()["sampled_share"] == len(first) / 100
    old = list(objective.buffer)
    assert old == first[-5:]
    last = prepared(objective, 100, step=9)  # of 10: nothing is written anew
    assert {pair.written for pair in last if pair.written is not None} <= {pair.written for pair in old}
    assert objective.end_step()["sampled_share"] > 0


def test_the_buffer_forgets_the_oldest_and_is_reused(student: TransformerModel, teacher: TransformerModel) -> None:
    objective = off_policy(student, teacher, threshold=1.0, capacity=10)
    first = prepared(objective, 8)
    assert list(objective.buffer) == first
    objective.end_step()
    second = prepared(objective, 8)
    assert list(objective.buffer) == [*first[6:], *second]
    late = prepared(objective, 8, step=9)  # nothing is written anew in the last step
    assert all(pair in (*first[6:], *second) for pair in late)
    assert objective.share > 0


def test_without_a_threshold_it_is_the_plain_divergence(student: TransformerModel, teacher: TransformerModel) -> None:
    assert all(pair.written is None for pair in prepared(off_policy(student, teacher, threshold=0.0)))


def test_the_buffer_survives_a_resume(student: TransformerModel, teacher: TransformerModel) -> None:
    objective = off_policy(student, teacher, threshold=1.0)
    prepared(objective, 5)
    objective.after_check(lambda: 1.0)
    other = off_policy(student, teacher, threshold=0.0)
    other.load_state(objective.state())
    assert (other.buffer, other.threshold, other._remembered) == (objective.buffer, objective.threshold, 1.0)


@pytest.mark.parametrize("name", ["on_policy", "speculative", "adaptive_off_policy", "minillm"])
def test_what_is_written_may_be_as_long_as_the_given_targets_and_cuts_are_counted(
    name: str, student: TransformerModel, teacher: TransformerModel
) -> None:
    if name != "minillm":
        student = made("student", "tiny_qwen").build(seed=0)
    changes = {"threshold": 1.0} if name == "adaptive_off_policy" else {}
    objective = made("objective", name, max_new_tokens=None, **changes)
    objective.start(ObjectiveContext(student, teacher, task(), 10, 10_000, lambda: 3))
    written = [pair.written for pair in prepared(objective, step=0) if pair.written is not None]
    assert written
    assert max(map(len, written)) == 3
    cut = sum(ids[-1] != student.text.eos for ids in written)
    assert objective.end_step()["cut_share"] == cut / len(written) > 0
    assert objective.end_step()["cut_share"] == 0
