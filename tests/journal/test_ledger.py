"""A ledger cannot be cut, changed or doubted in silence, and no process spends past a cap that it cannot hold."""

import fcntl
import json
import logging
import math
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distillrun.errors import BudgetSpentError, ConfigError
from distillrun.journal.client import TeacherClient
from distillrun.journal.hash_chain import HashChain
from distillrun.journal.journal_cost import proven_by_journals
from distillrun.journal.ledger import Ledger
from distillrun.journal.ledger_account import LedgerAccount
from distillrun.journal.process_lock import locks_fail
from distillrun.journal.request_cost import Cost
from distillrun.records import Budget, Completion, Draw, Price
from tests.asking import FREE, NO_CAP, Told
from tests.drawing import SAMPLING, api, draws
from tests.journal.test_client import GREEDY, numbered, prompt
from tests.loopback import Loopback, failing
from tests.spending import DOLLAR, PRICE, break_locks, fill, fill_the_disk, hold

OLD_STORE = Path(__file__).parents[1] / "data" / "ledger_of_78590cc"
"""A store whose teacher was asked four questions by the code of commit 78590cc, and then left a request open."""

ENTRIES = [Cost(1, 10 * number, 20, 0.001 * number) for number in range(1, 7)]
SUM = Cost(6, 210, 120, 0.021)


def ledger_in(folder: Path, budget: Budget = DOLLAR) -> Ledger:
    return Ledger(folder, PRICE, budget)


def written(folder: Path) -> list[bytes]:
    """Book the entries, and return the lines that they make."""
    ledger = ledger_in(folder)
    for entry in ENTRIES:
        assert ledger.book(entry) is None
    assert approximately(ledger.spent(), SUM)
    return (folder / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def approximately(one: Cost, other: Cost) -> bool:
    return one.figures[:3] == other.figures[:3] and math.isclose(one.usd, other.usd, rel_tol=1e-9)


def covers(one: Cost, other: Cost) -> bool:
    return all(own >= least - 1e-9 for own, least in zip(one.figures, other.figures, strict=True))


LAST = len(ENTRIES) - 1


@pytest.mark.parametrize("place", range(LAST))
@pytest.mark.parametrize(
    "change",
    [lambda line: b"", lambda line: line.replace(b"20", b"21", 1), lambda line: b"?\n", lambda line: line[:9] + b"\n"],
    ids=["removed", "changed", "unreadable", "cut short"],
)
def test_what_happens_to_a_line_in_the_middle_is_said_and_changes_no_sum(
    tmp_path: Path, place: int, change: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    lines = written(tmp_path)
    lines[place] = change(lines[place])
    damaged = b"".join(lines)
    (tmp_path / "ledger.jsonl").write_bytes(damaged)
    ledger = ledger_in(tmp_path)
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert approximately(ledger.spent(), SUM.plus(Cost(1, 1, 1, 0.0)))
    assert "has changed since it was written" in caplog.text
    assert (tmp_path / "ledger.damaged-1.jsonl").read_bytes() == damaged
    caplog.clear()
    assert ledger_in(tmp_path).book(Cost(1, 1, 1, 0.0)) is None
    assert caplog.text == ""


FOREIGN = [
    b"[1, 10, 10, NaN]",
    b"[1, 10, 10, Infinity]",
    b"[-5, -100, -100, -0.02]",
    b"[0, -1000, -1000, -1.0]",
    b"[1, 1, 1, -1.0]",
    b'[1, 1, 1, 0.1, 1, 1, 1, 0.1, "0123456789abcdef", "0123456789abcdef"]',
    b'[0, 0, 0, 0, 0, 0, 0, NaN, "", ""]',
    b"[1, " + b"9" * 400 + b", 1, 0.0]",
    b"[true, 1, 1, 0.0]",
    b'"text"',
    b"[" * 3000,
    b"\x00" * 50,
    b"",
]


@pytest.mark.parametrize("line", FOREIGN, ids=lambda line: repr(line[:40]))
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_line_that_cannot_be_is_counted_as_a_request_and_lifts_no_cap(
    tmp_path: Path, line: bytes, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    lines = written(tmp_path)
    lines.insert(place, line + b"\n")
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines))
    ledger = ledger_in(tmp_path, Budget(None, None, 0.03))
    assert covers(ledger.spent(), SUM.plus(Cost(1)))
    assert ledger.spent().usd < 0.03
    assert ledger.book(Cost(1, 10, 10, 0.01)) == "budget.usd=0.03"
    assert "has changed since it was written" in caplog.text
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert covers(ledger.spent(), SUM.plus(Cost(2)))


@pytest.mark.parametrize("place", [1, 3, 6])
def test_a_line_that_is_there_twice_is_said_and_counted_once(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    lines = written(tmp_path)
    lines.insert(place, lines[0])
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines))
    ledger = ledger_in(tmp_path)
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert approximately(ledger.spent(), SUM.plus(Cost(1, 1, 1, 0.0)))
    assert "has changed since it was written" in caplog.text


