"""What servers say when they refuse, each in its own words, and how the API teacher comes to terms with them."""

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.records import Completion, Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.openai_api import session as api_session
from distillrun.teacher.openai_api.error import status_trouble
from tests.drawing import SAMPLING, Account, api, draws, prompt
from tests.leaves import EXAMPLE
from tests.loopback import Answer, Answering, Loopback, Seen, told, written

SIX_STOPS = Sampling(50, 0.7, 0.9, 1, ("\n\n", "a", "b", "c", "d", "e"))


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)


def asked(
    answering: Answering, count: int = 3, sampling: Sampling = SAMPLING, **changes: Any
) -> tuple[list[Completion], list[dict[str, Any]]]:
    """Return the completions in order, and the bodies that were sent for them."""
    with Loopback(answering) as server:
        teacher = api(server, **changes)
        try:
            rows = dict(teacher.complete(draws(count), sampling, Account()))
        finally:
            teacher.release()
    return [rows[index] for index in range(count)], [seen.body for seen in server.asked]


def refusing(is_wrong: Callable[[dict[str, Any]], object], error: Any, status: int = 400) -> Answering:
    """Answer by an error as long as the body is wrong."""
    return lambda seen: Answer(error, status) if is_wrong(seen.body) else Answer(written(told(seen)))


def trouble(status: int, body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return status_trouble(status, {}, text, lambda shown: shown).kind


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "This model's maximum context length is 8 tokens.", "code": "x"}}),
        (400, {"object": "error", "message": "Input: maximum context length is 2048 tokens", "code": 400}),
        (
            400,
            {"error": {"message": "'max_tokens' is too large: 100. This model's maximum context length is 8 tokens"}},
        ),
        (400, {"error": {"message": "the request exceeds the available context size", "type": "exceed_context_size"}}),
        (500, {"error": {"message": "Requested tokens (800) exceed context window of 512", "code": None}}),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "error_type": "validation"}),
        (400, {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
        (400, {"error": {"message": "The input token count (12) exceeds the maximum number of tokens allowed (8)."}}),
        (413, "Payload too large"),
    ],
)
def test_every_servers_word_for_too_long_is_understood(status: int, body: Any) -> None:
    assert trouble(status, body) == "too_long"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "bad role", "param": "messages", "type": "invalid_request_error"}}, "refused"),
        (400, {"error": {"message": "max_tokens is too large: 9. At most 4 completion tokens"}}, "refused"),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}, "unsupported"),
        (400, {"error": {"message": "Invalid 'stop': array too long.", "param": "stop"}}, "unsupported"),
        (400, {"error": {"message": "The response was filtered", "code": "content_filter"}}, "filtered"),
        (429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, "spent"),
        (429, {"error": {"message": "Rate limit"}}, "busy"),
        (503, "<html>loading</html>", "busy"),
        (401, "", "denied"),
        (404, {"detail": "Not Found"}, "absent"),
        (400, "[[[[", "refused"),
        (400, {"error": None}, "refused"),
        (400, [1], "refused"),
    ],
)
def test_an_error_is_told_by_its_body(status: int, body: Any, kind: str) -> None:
    assert trouble(status, body) == kind


def test_what_a_server_says_is_shown_as_one_printable_line() -> None:
    reason = status_trouble(400, {}, json.dumps({"error": {"message": "a\x1b[31m\nb" + "x" * 999}}), str).reason
    assert reason.startswith("HTTP 400: a [31m b")
    assert reason.isprintable()
    assert len(reason) < 330


def test_a_server_that_takes_four_stop_texts_gets_four_and_the_rest_is_cut_here() -> None:
    error = {"error": {"message": "Invalid 'stop': array too long. Expected at most 4", "param": "stop"}}

    def answer(seen: Seen) -> Answer:
        return Answer(error, 400) if len(seen.body["stop"]) > 4 else Answer(written("HOW xyz e then"))

    rows, bodies = asked(answer, sampling=SIX_STOPS, concurrency=1)
    assert [len(body["stop"]) for body in bodies] == [6, 4, 4, 4]
    assert {(row.text, row.finish_reason) for row in rows} == {("HOW xyz ", "stop")}


def test_a_server_that_takes_no_stop_texts_gets_none(caplog: pytest.LogCaptureFixture) -> None:
    error = {"error": {"message": "Unsupported parameter: 'stop' is not supported with this model.", "param": "stop"}}
    rows, bodies = asked(refusing(lambda body: "stop" in body, error), concurrency=1)
    assert ["stop" in body for body in bodies] == [True, False, False, False]
    assert all(row.text for row in rows)
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


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_seconds_of_retry_after_are_read(headers: dict[str, str], wait_s: float | None) -> None:
    assert status_trouble(429, headers, "", str).wait_s == wait_s


def test_the_date_of_retry_after_is_read() -> None:
    wait_s = status_trouble(429, {"retry-after": formatdate(time.time() + 60, usegmt=True)}, "", str).wait_s
    assert wait_s == pytest.approx(60.0, abs=3.0)


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


def test_no_key_of_another_server_is_sent_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-another-server")
    with Loopback(lambda seen: Answer(written("x"))) as server:
        teacher = api(server)
        list(teacher.complete(draws(1), SAMPLING, Account()))
        teacher.release()
    assert server.seen[0].headers["authorization"] == "Bearer none"
    assert "sk-of-another-server" not in str(server.seen[0].headers)


def test_no_proxy_stands_between_this_machine_and_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    rows, _ = asked(lambda seen: Answer(written("x")), 1)
    assert rows[0].text == "x"


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
    assert [(row.text, row.finish_reason, row.completion_tokens) for row in rows] == [
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
