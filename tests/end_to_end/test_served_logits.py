"""Distributions that are read from a server: the same as in memory, paid once, and refused in time."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from distillrun.errors import BudgetSpentError, ConfigError
from distillrun.loss.distribution import teacher_rows
from distillrun.pipeline.stages.pair_reader import ServedReader, listed_rows
from distillrun.planning.making import make_plan
from distillrun.records import LogitRequest, TokenText
from tests.asking import Unlimited
from tests.end_to_end.runs import experiment, run_small
from tests.leaves import made
from tests.listing_server import ListingServer

READ = ("objective=forward_kl", "objective.dtype=float32", "until=read_logits", "training.shuffle_choices=false")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the student's own tokenizer."""
    folder = tmp_path_factory.mktemp("teacher")
    made("student", "tiny_qwen", width=32, layers=1).build(9).save(folder)
    return folder


@pytest.fixture(scope="module")
def server(teacher: Path) -> Iterator[ListingServer]:
    with ListingServer(str(teacher)) as listing:
        yield listing


def words(server: ListingServer, teacher: Path, *others: str) -> list[str]:
    asked = [f"base_url={server.url}", "model=m", "api_key_env=null", f"tokenizer={teacher}", "chat=never"]
    return [*READ, "teacher@logit_teacher=api", *(f"logit_teacher.{one}" for one in asked), *others]


