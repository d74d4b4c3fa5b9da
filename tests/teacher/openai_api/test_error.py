"""The errors of servers, each in its own words, and what they mean for a row or the run."""

import json
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.journal.client import TeacherClient
from distillrun.teacher.openai_api.error import status_trouble
from tests.asking import Unlimited
from tests.drawing import SAMPLING, api, ask, draws, failed, good
from tests.loopback import Answer, Loopback


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (failed(400, "This model's maximum context length is 8 tokens", code="context_length_exceeded"), "too long"),
        (failed(400, "filtered", code="content_filter"), "refused by the server's filter"),
        (failed(400, "bad word in the prompt"), "refused request: HTTP 400: bad word in the prompt"),
    ],
)
def test_a_row_that_cannot_be_served_fails_alone(reply: Answer, reason: str) -> None:
    found = ask(lambda seen: reply if "question 1" in seen.prompt else good(seen), 3)
    assert [found[row].reason for row in range(3)] == ["", reason, ""]
    assert found[1].text == ""


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (failed(401), "does not accept the key"),
        (failed(404, "model not found"), "has no such path, or no teacher.model=m"),
        (failed(402), "requires payment"),
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
