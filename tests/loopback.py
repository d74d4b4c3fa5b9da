"""A server on this machine that speaks OpenAI's protocol as told: in a test's own process, or as a program of its own.

    python tests/loopback.py --latency_s 0.5 --failing_share 0.1

prints its base URL, and then answers until it is ended.
"""

import argparse
import asyncio
import hashlib
import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; `number` counts from 0."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """The last text that was sent."""
        return str(self.body["messages"][-1]["content"] if "messages" in self.body else self.body["prompt"])


@dataclass(frozen=True)
class Answer:
    """What to send back: JSON or bytes, after a delay; or nothing, and the connection is dropped."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    is_dropped: bool = False


Answering = Callable[[Seen], Answer]


class Loopback:
    """Serves on a port of its own while it is entered. Keeps what was `seen`, and the `largest` number at once."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.seen: list[Seen] = []
        self.largest = 0
        self.port = 0
        self._at_once = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Seen]:
        """What was posted."""
        return [seen for seen in self.seen if seen.method == "POST"]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (seen := await self._read(reader)) is not None:
                self._at_once += 1
                self.largest = max(self.largest, self._at_once)
                try:
                    answer = self._answering(seen)
                    await asyncio.sleep(answer.delay_s)
                finally:
                    self._at_once -= 1
                if answer.is_dropped:
                    break
                writer.write(_encoded(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the server is being closed
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(len(self.seen), method, path, headers, json.loads(body) if body else {})
        self.seen.append(seen)
        return seen


def _encoded(answer: Answer) -> bytes:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers = {"content-type": "application/json", **answer.headers, "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} Told\r\n{head}\r\n".encode("latin-1") + body


def written(text: str | None, finish_reason: str | None = "stop", **changes: Any) -> dict[str, Any]:
    """Return the JSON of a chat completion; `changes` replace parts of it."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
        **changes,
    }


def told(seen: Seen) -> str:
    """Return a text that depends on what was asked, and on the seed."""
    asked = json.dumps([seen.body.get("messages", seen.body.get("prompt")), seen.body.get("seed")])
    return f"A library lends novels ({hashlib.sha256(asked.encode()).hexdigest()[:12]})."


def failing(latency_s: float, share: float, seed: int = 0) -> Answering:
    """Answer with `told`; of the requests, fail a share, in turn by 429, 500, a dropped connection and broken JSON."""
    rng = random.Random(seed)

    def answer(seen: Seen) -> Answer:
        good = Answer(written(told(seen)), delay_s=latency_s)
        if rng.random() >= share:
            return good
        return (
            Answer({"error": {"message": "slow down"}}, 429, {"retry-after": "0"}),
            Answer({"error": {"message": "oops"}}, 500),
            Answer(is_dropped=True),
            Answer(b'{"choices": [{"mess', delay_s=latency_s),
        )[rng.randrange(4)]

    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency_s", type=float, default=0.0)
    parser.add_argument("--failing_share", type=float, default=0.0)
    arguments = parser.parse_args()
    with Loopback(failing(arguments.latency_s, arguments.failing_share)) as server:
        print(server.url, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
