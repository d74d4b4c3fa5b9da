"""A session with a server: retries, budgets, and how it adapts to what the server does not take."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.records import Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.openai_api import session as api_session
from tests.asking import Unlimited
from tests.drawing import SAMPLING, Account, api, ask, asked, draws, failed, good, prompt
from tests.leaves import EXAMPLE
from tests.loopback import Answer, Answering, Loopback, Seen, failing, told, written

SIX_STOPS = Sampling(50, 0.7, 0.9, 1, ("\n\n", "a", "b", "c", "d", "e"))


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)


def refusing(is_wrong: Callable[[dict[str, Any]], object], error: Any, status: int = 400) -> Answering:
    """Answer by an error as long as the body is wrong."""
    return lambda seen: Answer(error, status) if is_wrong(seen.body) else Answer(written(told(seen)))


def test_a_server_that_takes_four_stop_texts_gets_four_and_the_rest_is_cut_here() -> None:
    error = {"error": {"message": "Invalid 'stop': array too long. Expected at most 4", "param": "stop"}}

    def answer(seen: Seen) -> Answer:
        return Answer(error, 400) if len(seen.body["stop"]) > 4 else Answer(written("HOW xyz e then"))

    rows, bodies = asked(answer, sampling=SIX_STOPS, concurrency=1)
    assert [len(body["stop"]) for body in bodies] == [6, 4, 4, 4]
    assert {(row.text, row.finish_reason) for row in rows.values()} == {("HOW xyz ", "stop")}


def test_a_server_that_takes_no_stop_texts_gets_none(caplog: pytest.LogCaptureFixture) -> None:
    error = {"error": {"message": "Unsupported parameter: 'stop' is not supported with this model.", "param": "stop"}}
    rows, bodies = asked(refusing(lambda body: "stop" in body, error), concurrency=1)
    assert ["stop" in body for body in bodies] == [True, False, False, False]
    assert all(row.text for row in rows.values())
    assert "takes no stop texts" in caplog.text


def test_a_server_that_takes_no_seed_gets_none_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    error = {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}
    _, bodies = asked(refusing(lambda body: "seed" in body, error, 422), concurrency=1)
    assert ["seed" in body for body in bodies] == [True, False, False, False]
    assert "takes no seed" in caplog.text


def test_top_p_is_left_out_only_where_that_changes_nothing() -> None:
    error = {"error": {"message": "Unsupported parameter: 'top_p'", "param": "top_p"}}
    answering = refusing(lambda body: "top_p" in body, error)
    _, bodies = asked(answering, sampling=Sampling(50, 0.7, 1.0, 1, ()))
    assert "top_p" not in bodies[-1]
    with pytest.raises(ConfigError, match=r"takes no sampling\.top_p=0\.9"):
        asked(answering)


def test_log_probs_that_are_refused_name_the_setting() -> None:
    error = {"error": {"message": "'logprobs' is not supported with this model", "param": "logprobs"}}
    with pytest.raises(ConfigError, match=r"teacher\.log_probs=false"):
        asked(refusing(lambda body: "logprobs" in body, error), log_probs=True)


@pytest.mark.parametrize("log_probs", [None, {"content": None}, {"content": [{"token": "A", "logprob": -1}]}, "x"])
def test_a_server_that_lists_no_tokens_cannot_score(log_probs: Any) -> None:
    choice = {"message": {"content": "A"}, "finish_reason": "length", "logprobs": log_probs}
    with Loopback(lambda seen: Answer(written("", choices=[choice]))) as server:
        teacher = api(server, top_log_probs=5)
        with pytest.raises(ConfigError, match=r"teacher\.top_log_probs=5, but teacher\.model=m lists no likeliest"):
            list(teacher.score([prompt("q")], [["A"]], Account()))
        teacher.release()


def test_a_model_that_ends_at_once_is_asked_again_before_scoring_fails() -> None:
    choice = {"message": {"content": ""}, "finish_reason": "stop", "logprobs": {"content": []}}
    listed = {"content": [{"token": "A", "logprob": 0.0, "top_logprobs": [{"token": "A", "logprob": -1.0}]}]}
    good = {"message": {"content": "A"}, "finish_reason": "length", "logprobs": listed}
    with Loopback(lambda seen: Answer(written("", choices=[choice if seen.number == 0 else good]))) as server:
        teacher = api(server, top_log_probs=5)
        ((_, scores),) = teacher.score([prompt("q")], [["A"]], Account())
        teacher.release()
    assert [score.log_prob for score in scores] == [pytest.approx(-1.0)]
    with Loopback(lambda seen: Answer(written("", choices=[choice]))) as server:
        teacher = api(server, top_log_probs=5, max_retries=1)
        with pytest.raises(ConfigError, match="could not score the choices of q1: it wrote no token"):
            list(teacher.score([prompt("q")], [["A"]], Account()))
        teacher.release()


def test_no_wait_is_longer_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "LONGEST_RETRY_AFTER_S", 0.1)
    busy = Answer({"error": {"message": "slow down"}}, 429, {"retry-after": "3600"})
    started = time.monotonic()
    rows, _ = asked(lambda seen: busy if seen.number == 0 else Answer(written("x")), 1)
    assert rows[0].text == "x"
    assert time.monotonic() - started < 600  # the server asks for 3600


def test_a_request_that_takes_too_long_is_given_up_and_sent_again() -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(written("late"), delay_s=5.0) if seen.number == 0 else Answer(written("in time"))

    rows, bodies = asked(answer, 1, timeout_s=0.2)
    assert (rows[0].text, len(bodies)) == ("in time", 2)


def test_what_is_wrong_for_all_costs_one_request_and_not_as_many_as_go_at_once() -> None:
    error = Answer({"error": {"message": "no"}}, 401, delay_s=0.05)
    with Loopback(lambda seen: error) as server:
        teacher = api(server, concurrency=16)
        with pytest.raises(ConfigError, match="does not accept the key"):
            list(teacher.complete(draws(16), SAMPLING, Account()))
        teacher.release()
    assert len(server.asked) == 1


def test_the_models_of_a_server_are_listed_where_the_name_is_wrong() -> None:
    def answer(seen: Seen) -> Answer:
        if seen.method == "GET":
            return Answer({"object": "list", "data": [{"id": "llama"}, {"id": "qwen"}]})
        return Answer({"error": {"message": "model 'm' not found"}}, 404)

    with pytest.raises(ConfigError, match=r"no teacher\.model=m \(HTTP 404: model 'm' not found\).*has llama, qwen"):
        asked(answer, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": null}]}',
        b'{"error": {"message": "overloaded"}}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_an_answer_that_is_not_of_the_protocol_is_asked_again(body: bytes) -> None:
    rows, _ = asked(lambda seen: Answer(body) if seen.number == 0 else Answer(written("x")), 1)
    assert rows[0].text == "x"
    with pytest.raises(ConfigError, match="does not answer as an OpenAI-compatible server does"):
        asked(lambda seen: Answer(body), 1, max_retries=0)


def test_what_is_cancelled_stays_booked_since_it_may_be_paid() -> None:
    account = Account()
    with Loopback(lambda seen: Answer(written("x"), delay_s=0.0 if seen.number == 0 else 30.0)) as server:
        teacher = api(server, concurrency=3)
        stream = teacher.complete(draws(9), SAMPLING, account)
        next(stream)
        while len(server.asked) < 3:
            time.sleep(0.01)
        stream.close()  # type: ignore[attr-defined]
        teacher.release()
    assert [booked.settled for booked in account.booked] == [(20, 10), None, None]


CHAT = Prompt(
    (
        Message("system", "Be brief."),
        Message("user", "one"),
        Message("assistant", "1"),
        Message("user", "two " * 600),
    ),
    Request("answer", EXAMPLE),
)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"object": "error", "message": "System role not supported", "code": 400}),
        (400, {"error": {"message": "Developer instruction is not enabled for models/gemma-3-27b-it", "code": 400}}),
        (
            400,
            {"error": {"message": "Unsupported value: 'messages[0].role' does not support 'system' with this model."}},
        ),
        (400, {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}),
        (500, {"error": {"message": "Jinja Exception: System role not supported", "code": 500}}),
    ],
)
def test_where_the_system_role_is_refused_its_text_opens_the_first_user_message(status: int, error: Any) -> None:
    def answer(seen: Seen) -> Answer:
        has_system = seen.body["messages"][0]["role"] == "system"
        return Answer(error, status) if has_system else Answer(written("Yes."))

    with Loopback(answer) as server:
        teacher = api(server, concurrency=1)
        rows = dict(teacher.complete([Draw(CHAT, number, 7) for number in range(3)], SAMPLING, Account()))
        teacher.release()
    assert [row.text for row in rows.values()] == ["Yes."] * 3
    sent = [seen.body["messages"] for seen in server.asked]
    assert [one[0]["role"] for one in sent] == ["system", "user", "user", "user"]
    assert sent[1][0] == {"role": "user", "content": "Be brief.\n\none"}
    assert [one["role"] for one in sent[1]] == ["user", "assistant", "user"]


def test_a_server_that_alternates_nothing_fails_the_row_and_not_the_run_in_a_circle() -> None:
    error = {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}
    with Loopback(lambda seen: Answer(error, 400)) as server:
        teacher = api(server)
        ((_, row),) = teacher.complete([Draw(CHAT, 0, 7)], SAMPLING, Account())
        teacher.release()
    assert row.reason.startswith("refused request: HTTP 400: Conversation roles must alternate")
    assert len(server.asked) == 2


@pytest.mark.parametrize(("counted", "said"), [(150, 1), (400, 0), (600, 0)])
def test_prompts_that_a_server_seems_to_cut_are_said_once(
    counted: int, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    usage = {"prompt_tokens": counted, "completion_tokens": 3}
    with Loopback(lambda seen: Answer(written("Yes.", usage=usage))) as server:
        teacher = api(server)
        longer = Prompt((*CHAT.messages[:-1], Message("user", "two " * 700)), CHAT.request)
        list(
            teacher.complete(
                [Draw(one, number, 7) for one in (CHAT, longer) for number in range(2)], SAMPLING, Account()
            )
        )
        teacher.release()
    assert caplog.text.count(f"counts {counted} tokens of a prompt that has about") == said


def streamed(*deltas: dict[str, Any], ending: str = "data: [DONE]\n\n", finish: str | None = "stop") -> Answer:
    """Return an answer as server-sent events, one for each delta, then the end and the usage."""
    log_probs = {"content": [{"token": "x", "logprob": -0.5}]}
    events: list[dict[str, Any]] = [{"choices": [{"delta": delta, "logprobs": log_probs}]} for delta in deltas]
    events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 9}})
    body = ": a comment\n\n" + "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ending
    return Answer(body.encode(), headers={"content-type": "text/event-stream"})


@pytest.mark.parametrize(
    "message",
    [
        "This model only support stream mode, please enable the stream parameter to access the model.",
        "stream must be true",
        "Non-streaming requests are not supported",
        "This model does not support non-streaming output",
    ],
)
def test_a_server_that_only_streams_is_asked_to_stream(message: str) -> None:
    def answer(seen: Seen) -> Answer:
        if not seen.body.get("stream"):
            return Answer({"error": {"message": message}}, 400)
        return streamed(
            {"role": "assistant", "content": ""},
            {"reasoning_content": "Hm"},
            {"content": "A libr"},
            {"content": "ary."},
        )

    rows, bodies = asked(answer, 2, concurrency=1)
    assert [(row.text, row.finish_reason, row.completion_tokens) for row in rows.values()] == [
        ("<think>Hm</think>A library.", "stop", 9)
    ] * 2
    assert [body.get("stream_options") for body in bodies] == [None, *[{"include_usage": True}] * 2]


def test_a_stream_that_breaks_off_or_holds_an_error_is_asked_again() -> None:
    def answer(seen: Seen) -> Answer:
        bad = (
            streamed({"content": "half"}, ending="", finish=None),
            Answer(b'data: {"error": {"code": 429, "message": "slow down"}}\n\n'),
            Answer(b"data: {\n\n"),
        )
        return bad[seen.number] if seen.number < len(bad) else streamed({"content": "whole"})

    rows, bodies = asked(answer, 1)
    assert (rows[0].text, len(bodies)) == ("whole", 4)
    assert rows[0].log_prob == pytest.approx(-0.5)


def test_the_completion_endpoint_streams_texts() -> None:
    events = [{"choices": [{"text": text}]} for text in ("A ", "library.")]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    rows, _ = asked(lambda seen: Answer(body.encode()), 1, endpoint="completion")
    assert rows[0].text == "A library."


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
    replies = iter([failed(500), Answer(is_dropped=True), Answer(b"{not json"), None])
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
    before = {*threading.enumerate()}
    with Loopback(lambda seen: Answer(written(told(seen)), delay_s=0.0 if seen.number == 0 else 600.0)) as server:
        teacher = api(server, concurrency=3)
        stream: Any = teacher.complete(draws(9), SAMPLING, Unlimited())
        next(stream)
        started = time.monotonic()
        stream.close()
        teacher.release()
        assert time.monotonic() - started < 300
        assert not [thread for thread in {*threading.enumerate()} - before if "api" in thread.name.lower()]


def test_newer_servers_get_the_newer_name_of_a_field() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(seen: Seen) -> Answer:
        bodies.append(seen.body)
        if "max_tokens" in seen.body:
            return failed(
                400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"
            )
        return good(seen)

    assert len(ask(answer, 3, concurrency=1)) == 3
    assert ["max_tokens" in body for body in bodies] == [True, False, False, False]
    assert bodies[-1]["max_completion_tokens"] == SAMPLING.max_new_tokens


def test_a_temperature_that_is_not_taken_stops_the_run_rather_than_be_dropped() -> None:
    reply = failed(400, "Unsupported value: 'temperature' does not support 0.7", param="temperature")
    with pytest.raises(ConfigError, match="temperature"):
        ask(lambda _: reply, 2)