def rows(store: Path) -> dict[bytes, dict[str, torch.Tensor]]:
    """Return what a store holds of a teacher's distributions, by pair."""
    found: dict[bytes, dict[str, torch.Tensor]] = {}
    for file in store.glob("read_logits/*/parts/*"):
        with safe_open(file, "pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        keys, starts = tensors.pop("keys"), tensors.pop("starts").tolist()
        for number, key in enumerate(keys):
            own = slice(starts[number], starts[number + 1])
            assert key.numpy().tobytes() not in found, "a pair was read twice"
            found[key.numpy().tobytes()] = {name: tensor[own] for name, tensor in tensors.items()}
    return found


@pytest.fixture(scope="module")
def local(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, dict[str, torch.Tensor]]:
    """What the teacher in memory expects."""
    folder = tmp_path_factory.mktemp("local")
    own = ["teacher@logit_teacher=local", f"logit_teacher.checkpoint={teacher}", "logit_teacher.chat=never"]
    run_small(folder / "run", *READ, *own, "objective.top_k=8", store=folder / "store")
    return rows(folder / "store")


@pytest.mark.parametrize("schema", ["vllm", "sglang"])
def test_a_server_lists_what_the_same_model_expects_in_memory(
    schema: str, server: ListingServer, teacher: Path, local: Any, tmp_path: Path
) -> None:
    before = len(server.asked)
    own = words(server, teacher, f"logit_teacher.log_prob_server={schema}", "objective.top_k=8")
    result: Any = run_small(tmp_path / "run", *own, store=tmp_path / "store")
    served, known = rows(tmp_path / "store"), local
    assert served.keys() == known.keys()
    assert len(server.asked) - before == len(known) + 1, "each pair once, and the probe"
    assert result["logits"]["top_k"] == 8
    for key, tensors in known.items():
        torch.testing.assert_close(served[key]["log_probs"], tensors["log_probs"], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(served[key]["ids"], tensors["ids"])
        torch.testing.assert_close(served[key]["rest"].exp(), tensors["rest"].exp(), atol=1e-5, rtol=0)


def test_a_server_lists_all_ids_where_they_are_wanted(server: ListingServer, teacher: Path) -> None:
    settings = {"base_url": server.url, "model": "m", "api_key_env": None, "tokenizer": str(teacher)}
    asked, account = made("teacher", "api", **settings), Unlimited()
    model = made("student", "tiny_qwen", width=32, layers=1).load(teacher)
    ids = tuple(asked.cut("The sea is wide."))
    ((_, listed),) = asked.distributions([TokenText(ids, 2)], None, account)
    asked.release()
    with torch.no_grad():
        logits = model.module(torch.tensor([ids])).logits[0, 1:-1]
    expected = teacher_rows(logits, model.vocabulary_size, LogitRequest(None, 1.0, "float32"))
    found = listed_rows(listed, model.vocabulary_size, None)
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=1e-5, rtol=1e-5)
    assert found.ids is None
    assert found.rest is None
    assert account.settled == [(len(ids), 1)]


def test_what_has_no_token_of_the_student_takes_no_part() -> None:
    """Padded rows of a server's embeddings, and ids of which the student has none."""
    found = listed_rows([{0: math.log(0.5), 1: math.log(0.2), 9: math.log(0.1)}], 4, 2)
    assert found.ids is not None
    assert found.rest is not None
    (log_probs,), (rest,) = found.log_probs.tolist(), found.rest.tolist()
    assert found.ids.tolist() == [[0, 1]]
    assert [math.exp(one) for one in log_probs] == pytest.approx([0.5 / 0.9, 0.2 / 0.9])
    assert math.exp(rest) == pytest.approx(0.2 / 0.9, rel=1e-4)
    with pytest.raises(ConfigError, match="lists 1 ids that are tokens of the student, 2 are wanted"):
        listed_rows([{0: -0.1, 9: -2.0}], 4, 2)


def test_a_budget_ends_the_reading_and_what_was_paid_is_kept(
    server: ListingServer, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap, a fault in a later part, and the same command again: no text is asked twice."""
    monkeypatch.setattr(ServedReader, "pairs_at_once", 5)
    own, store = words(server, teacher, "objective.top_k=8", "logit_teacher.concurrency=3"), tmp_path / "store"
    before = len(server.asked)
    plan = make_plan(experiment(store, *own))
    (reading,) = [stage for stage in plan.stages if stage.name == "read_logits"]
    assert len(server.asked) == before, "a plan sends nothing"
    assert reading.forecast is not None
    count = reading.forecast.most.requests
    with pytest.raises(BudgetSpentError, match=r"teacher.budget.requests=9 of m is spent .*; (\d+) requests are left"):
        run_small(tmp_path / "capped", *own, "logit_teacher.budget.requests=9", store=store)
    assert len(server.asked) - before == 9
    read = ServedReader.read

    def dies(self: Any, pairs: Any) -> Any:
        for number, answer in enumerate(read(self, pairs)):
            if number == 1:
                raise RuntimeError("pulled the plug")
            yield answer

    monkeypatch.setattr(ServedReader, "read", dies)
    with pytest.raises(RuntimeError, match="plug"):
        run_small(tmp_path / "killed", *own, store=store)
    monkeypatch.setattr(ServedReader, "read", read)
    result: Any = run_small(tmp_path / "resumed", *own, store=store)
    assert result["logits"]["pairs"] == len(rows(store)) == count
    texts = [tuple(seen.body["prompt"]) for seen in server.asked[before:]]
    under_way = len(texts) - len(set(texts))
    assert under_way <= 3, "at most what was under way is asked again"
    tokens = sum(map(len, set(texts)))
    probed = min(map(len, texts))
    assert reading.forecast.most.prompt_tokens == tokens - probed


def test_what_a_server_does_not_give_is_said_before_anything_is_asked(teacher: Path, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
        ({"max_logprobs": 20}, (), r"wants 64 log-probs .* gives 20 at most; start it with --max-logprobs 64"),
        ({"tells": False}, (), "answers without log-probs of the prompt"),
        ({"decode": lambda token: f"<{token}>"}, (), r"teacher.tokenizer is not that of teacher.model=m: id \d+ is "),
    ]
    for number, (settings, others, message) in enumerate(cases):
        with ListingServer(str(teacher), **settings) as listing, pytest.raises(ConfigError, match=message):
            run_small(tmp_path / f"{number}", *words(listing, teacher, *others))
        assert len(listing.asked) == 1, "the probe alone"


def test_a_text_beyond_the_server_s_context_is_named(teacher: Path, tmp_path: Path) -> None:
    with (
        ListingServer(str(teacher), max_model_len=16) as listing,
        pytest.raises(ConfigError, match=r"a text of \d+ tokens.*do not fit the context.*--max-model-len"),
    ):
        run_small(tmp_path / "run", *words(listing, teacher))


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (["objective.teacher=live"], "wants the teacher in memory while the student trains"),
        (["objective.temperature=2"], "objective.temperature=2.0 cannot be applied"),
        (["logit_teacher.tokenizer=null"], "teacher.tokenizer is not set"),
    ],
)
def test_what_no_server_can_give_is_refused_at_preflight(
    others: list[str], message: str, server: ListingServer, teacher: Path, tmp_path: Path
) -> None:
    before = len(server.seen)
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path, *words(server, teacher), *others)
    assert len(server.seen) == before
