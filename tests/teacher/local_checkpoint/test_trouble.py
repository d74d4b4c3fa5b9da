"""The local teacher where memory runs out, where it is interrupted, and what it costs its user."""

from pathlib import Path
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.records import Contrast, Draw, Sampling
from distillrun.teacher.local import Local
from distillrun.teacher.local_checkpoint.model import LocalModel
from tests.asking import Unlimited
from tests.local_asking import DEMO, GREEDY, asked, assert_alike, prompt, prompts, teacher
from tests.tiny_checkpoints import write_gpt2


@pytest.fixture
def local(tmp_path: Path) -> Local:
    torch.manual_seed(3)
    return teacher(write_gpt2(tmp_path))


ON_A_GPU = torch.OutOfMemoryError("out of memory")
ON_A_CPU = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 29360128000 bytes")


def runs_out(monkeypatch: pytest.MonkeyPatch, rows: int, error: RuntimeError = ON_A_GPU) -> list[int]:
    """Let memory hold so many rows only; return the list that the sizes of the batches are written to."""
    fits, sizes = LocalModel._state, []

    def state(self: LocalModel, place: int, sources: Any, prefix: int, room: int) -> Any:
        sizes.append(len(sources))
        if len(sources) > rows:
            raise error
        return fits(self, place, sources, prefix, room)

    monkeypatch.setattr(LocalModel, "_state", state)
    return sizes


@pytest.mark.parametrize("error", [ON_A_GPU, ON_A_CPU])
def test_a_batch_that_does_not_fit_is_halved(
    error: RuntimeError, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [[" the sea", " a knife"]] * 7
    whole, scores = asked(local, prompts(7)), dict(local.score(prompts(7), texts, Unlimited()))
    sizes = runs_out(monkeypatch, 2, error)
    assert_alike(asked(local, prompts(7)), whole)
    assert sizes == [7, 4, 2, 2, 3, 2, 1]
    found = dict(local.score(prompts(7), texts, Unlimited()))
    assert found.keys() == scores.keys()
    for row, score in scores.items():
        assert [one.log_prob for one in found[row]] == pytest.approx([one.log_prob for one in score], abs=1e-4)


def test_a_row_that_does_not_fit_is_said_to_be_too_large(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    runs_out(monkeypatch, 0)
    with pytest.raises(ConfigError, match="not even one prompt fits into the memory"):
        asked(local, prompts(3))
    with pytest.raises(ConfigError, match="not even one prompt fits into the memory"):
        list(local.score(prompts(3), [[" x"]] * 3, Unlimited()))


def test_what_is_written_before_an_interruption_stays_as_it_is(local: Local) -> None:
    stop = asked(local, prompts(6))[0].text[:2]
    sampling = Sampling(12, 0.0, 1.0, 1, (stop,))
    whole = asked(local, prompts(6), sampling)
    account, found = Unlimited(), {}

    def interrupted() -> None:
        for index, completion in local.complete([Draw(one, 0, 5) for one in prompts(6)], sampling, account):
            found[index] = completion
            if len(found) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(found) == len(account.settled) == 2
    for index, completion in found.items():
        assert_alike([completion], [whole[index]])
    assert_alike(asked(local, prompts(6), sampling), whole)


def test_its_user_may_train_while_texts_come_in(local: Local) -> None:
    for _ in local.complete([Draw(one, 0, 5) for one in prompts(3)], GREEDY, Unlimited()):
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()


def test_samples_of_one_prompt_differ_and_come_back_the_same(local: Local) -> None:
    sampling = Sampling(12, 1.0, 1.0, 4, ())
    draws = [Draw(prompts(1)[0], sample, 5) for sample in range(4)]
    found = dict(local.complete(draws, sampling, Unlimited()))
    assert len({made.text for made in found.values()}) == 4
    again = dict(local.complete(draws[::-1][:2], sampling, Unlimited()))
    assert_alike([again[0], again[1]], [found[3], found[2]])


def test_contrasted_and_plain_prompts_may_be_asked_together(local: Local) -> None:
    contrast = Contrast(prompt(DEMO, "And what, say, is number nine?").messages, 0.6, 0.1)
    plain = prompts(4)
    mixed = [prompt(DEMO, one.messages[-1].content, contrast=contrast) if n % 2 else one for n, one in enumerate(plain)]
    assert_alike(asked(local, mixed), [asked(local, [one])[0] for one in mixed])


def test_the_prefixes_of_both_prompts_are_computed_once(tmp_path: Path) -> None:
    local = teacher(write_gpt2(tmp_path), tokens_per_batch=4 * 110)
    gold = [prompt(DEMO, f"Number {n}?") for n in range(8)]
    other = [prompt(DEMO, f"Never {n}?").messages for n in range(8)]
    which = [
        prompt(DEMO, one.messages[-1].content, contrast=Contrast(two, 0.5, 0.1))
        for one, two in zip(gold, other, strict=True)
    ]
    asked(local, which, Sampling(2, 0.0, 1.0, 1, ()))
    sources = [local._prompts.ids(one.messages) for one in gold]
    others = [local._prompts.ids(two) for two in other]
    expected = 2 * 8  # one step of each row under both prompts
    for rows in (sources, others):
        (length,) = {len(ids) for ids in rows}
        shared = next(n for n, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1)
        expected += shared + 8 * (length - shared)  # the prefix once, and what is left of all the prompts
    assert local._loaded().positions.computed == expected


def test_another_error_is_not_taken_for_a_lack_of_memory(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    runs_out(monkeypatch, 0, RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        asked(local, prompts(3))