def test_a_torn_last_line_is_counted_at_its_most_and_never_glued(tmp_path: Path) -> None:
    lines = written(tmp_path)
    for cut in range(1, len(lines[-1])):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "ledger.jsonl").write_bytes(b"".join(lines)[:-cut])
        ledger = ledger_in(folder)
        assert covers(ledger.spent(), SUM.plus(Cost(0, 10, 0, 0.001), -1))  # at the largest of those before it
        assert ledger.book(Cost(1, 1, 1, 0.0)) is None
        assert ledger_in(folder).spent() == ledger.spent()
        assert ledger.spent().requests == 7


def test_a_second_torn_line_is_counted_as_the_first_one_was(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.book(Cost(1, 500, 60, 0.1))
    ledger.correct(Cost(1, 500, 60, 0.1), Cost(1, 20, 10, 0.01))
    for torn in (1, 2, 3):
        with (tmp_path / "ledger.jsonl").open("ab") as file:
            file.write(b"[1, 50")
        ledger = ledger_in(tmp_path)
        assert ledger.book(Cost(1, 0, 0, 0.0)) is None
        assert approximately(ledger.spent(), Cost(1 + 2 * torn, 20 + 500 * torn, 10 + 60 * torn, 0.01 + 0.1 * torn))


def journaled(store: Path, count: int = 4, **settings: Any) -> TeacherClient:
    """Ask so many questions, and return the line to the teacher."""
    line = TeacherClient(store, "step", Told(numbered, price=PRICE, **settings))
    list(line.complete([Draw(prompt(number), 0, 5) for number in range(count)], GREEDY, lambda: False))
    return line


def ledger_file(store: Path) -> Path:
    return next(store.rglob("step.jsonl")).with_name("ledger.jsonl")


@pytest.mark.parametrize("kept_lines", [None, 0, 1, 2, 5])
def test_what_a_ledger_lost_is_counted_again_as_the_journal_proves_it(
    tmp_path: Path, kept_lines: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = journaled(tmp_path).ledger.spent()
    file = ledger_file(tmp_path)
    if kept_lines is None:
        file.unlink()
    else:
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:kept_lines]))
    line = TeacherClient(tmp_path, "step", Told(numbered, price=PRICE, budget=Budget(5, None, None)))
    assert covers(line.ledger.spent(), before)
    with pytest.raises(BudgetSpentError):
        list(line.complete([Draw(prompt(number), 0, 5) for number in range(6)], GREEDY, lambda: False))
    assert "than the journals next to it prove" in caplog.text
    assert ("is missing or empty" in caplog.text) == (not kept_lines)
    assert line.ledger.spent().requests == 5
    caplog.clear()
    journaled(tmp_path, 7)
    assert caplog.text == ""


def test_a_ledger_that_is_cut_while_it_is_used_counts_what_it_knew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = ledger_in(tmp_path)
    ledger.book(Cost(1, 10, 10, 0.1))
    ledger.book(Cost(1, 10, 10, 0.1))
    for damage in (lambda: (tmp_path / "ledger.jsonl").unlink(), lambda: (tmp_path / "ledger.jsonl").write_bytes(b"")):
        known = ledger.spent()
        ledger._read()
        damage()
        ledger.book(Cost(1, 10, 10, 0.1))
        assert covers(ledger.spent(), known.plus(Cost(1, 10, 10, 0.1)))
    assert caplog.text.count("it was cut") == 2


