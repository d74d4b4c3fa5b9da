"""Servers that fail, lie or are not there; keys that are nowhere shown; caps that hold."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.journal.client import TeacherClient
from distillrun.records import Completion
from tests.asking import Unlimited
from tests.drawing import SAMPLING, Account, api, draws
from tests.leaves import made
from tests.loopback import Answer, Loopback, Seen, failing, told, written

KEY = "sk-canary-0123456789abcdef"


def ask(
    answering: Callable[[Seen], Answer], count: int = 1, account: Any = None, **changes: Any
) -> dict[int, Completion]:
    with Loopback(answering) as server:
        teacher = api(server, **changes)
        try:
            return dict(teacher.complete(draws(count), SAMPLING, account or Unlimited()))
        finally:
            teacher.release()


def good(seen: Seen) -> Answer:
    return Answer(written(told(seen)))


def error(status: int, message: str = "no", **parts: Any) -> Answer:
    return Answer({"error": {"message": message, **parts}}, status, {"retry-after": "0"})


def test_one_failure_in_ten_changes_no_row() -> None:
    clean = ask(failing(0.0, 0.0), 120)
    assert len(clean) == 120
    assert ask(failing(0.0, 0.1), 120) == clean


def test_no_more_requests_are_under_way_than_allowed() -> None:
    with Loopback(lambda seen: Answer(written(told(seen)), delay_s=0.02)) as server:
        teacher = api(server, concurrency=4)
        assert len(dict(teacher.complete(draws(40), SAMPLING, Unlimited()))) == 40
        teacher.release()
        assert server.largest == 4


def test_a_retry_waits_as_long_as_the_server_asks() -> None:
    arrived: list[float] = []

    def answer(seen: Seen) -> Answer:
        arrived.append(time.monotonic())
        busy = Answer({"error": {"message": "slow down"}}, 429, {"retry-after-ms": "300"})
        return busy if len(arrived) == 1 else good(seen)

    assert len(ask(answer)) == 1
    assert arrived[1] - arrived[0] >= 0.3


def test_every_retry_is_reserved_and_answered_errors_free_their_tokens() -> None:
    account = Account()
    replies = iter([error(500), Answer(is_dropped=True), Answer(b"{not json"), None])
    ask(lambda seen: next(replies) or good(seen), account=account)
    assert [one.settled for one in account.booked] == [(0, 0), None, None, (20, 10)]


def test_nothing_is_sent_beyond_the_budget_and_what_is_under_way_arrives() -> None:
    with Loopback(lambda seen: Answer(written(told(seen)), delay_s=0.02)) as server:
        teacher = api(server, concurrency=4)
        found = dict(teacher.complete(draws(30), SAMPLING, Account(requests=7)))
        teacher.release()
        assert len(found) == len(server.asked) == 7


def test_what_is_freed_by_an_answer_may_be_spent_again() -> None:
    # each request books 50 completion tokens and takes 10: one at a time fits, and in the end all five
    assert len(ask(good, 5, Account(tokens=95))) == 5


def test_closing_cancels_what_is_under_way() -> None:
    with Loopback(lambda seen: Answer(written(told(seen)), delay_s=0.0 if seen.number == 0 else 600.0)) as server:
        teacher = api(server, concurrency=3)
        stream: Any = teacher.complete(draws(9), SAMPLING, Unlimited())
        next(stream)
        started = time.monotonic()
        stream.close()
        teacher.release()
        assert time.monotonic() - started < 300
        assert not [thread for thread in threading.enumerate() if "api" in thread.name.lower()]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (error(400, "This model's maximum context length is 8 tokens", code="context_length_exceeded"), "too long"),
        (error(400, "filtered", code="content_filter"), "refused by the server's filter"),
        (error(400, "bad word in the prompt"), "refused request: HTTP 400: bad word in the prompt"),
    ],
)
def test_a_row_that_cannot_be_served_fails_alone(reply: Answer, reason: str) -> None:
    found = ask(lambda seen: reply if "question 1" in seen.prompt else good(seen), 3)
    assert [found[row].reason for row in range(3)] == ["", reason, ""]
    assert found[1].text == ""


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (error(401), "does not accept the key"),
        (error(404, "model not found"), "has no such path, or no teacher.model=m"),
        (error(402), "requires payment"),
        (
            Answer(b"<html>Welcome</html>", headers={"content-type": "text/html"}),
            "does not answer as an OpenAI-compatible",
        ),
        (Answer(b"", 302, {"location": "http://127.0.0.2:9/v1"}), "redirects"),
    ],
)
def test_what_every_request_would_suffer_stops_the_run(reply: Answer, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ask(lambda _: reply, 3, max_retries=1)


def test_a_server_that_is_down_is_named() -> None:
    with Loopback(good) as server:
        url = server.url
    with pytest.raises(ConfigError, match=f"teacher.base_url={url} cannot be reached.*start the server"):
        dict(api(url).complete(draws(1), SAMPLING, Unlimited()))


def test_a_server_that_goes_away_stops_the_run_with_what_arrived(tmp_path: Path) -> None:
    with Loopback(lambda seen: good(seen) if seen.number < 3 else Answer(is_dropped=True)) as server:
        teacher = api(server, concurrency=1, max_retries=0)
        line = TeacherClient(tmp_path, "step", teacher)
        with pytest.raises(ConfigError, match="Has the server gone away"):
            list(line.complete(draws(20), SAMPLING, lambda: False))
        teacher.release()
        line.journal.read()
        assert sum(not one.reason for one in line.journal.known()) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "http://api.example.com/v1"}, "https"),
        ({"base_url": "https://user:pw@api.example.com/v1"}, "base_url"),
        ({"base_url": "ftp://127.0.0.1/v1"}, "base_url"),
        ({"api_key_env": KEY}, "must be the name of an environment variable"),
        ({"extra_body": {"api_key": "x"}}, "looks like a secret"),
        ({"extra_body": {"model": "x"}}, "extra_body.model"),
        ({"top_log_probs": 21}, "top_log_probs=21"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"model": None}, "teacher.model is not set"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_request(changes: dict[str, Any], message: str) -> None:
    problems = "\n".join(api("https://api.example.com/v1", **changes).check(made("task", "everyday")))
    assert message in problems
    assert KEY not in problems
    assert "pw" not in problems.replace("password", "")


def test_loopback_needs_no_https_and_a_key_is_read_when_something_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    teacher = api("http://localhost:1/v1", api_key_env="SOME_KEY")
    assert teacher.check(made("task", "everyday")) == []
    with pytest.raises(ConfigError, match=r"teacher\.api_key_env=SOME_KEY: the environment has no such variable"):
        list(teacher.complete(draws(1), SAMPLING, Unlimited()))


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SOME_KEY", KEY)
    return "SOME_KEY"


def test_the_key_is_sent_and_shown_nowhere(keyed: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    for reply in (error(401, f"Incorrect key {KEY}"), error(404, f"{KEY} has no model"), Answer(f"<p>{KEY}".encode())):
        with Loopback(_always(reply)) as server:
            teacher = api(server, api_key_env=keyed, max_retries=0, concurrency=1)
            with pytest.raises(ConfigError) as raised:
                list(TeacherClient(tmp_path, "step", teacher).complete(draws(1), SAMPLING, lambda: False))
            teacher.release()
            assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            assert KEY not in f"{raised.value!r} {teacher!r}"
    assert KEY not in caplog.text
    assert not any(KEY in file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def _always(reply: Answer) -> Callable[[Seen], Answer]:
    return lambda _: reply


def test_a_redirect_never_carries_the_key_away(keyed: str) -> None:
    with Loopback(good) as other:
        away = Answer(b"", 307, {"location": f"{other.url}/chat/completions"})
        with Loopback(lambda _: away) as server:
            teacher = api(server, api_key_env=keyed)
            with pytest.raises(ConfigError, match="redirects"):
                list(teacher.complete(draws(1), SAMPLING, Unlimited()))
            teacher.release()
        assert other.seen == []


def test_newer_servers_get_the_newer_name_of_a_field() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(seen: Seen) -> Answer:
        bodies.append(seen.body)
        if "max_tokens" in seen.body:
            return error(
                400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"
            )
        return good(seen)

    assert len(ask(answer, 3, concurrency=1)) == 3
    assert ["max_tokens" in body for body in bodies] == [True, False, False, False]
    assert bodies[-1]["max_completion_tokens"] == SAMPLING.max_new_tokens


def test_a_temperature_that_is_not_taken_stops_the_run_rather_than_be_dropped() -> None:
    reply = error(400, "Unsupported value: 'temperature' does not support 0.7", param="temperature")
    with pytest.raises(ConfigError, match="temperature"):
        ask(lambda _: reply, 2)
