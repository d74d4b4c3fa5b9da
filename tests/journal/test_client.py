"""Nothing is asked or paid for twice, nothing that arrived is lost, and no cap is overrun."""

import json
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import BudgetSpentError, ConfigError
from distillrun.journal.client import TeacherClient, spent_by
from distillrun.journal.ledger import Ledger
from distillrun.journal.ledger_account import LedgerAccount
from distillrun.journal.request_cost import Cost
from distillrun.records import Budget, Completion, Draw, Message, Price, Prompt, Request, Sampling
from tests.asking import FREE, NO_CAP, Told, context
from tests.leaves import EXAMPLE, made

GREEDY = Sampling(10, 0.0, 1.0, 1, ())
DRAWN = Sampling(10, 0.7, 1.0, 1, ())


def prompt(number: int) -> Prompt:
    return Prompt((Message("user", f"question number {number}"),), Request("rationale", EXAMPLE, 1))


def prompts(count: int) -> list[Prompt]:
    return [prompt(number) for number in range(count)]


def ask(
    store: Path,
    teacher: Any,
    count: int = 5,
    sampling: Sampling = GREEDY,
    refuse: Any = None,
    **settings: Any,
) -> list[tuple[Completion, ...]]:
    asking = context(store, teacher, made("task", "everyday"), **settings)
    return list(asking.complete(prompts(count), sampling, refuse=refuse))


def texts(rows: Sequence[tuple[Completion, ...]]) -> list[list[str]]:
    return [[completion.text for completion in row] for row in rows]


def journal_file(store: Path) -> Path:
    (file,) = store.rglob("step.jsonl")
    return file


def numbered(draw: Draw) -> str:
    return f"{draw.prompt.messages[0].content}, sample {draw.sample}"


def test_completions_come_in_the_order_of_the_prompts(tmp_path: Path) -> None:
    rows = ask(tmp_path, Told(numbered), sampling=replace(DRAWN, samples=2))
    assert texts(rows) == [[f"question number {n}, sample {s}" for s in range(2)] for n in range(5)]


def test_a_step_that_is_called_as_the_ledger_is_has_a_journal_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        asking = context(tmp_path, teacher := Told(numbered), made("task", "everyday"), step="ledger")
        list(asking.complete(prompts(3), GREEDY))
    assert teacher.draws == []
    assert spent_by(tmp_path, teacher)["told"]["requests"] == 3  # type: ignore[index, call-overload]


def test_what_is_in_the_journal_is_not_asked_again(tmp_path: Path) -> None:
    first, second = Told(numbered), Told("never said")
    rows = ask(tmp_path, first)
    assert ask(tmp_path, second) == rows
    assert (len(first.draws), len(second.draws)) == (5, 0)


def test_more_samples_ask_only_for_those_that_are_new(tmp_path: Path) -> None:
    teacher = Told(numbered)
    ask(tmp_path, teacher, sampling=replace(DRAWN, samples=2))
    ask(tmp_path, teacher, sampling=replace(DRAWN, samples=3))
    assert sorted(draw.sample for draw in teacher.draws[10:]) == [2] * 5


@pytest.mark.parametrize(
    ("sampling", "seed", "name"),
    [(replace(GREEDY, max_new_tokens=11), 5, "told"), (GREEDY, 6, "told"), (GREEDY, 5, "another")],
)
def test_another_sampling_seed_or_teacher_is_asked_anew(
    tmp_path: Path, sampling: Sampling, seed: int, name: str
) -> None:
    ask(tmp_path, Told(numbered))
    teacher = Told(numbered, name=name)
    ask(tmp_path, teacher, sampling=sampling, seed=seed)
    assert len(teacher.draws) == 5