def test_ledgers_count_what_journals_prove_for_every_kind_of_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "distillrun")
    odd = {1: Completion("", "too_long", 0, 0, reason="too long"), 2: Completion("", "refused", 3, 1, reason="no")}
    teacher = Told(lambda draw: odd.get(int(draw.prompt.messages[0].content.split()[-1]), numbered(draw)))
    with Loopback(failing(0.0, 0.3)) as server:
        hosted = api(server, top_log_probs=5)
        for one, sampling in ((teacher, GREEDY), (hosted, SAMPLING)):
            line = TeacherClient(tmp_path, "step", one)
            asked = draws(6) if one is hosted else [Draw(prompt(number), 0, 5) for number in range(6)]
            list(line.complete(asked, sampling, lambda: False))
            assert covers(line.ledger.spent(), proven_by_journals(line._folder))
            assert proven_by_journals(line._folder).requests >= 5
            before = line.ledger.spent()
            list(TeacherClient(tmp_path, "other", one).complete(asked[:1], sampling, lambda: False))
            assert TeacherClient(tmp_path, "step", one).ledger.spent().requests in range(
                before.requests + 1, before.requests + 9
            )
        hosted.release()
    assert "prove" not in caplog.text


def test_a_ledger_of_an_earlier_version_is_read_and_continued(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = shutil.copytree(OLD_STORE, tmp_path / "store")
    content = ledger_file(store).read_bytes()
    line = TeacherClient(store, "step", Told(numbered, price=PRICE, budget=Budget(7, None, None)))
    assert approximately(line.ledger.spent(), Cost(5, 15, 30, 0.00027))
    with pytest.raises(BudgetSpentError, match="1 request is left"):
        list(line.complete([Draw(prompt(number), 0, 5) for number in range(7)], GREEDY, lambda: False))
    assert ledger_file(store).read_bytes().startswith(content)
    assert line.ledger.spent().requests == 7
    assert caplog.text == ""
    changed = ledger_file(store).read_bytes().replace(b"[0, 0, -5, -4e-05]", b"[0, 0, -9, -4e-05]", 1)
    ledger_file(store).write_bytes(changed)
    assert TeacherClient(store, "step", Told(numbered, price=PRICE)).ledger.spent() == line.ledger.spent()
    journaled(store, 8)
    assert "something is missing before line 10" in caplog.text


def test_a_torn_line_that_an_earlier_version_glued_to_the_next_is_counted_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ledger.jsonl").write_text("[1, 10, 10, 0.1]\n[1, 2[1, 7, 7, 0.05]\n[0, 0, -3, -0.01]\n")
    ledger = ledger_in(tmp_path)
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert approximately(ledger.spent(), Cost(4, 28, 25, 0.24))
    assert "line 2 holds no entry" in caplog.text


def test_rounding_takes_no_sum_below_zero(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    for usd in (0.1, 0.2, 0.3):
        ledger.book(Cost(1, 1, 1, usd))
    for usd in (0.3, 0.2, 0.1):
        ledger.correct(Cost(1, 1, 1, usd), Cost(1, 0, 0, 0.0))
    assert 0 <= ledger_in(tmp_path).spent().usd < 1e-12
    assert ledger_in(tmp_path).book(Cost(1, 1, 1, 1.0)) is None


@given(
    edits=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 40), st.binary(max_size=30)), min_size=1, max_size=4)
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_to_a_ledger_it_counts_what_is_proven_and_goes_on(
    tmp_path: Path, edits: list[tuple[int, int, bytes]]
) -> None:
    folder = tmp_path / "store"
    shutil.rmtree(folder, ignore_errors=True)
    proven = journaled(folder).ledger.spent()
    content = ledger_file(folder).read_bytes()
    for place, length, put in edits:
        content = content[:place] + put + content[place + length :]
    ledger_file(folder).write_bytes(content)
    ledger = TeacherClient(folder, "step", Told(numbered, price=PRICE, budget=DOLLAR)).ledger
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert ledger.spent().is_possible
    assert ledger.spent().requests > proven.requests
    assert ledger.spent().usd < 0.1
    again = TeacherClient(folder, "step", Told(numbered, price=PRICE, budget=DOLLAR)).ledger
    assert again.spent() == ledger.spent()


@pytest.fixture
def started() -> Iterator[Callable[..., BaseProcess]]:
    """Start processes that end with the test."""
    spawning = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = []

    def start(*arguments: Any) -> BaseProcess:
        process = spawning.Process(target=arguments[0], args=arguments[1:])
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_four_processes_one_of_which_is_killed_spend_no_more_than_the_cap(
    tmp_path: Path, started: Callable[..., BaseProcess]
) -> None:
    processes = [started(fill, tmp_path, 120, 0.001) for _ in range(4)]
    while ledger_in(tmp_path).spent().requests < 20:
        time.sleep(0.01)
    processes[0].kill()
    for process in processes:
        process.join()
    chain = HashChain()
    chain.read((tmp_path / "ledger.jsonl").read_bytes())
    assert chain.flaws == []
    assert chain.total.requests == 120
    assert chain.total.completion_tokens <= 1  # all settled but what the kill left open


@pytest.mark.parametrize("kind", ["missing", "idle"])
def test_where_locks_fail_a_second_process_that_would_spend_under_a_cap_is_refused(
    tmp_path: Path, started: Callable[..., BaseProcess], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", fcntl.flock)
    folder, ready = tmp_path / "store", tmp_path / "ready"
    folder.mkdir()
    first = started(hold, folder, str(ready), kind)
    while not ready.exists():
        assert first.is_alive()
        time.sleep(0.02)
    break_locks(kind)
    reason = "has no locks" if kind == "missing" else "locks keep nobody out"
    with pytest.raises(
        ConfigError, match=f"process {first.pid} on .* a second process could exceed the cap.*{reason}.*paths.store"
    ):
        ledger_in(folder).book(Cost(1, 1, 1, 0.0))
    assert ledger_in(folder, NO_CAP).book(Cost(1, 1, 1, 0.0)) is None
    os.kill(first.pid or 0, signal.SIGKILL)
    first.join()
    ledger = ledger_in(folder)
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert ledger.spent().requests == 3
    ledger.close()
    assert [file.name for file in folder.iterdir() if "alone" in file.name or file.name.startswith(".")] == []


def test_a_mark_of_another_machine_or_one_that_cannot_be_read_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", fcntl.flock)
    break_locks("missing")
    mark = tmp_path / "ledger.alone"
    for content in (b"", json.dumps({"host": "x", "boot": "", "pid": "1", "started": ""}).encode()):
        mark.write_bytes(content)
        with pytest.raises(ConfigError, match=f"delete {mark}"):
            ledger_in(tmp_path).book(Cost(1, 1, 1, 0.0))
        assert mark.read_bytes() == content


def test_locks_are_found_to_work_where_they_do(tmp_path: Path) -> None:
    assert locks_fail(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_only_fits_in_part_is_taken_back(tmp_path: Path, started: Callable[..., BaseProcess]) -> None:
    outcome = tmp_path / "outcome"
    (tmp_path / "store").mkdir()
    started(fill_the_disk, tmp_path / "store", str(outcome)).join()
    assert outcome.read_text() == "No space left on device 0"
    ledger = ledger_in(tmp_path / "store")
    assert ledger.book(Cost(1, 1, 1, 0.0)) is None
    assert ledger.spent().requests == 2


@pytest.mark.parametrize(
    ("price", "budget", "synced"), [(FREE, NO_CAP, 0), (PRICE, NO_CAP, 3), (FREE, Budget(9, None, None), 3)]
)
def test_a_booking_that_may_cost_is_on_disk_before_its_request_is_sent(
    tmp_path: Path, price: Price, budget: Budget, synced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        calls.append(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    account = LedgerAccount(Ledger(tmp_path, price, budget), lambda: False)
    first = account.reserve(1, 1)
    assert len(calls) == (2 if synced else 0)  # the file, and the folder that it is new in
    second = account.reserve(1, 1)
    assert len(calls) == synced
    assert first is not None
    assert second is not None
    first.settle(1, 1)
    assert len(calls) == synced
