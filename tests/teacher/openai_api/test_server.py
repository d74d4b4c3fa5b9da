"""The URL and the key of an API teacher."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.journal.client import TeacherClient
from tests.asking import Unlimited
from tests.drawing import SAMPLING, api, draws, failed
from tests.leaves import made
from tests.loopback import Answer, Loopback, Seen
from tests.teacher.openai_api.conftest import KEY


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


def _answer(reply: Answer, seen: Seen) -> Answer:
    return reply


def test_the_key_is_sent_and_shown_nowhere(keyed: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    for reply in (
        failed(401, f"Incorrect key {KEY}"),
        failed(404, f"{KEY} has no model"),
        Answer(f"<p>{KEY}".encode()),
    ):
        with Loopback(partial(_answer, reply)) as server:
            teacher = api(server, api_key_env=keyed, max_retries=0, concurrency=1)
            with pytest.raises(ConfigError) as raised:
                list(TeacherClient(tmp_path, "step", teacher).complete(draws(1), SAMPLING, lambda: False))
            teacher.release()
            assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            assert KEY not in f"{raised.value!r} {teacher!r}"
    assert KEY not in caplog.text
    assert not any(KEY in file.read_text() for file in tmp_path.rglob("*") if file.is_file())