def test_a_draws_own_seed_depends_on_seed_prompt_and_sample_alone() -> None:
    seeds = {Draw(prompt(n), sample, seed).own_seed for n in range(10) for sample in range(10) for seed in range(10)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    other = Prompt(prompt(3).messages, Request("rationale", replace(EXAMPLE, id="other"), 2))
    assert Draw(prompt(3), 1, 2).own_seed == Draw(other, 1, 2).own_seed


def test_a_row_says_where_it_came_from(tmp_path: Path) -> None:
    ask(tmp_path, Told(numbered), count=1)
    (row,) = [json.loads(line) for line in journal_file(tmp_path).read_text().splitlines()]
    draw = Draw(prompt(0), 0, 5)
    assert (row["step"], row["prompt"], row["sample"], row["seed"]) == ("step", draw.prompt.digest, 0, draw.own_seed)
    assert row["completion"]["text"] == "question number 0, sample 0"
    assert row["completion"]["finish_reason"] == "stop"
    assert (row["completion"]["prompt_tokens"], row["completion"]["completion_tokens"]) == (3, 5)
    assert json.loads((journal_file(tmp_path).parent / "teacher.json").read_text()) == {"name": "told"}


def test_what_arrived_before_a_crash_is_kept(tmp_path: Path) -> None:
    def breaks(draw: Draw) -> str:
        if draw.prompt == prompt(1):
            raise OSError("the power is off")
        return numbered(draw)

    with pytest.raises(OSError, match="power"):
        ask(tmp_path, Told(breaks))
    teacher = Told(numbered)
    assert texts(ask(tmp_path, teacher)) == texts(ask(tmp_path / "other", Told(numbered)))
    assert {draw.prompt for draw in teacher.draws} == {prompt(0), prompt(1)}


@pytest.mark.parametrize("damage", [b'"text": "question', b'"text": "Question'])
def test_a_damaged_line_is_noticed_and_asked_again(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    whole = ask(tmp_path, Told(numbered))
    file = journal_file(tmp_path)
    content = file.read_bytes().replace(b'"text": "question', damage, 1)
    file.write_bytes(content[:-20])  # a torn last line, as a power cut leaves it
    teacher = Told(numbered)
    assert ask(tmp_path, teacher) == whole
    is_changed = damage == b'"text": "Question'
    assert len(teacher.draws) == 1 + is_changed
    assert ("is damaged" in caplog.text) == is_changed
    assert ask(tmp_path, Told("never said")) == whole


def test_two_jobs_that_need_the_same_rows_ask_once(tmp_path: Path) -> None:
    started = threading.Event()

    def slow(draw: Draw) -> str:
        started.set()
        threading.Event().wait(0.05)
        return numbered(draw)

    first, second = Told(slow), Told("asked twice")
    rows: list[Any] = []
    thread = threading.Thread(target=lambda: rows.append(ask(tmp_path, first)))
    thread.start()
    started.wait()
    rows.append(ask(tmp_path, second))
    thread.join()
    assert rows[0] == rows[1]
    assert second.draws == []


def test_an_unusable_text_is_drawn_again_up_to_so_many_attempts(tmp_path: Path) -> None:
    def refuse(index: int, text: str) -> str | None:
        return "odd" if index == 1 and "sample 2" not in text else None

    teacher = Told(numbered)
    rows = ask(tmp_path, teacher, count=3, sampling=DRAWN, refuse=refuse, attempts=3)
    assert texts(rows)[1] == ["question number 1, sample 2"]
    assert not any(completion.reason for row in rows for completion in row)
    assert len(teacher.draws) == 3 + 2
    rows = ask(tmp_path, Told(numbered), count=3, sampling=DRAWN, refuse=refuse, attempts=2, max_failed_share=0.5)
    assert rows[1][0].reason == "odd"
    once = Told(numbered)
    ask(tmp_path / "greedy", once, count=3, sampling=GREEDY, refuse=refuse, attempts=3, max_failed_share=0.5)
    assert len(once.draws) == 3


def test_too_many_failures_stop_the_run_and_name_their_reasons(tmp_path: Path) -> None:
    def fails(draw: Draw) -> str | Completion:
        bad = draw.prompt in (prompt(0), prompt(2))
        return Completion("", "too_long", 0, 0, reason="too long") if bad else numbered(draw)

    with pytest.raises(ConfigError, match=r"2 of 5 completions cannot be used \(2 too long\).*max_failed_share=0\.3"):
        ask(tmp_path, Told(fails), max_failed_share=0.3)
    rows = ask(tmp_path, Told("never said"), max_failed_share=0.4)
    assert [row[0].reason for row in rows] == ["too long", "", "too long", "", ""]


def test_a_request_that_failed_by_accident_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    lost = Completion("", "failed", 0, 0, reason="dropped connection")
    refused = Completion("", "refused", 1, 1, reason="refused by the server's filter")
    answers = {prompt(0): lost, prompt(1): refused}
    first = Told(lambda draw: answers.get(draw.prompt, numbered(draw)))
    ask(tmp_path, first, max_failed_share=1.0)
    second = Told(numbered)
    rows = ask(tmp_path, second, max_failed_share=1.0)
    assert [draw.prompt for draw in second.draws] == [prompt(0)]
    assert [bool(row[0].reason) for row in rows] == [False, True, False, False, False]


def test_a_budget_stops_the_work_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    def capped(requests: int) -> Told:
        return Told(numbered, budget=Budget(requests, None, None))

    first, second, third = capped(3), capped(3), capped(5)
    with pytest.raises(BudgetSpentError, match=r"teacher\.budget\.requests=3 of told is spent.*2 requests are left"):
        ask(tmp_path, first)
    with pytest.raises(BudgetSpentError):
        ask(tmp_path, second)
    rows = ask(tmp_path, third)
    assert rows == ask(tmp_path / "free", Told(numbered))
    assert spent_by(tmp_path, third) == {
        "told": {"requests": 5, "prompt_tokens": 15, "completion_tokens": 25, "usd": 0.0}
    }


def test_a_request_is_sent_only_if_its_greatest_possible_cost_fits(tmp_path: Path) -> None:
    # 3 words of prompt and at most 10 of completion are reserved; 3 + 5 are what it takes
    def asked_under(tokens: int) -> int:
        teacher = Told(numbered, budget=Budget(None, tokens, None))
        store = tmp_path / str(tokens)
        with pytest.raises(BudgetSpentError, match=f"budget.tokens={tokens}"):
            ask(store, teacher)
        spent = TeacherClient(store, "step", teacher).ledger.spent()
        assert spent.prompt_tokens + spent.completion_tokens == 8 * spent.requests <= tokens
        return spent.requests

    assert [asked_under(tokens) for tokens in (12, 13, 20, 21, 36, 37)] == [0, 1, 1, 2, 3, 4]


def test_money_is_counted_at_the_price_of_each_side(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Price(2.0, 8.0), Budget(None, None, 0.001))
    account = LedgerAccount(ledger, lambda: False)
    booking = account.reserve(100, 50)
    assert booking is not None
    assert ledger.spent().usd == pytest.approx((100 * 2 + 50 * 8) / 1e6)
    booking.settle(100, 10)
    assert ledger.spent().usd == pytest.approx(280e-6)
    assert account.reserve(100, 66) is None  # 728 more would be 1,008 millionths
    assert account.refused_by == "budget.usd=0.001"
    assert account.reserve(100, 65) is not None


def test_what_a_kill_left_open_stays_counted_in_full(tmp_path: Path) -> None:
    assert LedgerAccount(Ledger(tmp_path, FREE, NO_CAP), lambda: False).reserve(7, 9) is not None
    assert Ledger(tmp_path, FREE, NO_CAP).spent() == Cost(1, 7, 9, 0.0)


def test_an_interrupt_lets_what_is_under_way_arrive_and_asks_nothing_more(tmp_path: Path) -> None:
    def interrupting(draw: Draw) -> str:
        if draw.prompt == prompt(2):
            os.kill(os.getpid(), signal.SIGINT)
        return numbered(draw)

    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Told(interrupting))
    teacher = Told(numbered)
    ask(tmp_path, teacher)
    assert {draw.prompt for draw in teacher.draws} == {prompt(0), prompt(1)}


def test_who_waits_for_another_process_can_be_interrupted(tmp_path: Path) -> None:
    teacher = Told(numbered)
    ask(tmp_path, teacher, count=1)
    line = TeacherClient(tmp_path, "step", teacher)
    with line.journal.held(lambda: False), pytest.raises(KeyboardInterrupt):
        list(TeacherClient(tmp_path, "step", teacher).complete([Draw(prompt(1), 0, 5)], GREEDY, lambda: True))
    assert len(teacher.draws) == 1


class Pair:
    """Two teachers that take turns, or answer both."""

    def __init__(self, *members: Told, together: bool) -> None:
        self.members = {member.name: member for member in members}
        self._together = together

    def route(self, prompt: Prompt) -> list[str]:
        names = list(self.members)
        return names if self._together else [names[int(prompt.digest, 16) % len(names)]]

    def check(self, task: Any) -> list[str]:
        return []

    def identity(self) -> dict[str, Any]:
        return {name: dict(member.identity()) for name, member in self.members.items()}

    def release(self) -> None: ...


def test_members_of_an_ensemble_answer_from_journals_of_their_own(tmp_path: Path) -> None:
    a, b = Told("from a", name="a"), Told("from b", name="b")
    ask(tmp_path, a)
    both: Any = Pair(a, b, together=True)
    assert texts(ask(tmp_path, both)) == [["from a", "from b"]] * 5
    assert (len(a.draws), len(b.draws)) == (5, 5)
    turns: Any = Pair(a, b, together=False)
    assert texts(ask(tmp_path, turns)) == [[f"from {turns.route(prompt(n))[0]}"] for n in range(5)]
    assert (len(a.draws), len(b.draws)) == (5, 5)
