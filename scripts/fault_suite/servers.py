"""Ways for a server to misbehave, and keys that must go nowhere."""

import gzip
import json
from collections.abc import Callable, Mapping

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import TRACEBACK
from tests.loopback import Answer, Seen, told, written

Misbehaving = Callable[[Seen], Answer]
KEY = "sk-fault-suite-canary-0123456789abcdef"


def _changed(seen: Seen, **changes: object) -> dict:
    return {**written(told(seen)), **changes}


def _choice(seen: Seen, **changes: object) -> Answer:
    body = written(told(seen))
    body["choices"][0].update(changes)
    return Answer(body)


def _message(seen: Seen, **changes: object) -> Answer:
    body = written(told(seen))
    body["choices"][0]["message"].update(changes)
    return Answer(body)


def _with_log_probs(seen: Seen, value: object) -> Answer:
    entry = {"token": "A", "logprob": value, "bytes": None, "top_logprobs": []}
    return _choice(seen, logprobs={"content": [entry]})


WAYS: Mapping[str, Misbehaving] = {
    "400": lambda seen: Answer({"error": {"message": "bad request"}}, 400),
    "401 that echoes the key": lambda seen: Answer({"error": {"message": f"bad key {KEY}"}}, 401),
    "403": lambda seen: Answer({"error": {"message": "no"}}, 403),
    "404": lambda seen: Answer({"error": {"message": "no such model"}}, 404),
    "429 for ever": lambda seen: Answer({"error": {"message": "slow"}}, 429, {"retry-after": "0"}),
    "429, retry-after NaN": lambda seen: Answer({}, 429, {"retry-after": "nan"}),
    "429, retry-after -5": lambda seen: Answer({}, 429, {"retry-after": "-5"}),
    "500": lambda seen: Answer({"error": {"message": "oops"}}, 500),
    "503, HTML": lambda seen: Answer(b"<html>busy</html>", 503, {"content-type": "text/html"}),
    "204": lambda seen: Answer(b"", 204),
    "302 to another host": lambda seen: Answer(b"", 302, {"location": "http://127.0.0.1:9/v1/chat/completions"}),
    "307 to another host": lambda seen: Answer(b"", 307, {"location": "http://127.0.0.1:9/v1/chat/completions"}),
    "a dropped connection": lambda seen: Answer(is_dropped=True),
    "no answer in time": lambda seen: Answer(written("late"), delay_s=30),
    "JSON cut in the middle": lambda seen: Answer(b'{"choices": [{"mess'),
    "an empty body": lambda seen: Answer(b""),
    "a list": lambda seen: Answer([1, 2]),
    "a string": lambda seen: Answer("hello"),
    "null": lambda seen: Answer(b"null"),
    "HTML with 200": lambda seen: Answer(b"<html>hello</html>", 200, {"content-type": "text/html"}),
    "no UTF-8": lambda seen: Answer(b'{"choices": "\xff\xfe"}'),
    "deep JSON": lambda seen: Answer(b"[" * 100_000 + b"]" * 100_000),
    "a gzip bomb": lambda seen: Answer(gzip.compress(b" " * 50_000_000 + b"{}"), 200, {"content-encoding": "gzip"}),
    "gzip that is none": lambda seen: Answer(b"plain", 200, {"content-encoding": "gzip"}),
    "an error in a 200": lambda seen: Answer({"error": {"code": 429, "message": "slow down"}}),
    "no choices": lambda seen: Answer(_changed(seen, choices=[])),
    "choices null": lambda seen: Answer(_changed(seen, choices=None)),
    "choices a mapping": lambda seen: Answer(_changed(seen, choices={"a": 1})),
    "no message": lambda seen: Answer(_changed(seen, choices=[{"index": 0, "finish_reason": "stop"}])),
    "content null": lambda seen: _message(seen, content=None),
    "content a list": lambda seen: _message(seen, content=[{"type": "text", "text": "Parts."}]),
    "content a number": lambda seen: _message(seen, content=7),
    "content empty": lambda seen: _message(seen, content=""),
    "all in reasoning": lambda seen: _message(seen, content=None, reasoning_content="I think and think"),
    "thinking alone": lambda seen: _message(seen, content="<think>I think and think"),
    "a refusal": lambda seen: _message(seen, content=None, refusal="I will not."),
    "a lone surrogate": lambda seen: Answer(json.dumps(_changed(seen)).replace("library", "lib\\ud800rary").encode()),
    "no usage": lambda seen: Answer(_changed(seen, usage=None)),
    "negative usage": lambda seen: Answer(_changed(seen, usage={"prompt_tokens": -5, "completion_tokens": -1})),
    "usage of 5,000 digits": lambda seen: Answer(
        json.dumps(_changed(seen)).replace('"prompt_tokens": 20', '"prompt_tokens": ' + "9" * 5000).encode()
    ),
    "usage NaN": lambda seen: Answer(
        json.dumps(_changed(seen)).replace('"prompt_tokens": 20', '"prompt_tokens": NaN').encode()
    ),
    "finish_reason unknown": lambda seen: _choice(seen, finish_reason="whatever"),
    "finish_reason content_filter": lambda seen: _choice(seen, finish_reason="content_filter"),
    "a log-prob of 400 digits": lambda seen: _with_log_probs(seen, 10**399),
    "a log-prob of text": lambda seen: _with_log_probs(seen, "low"),
    "a 5 MB header": lambda seen: Answer(_changed(seen), 200, {"x-large": "a" * 5_000_000}),
    "a 10 MB answer": lambda seen: Answer(written("word " * 2_000_000)),
}


def servers(suite: Suite) -> Tally:
    """A server that misbehaves: an answer or one clear sentence, never a traceback, and its key is in no file."""
    tally = Tally("misbehaving servers")
    names = list(WAYS)[:: suite.pick(6, 1)]
    for place, name in enumerate(names):
        suite.server.answering = WAYS[name]
        world = suite.world(f"server-{place}")
        ended = world.run_plain(
            "until=generate",
            "generation=[few_shot_rationale]",
            "objective=multitask",
            "task.limit=4",
            "teacher.max_retries=1",
            "teacher.timeout_s=3",
            "teacher.api_key_env=FAULT_KEY",
            env={"FAULT_KEY": KEY},
        )
        tally.expect(ended.code in (0, 2), f"{name}: exit code {ended.code}: {ended.last}")
        tally.expect(TRACEBACK not in ended.said, f"{name}: a traceback: {ended.last}")
        leaks = [file.name for file in world.folder.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
        tally.expect(not leaks and KEY not in ended.said, f"{name}: the key is in {leaks or 'what was printed'}")
    suite.server.answering = suite.answering
    return tally
