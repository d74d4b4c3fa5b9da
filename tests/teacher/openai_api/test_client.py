"""The client of an API teacher: one host, one key, answers of a limited size."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from distillrun.errors import ConfigError
from distillrun.teacher.openai_api import session as api_session
from distillrun.teacher.openai_api.client import MOST_BYTES
from tests.asking import Unlimited
from tests.drawing import SAMPLING, Account, api, ask, asked, draws, first, good
from tests.loopback import Answer, Loopback, written


def bomb(size: int) -> bytes:
    """Return gzip that unpacks to so many zeros."""
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*(packing.compress(bytes(2**20)) for _ in range(size // 2**20)), packing.flush()])


@pytest.mark.parametrize("status", [200, 500])
def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)
    packed = Answer(bomb(400 * 2**20), status, {"content-encoding": "gzip"})
    assert len(packed.body) < 500_000
    assert ask(first(Answer({}, 500)))[0].text == "good"  # what is imported on the way is no part of the measurement
    tracemalloc.start()
    with pytest.raises(ConfigError, match="more than 16 MiB when unpacked"):
        ask(lambda seen: packed, max_retries=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * MOST_BYTES


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Answer(b"x" * (MOST_BYTES + 1)), "it answered more than 16 MiB, which"),
        (Answer(b"no gzip", headers={"content-encoding": "gzip"}), "gzip that cannot be unpacked"),
        (Answer(b"{}", headers={"content-encoding": "br"}), "in the encoding 'br', which was not asked for"),
        (Answer(gzip.compress(b'{"cho')[:-9], headers={"content-encoding": "gzip"}), "that is not JSON"),
    ],
)
def test_what_cannot_be_unpacked_is_said_and_asked_again(
    bad: Answer, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)
    assert ask(first(bad))[0].text == "good"
    with pytest.raises(ConfigError, match=reason):
        ask(lambda seen: bad, max_retries=0)


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_a_large_answer_below_the_limit_is_read(pack: Callable[[bytes], bytes]) -> None:
    body = pack(json.dumps(written("long " * 200_000)).encode())
    packing = {"content-encoding": "gzip"} if pack is gzip.compress else {}
    row = ask(lambda seen: Answer(body, headers=packing))[0]
    assert len(row.text) == len("long " * 200_000)


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


def test_a_redirect_never_carries_the_key_away(keyed: str) -> None:
    with Loopback(good) as other:
        away = Answer(b"", 307, {"location": f"{other.url}/chat/completions"})
        with Loopback(lambda _: away) as server:
            teacher = api(server, api_key_env=keyed)
            with pytest.raises(ConfigError, match="redirects"):
                list(teacher.complete(draws(1), SAMPLING, Unlimited()))
            teacher.release()
        assert other.seen == []
