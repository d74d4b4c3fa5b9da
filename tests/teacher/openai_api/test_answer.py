"""Whatever a server sends is an answer, or is said to be none: no number, no packing and no nesting gets further."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.files.jsonl import append_record
from distillrun.records import Price, Sampling
from distillrun.teacher.openai_api import session as api_session
from distillrun.teacher.openai_api.answer import UnreadableError, read_answer, unstreamed
from distillrun.teacher.openai_api.completion import Reader, score_continuations
from distillrun.teacher.openai_api.error import error_status, status_trouble
from tests.drawing import SAMPLING, Account, api, ask, draws, first, prompt
from tests.loopback import Answer, Loopback, written

STOPPING = Sampling(16, 0.0, 1.0, 1, ("\n\n",))
HUGE = -(10**400)
READER = Reader("m", str, lambda text: None)

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([HUGE, -HUGE, -1e308, -3.4e38, -9999.0, 1e-9, 2**63, -1, True, False, float("nan")]),
)
LEAVES = st.one_of(st.none(), st.text(max_size=8), NUMBERS)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
TOKENS = st.lists(
    st.fixed_dictionaries({"token": LEAVES | st.text(max_size=3), "logprob": LEAVES}, optional={"top_logprobs": JSON}),
    max_size=3,
)
FORMS = st.one_of(
    JSON,
    st.fixed_dictionaries({"content": TOKENS}),
    st.fixed_dictionaries({"tokens": st.lists(LEAVES), "token_logprobs": st.lists(LEAVES), "top_logprobs": JSON}),
)
MESSAGES = st.one_of(
    JSON, st.fixed_dictionaries({"content": LEAVES}, optional={"refusal": LEAVES, "reasoning_content": LEAVES})
)
CHOICES = st.fixed_dictionaries(
    {"message": MESSAGES}, optional={"finish_reason": LEAVES, "logprobs": FORMS, "text": LEAVES, "error": JSON}
)
USAGES = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"prompt_tokens": NUMBERS, "completion_tokens": NUMBERS, "completion_tokens_details": JSON},
    ),
)
PAYLOADS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"choices": st.lists(CHOICES, min_size=1, max_size=2), "usage": USAGES}, optional={"error": JSON}
    ),
)


@given(PAYLOADS)
@settings(max_examples=400, deadline=None)
def test_an_answer_of_any_kind_becomes_a_row_that_can_be_stored_and_paid_or_is_unreadable(payload: Any) -> None:
    content = json.dumps(payload).encode()
    assert error_status(content) is None or 400 <= error_status(content) <= 599  # type: ignore[operator]
    try:
        answer = read_answer(content, "application/json")
    except UnreadableError:
        return
    made = READER.completion(answer, STOPPING, 12)
    json.dumps([made.text, made.log_prob, made.prompt_tokens], allow_nan=False)
    made.text.encode()
    assert math.isfinite(Price(1.0, 5.0).usd(made.prompt_tokens, made.completion_tokens))
    assert 0 <= made.discarded_tokens <= made.completion_tokens
    for scored in score_continuations(answer.first, ["A", "B"]) if answer.first else ():
        assert math.isfinite(scored.log_prob)
        assert scored.log_prob <= 0


@given(st.binary(max_size=60) | PAYLOADS.map(lambda value: json.dumps(value).encode()), st.integers(300, 599))
@settings(max_examples=300, deadline=None)
def test_an_error_of_any_kind_is_a_trouble_that_can_be_shown(body: bytes, status: int) -> None:
    trouble = status_trouble(status, {}, body.decode("utf-8", "replace"), str)
    assert trouble.reason.isprintable()
    assert len(trouble.reason) < 400


@given(st.lists(JSON | st.fixed_dictionaries({"choices": st.lists(CHOICES, max_size=1), "usage": USAGES}), max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_stream_of_any_kind_becomes_an_answer_or_is_unreadable(events: list[Any]) -> None:
    content = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    try:
        read_answer(unstreamed(content, "text/event-stream"), "text/event-stream")
    except UnreadableError:
        return


@given(
    st.one_of(
        st.text(max_size=30),
        NUMBERS.map(str),
        st.builds("Wed, {} Oct {} 07:28:{} GMT".format, st.integers(), st.integers(), st.integers()),
        st.builds("Wed, 21 Oct 2015 07:28:00 {:+}".format, st.integers()),
    )
)
@settings(max_examples=400, deadline=None)
def test_a_wait_of_any_kind_is_a_time_or_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        wait_s = status_trouble(429, {name: value}, "", str).wait_s
        assert wait_s is None or (math.isfinite(wait_s) and wait_s >= 0)


@pytest.mark.parametrize("depth", [200, 900, 990, 1000, 5000])
def test_nesting_of_any_depth_is_unreadable_or_shown_in_part(depth: int) -> None:
    for body in ("[" * depth + "]" * depth, '{"error":' * depth + "{}" + "}" * depth):
        with pytest.raises(UnreadableError):
            read_answer(body.encode(), "application/json")
        error_status(body.encode())
        assert status_trouble(400, {}, body, str).kind == "refused"


def chosen(**parts: Any) -> bytes:
    return json.dumps(written("", choices=[{"message": {"content": "A"}, "finish_reason": "stop", **parts}])).encode()


def test_a_log_prob_of_four_hundred_digits_is_no_log_prob() -> None:
    listed = {"token": "A", "logprob": -0.5, "top_logprobs": [{"token": "A", "logprob": HUGE}]}
    answer = read_answer(chosen(logprobs={"content": [listed]}), "application/json")
    assert (answer.tokens, answer.first, answer.lists_first) == ((("A", -0.5),), None, True)
    own = {"tokens": ["A"], "token_logprobs": [HUGE], "top_logprobs": [{"A": HUGE}]}
    answer = read_answer(chosen(logprobs=own), "application/json")
    assert (answer.tokens, answer.first, answer.lists_first) == (None, None, True)


def test_scores_that_cannot_be_read_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)

    def body(log_prob: Any) -> bytes:
        listed = [{"token": "A", "logprob": log_prob}]
        return chosen(logprobs={"content": [{"token": "A", "logprob": -0.5, "top_logprobs": listed}]})

    with Loopback(lambda seen: Answer(body(HUGE if seen.number == 0 else -1.0))) as server:
        teacher = api(server, top_log_probs=5)
        ((_, scores),) = teacher.score([prompt("q")], [["A"]], Account())
        teacher.release()
    assert [score.log_prob for score in scores] == pytest.approx([-1.0])
    with Loopback(lambda seen: Answer(body(HUGE))) as server:
        teacher = api(server, top_log_probs=5, max_retries=1)
        with pytest.raises(ConfigError, match="could not score the choices of q1: its list of likeliest tokens"):
            list(teacher.score([prompt("q")], [["A"]], Account()))
        teacher.release()


def test_the_largest_finite_numbers_can_be_written_down(tmp_path: Any) -> None:
    tokens = [{"token": "a", "logprob": -1.7e308}, {"token": "b", "logprob": -1.7e308}]
    usage = {"prompt_tokens": 10**400, "completion_tokens": 10**400}
    body = json.loads(chosen(logprobs={"content": tokens})) | {"usage": usage}
    answer = read_answer(json.dumps(body).encode(), "application/json")
    made = READER.completion(answer, STOPPING, 12)
    assert (answer.usage, made.prompt_tokens) == (None, 12)
    append_record(tmp_path / "rows.jsonl", made)


def test_an_error_inside_a_200_acts_as_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)

    def inside(code: Any, message: str) -> Answer:
        return Answer({"error": {"code": code, "message": message}})

    account = Account()
    with Loopback(first(inside(429, "slow down"))) as server:
        teacher = api(server)
        ((_, row),) = teacher.complete(draws(1), SAMPLING, account)
        teacher.release()
    assert (row.text, [booked.settled for booked in account.booked]) == ("good", [(0, 0), (20, 10)])
    assert ask(first(inside("503", "overloaded")))[0].text == "good"
    assert ask(lambda seen: inside(400, "maximum context length is 8 tokens"))[0].finish_reason == "too_long"
    with pytest.raises(ConfigError, match="does not accept the key"):
        ask(lambda seen: inside(401, "no"))
    with pytest.raises(ConfigError, match="requires payment"):
        ask(lambda seen: inside(402, "no"))


def test_an_error_inside_a_200_may_be_named_by_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are those of https://platform.openai.com/docs/guides/error-codes and of Anthropic's API."""
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)

    def inside(**error: str) -> Answer:
        return Answer({"error": error})

    assert ask(first(inside(code="rate_limit_exceeded")))[0].text == "good"
    assert ask(first(inside(type="overloaded_error")))[0].text == "good"
    with pytest.raises(ConfigError, match="requires payment"):
        ask(lambda seen: inside(code="insufficient_quota"))
    with pytest.raises(ConfigError, match="does not accept the key"):
        ask(lambda seen: inside(type="invalid_request_error", code="invalid_api_key"))
