"""Many requests at once on a background thread, one stream of results on the caller's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from distillrun.interfaces import Account, Reservation

T = TypeVar("T")

HEAD_START_S = 0.3
"""How long the first request goes alone: a wrong key or URL is answered by then, and costs one request, not all."""

CLOSING_S = 5.0


class EndedError(Exception):
    """The end of a loop: nothing more may be sent, and nothing is under way."""


class Gate:
    """A gate that lets requests out one by one, as far as the account allows."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._turn = asyncio.Lock()
        self._under_way = 0
        self._one_ended = asyncio.Event()

    @asynccontextmanager
    async def booked(self, prompt_tokens: int, completion_tokens: int) -> AsyncIterator[Reservation]:
        """Hold a reservation while its request is under way. Raises EndedError where there can be none."""
        async with self._turn:  # while one waits for what is missing, nobody else takes it away
            while (reservation := self._account.reserve(prompt_tokens, completion_tokens)) is None:
                if not self._under_way:
                    raise EndedError
                self._one_ended.clear()
                await self._one_ended.wait()
            self._under_way += 1
        try:
            yield reservation
        finally:
            self._under_way -= 1
            self._one_ended.set()


class Start:
    """The state before a server's first answer: until then, one request goes ahead of all others."""

    def __init__(self) -> None:
        self.is_reached = False
        self.is_troubled = False
        self._reached = asyncio.Event()

    def reach(self) -> None:
        """Note that the server answers."""
        self.is_reached = True
        self._reached.set()

    async def head_start(self, first: "asyncio.Task[None]") -> None:
        """Return when the first request was answered, or after a short time in which nothing went wrong with it."""
        reached = asyncio.ensure_future(self._reached.wait())
        try:
            await asyncio.wait({first, reached}, timeout=HEAD_START_S, return_when=asyncio.FIRST_COMPLETED)
            if self.is_troubled:
                await asyncio.wait({first, reached}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reached.cancel()


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="distillrun-api", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stream(
        self, count: int, at_once: int, account: Account, start: Start, ask: Callable[[int, Gate], Awaitable[T]]
    ) -> Iterator[tuple[int, T]]:
        """Yield (index, what `ask` returns for it) for each of `count` indices, as they become ready.

        A result that waits for the caller holds its place, so that no more than `at_once` are ever lost by a kill.
        Closing the generator cancels what is under way. It ends early where the account lets nothing more through.
        """
        ready: SimpleQueue[tuple[int, T, asyncio.Event] | None] = SimpleQueue()
        ended = threading.Event()
        indices = iter(range(count))
        gate = Gate(account)

        async def work() -> None:
            for index in indices:
                taken = asyncio.Event()
                ready.put((index, await ask(index, gate), taken))
                await taken.wait()

        async def serve() -> None:
            try:
                await _together(work, min(at_once, count), start)
            finally:
                ended.set()
                ready.put(None)

        serving = asyncio.run_coroutine_threadsafe(serve(), self._loop)
        try:
            while (result := ready.get()) is not None:
                index, value, taken = result
                yield index, value
                self._loop.call_soon_threadsafe(taken.set)
            serving.result()
        finally:
            serving.cancel()
            ended.wait(CLOSING_S)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING_S)
        if not self._thread.is_alive():
            self._loop.close()


async def _together(work: Callable[[], Coroutine[Any, Any, None]], workers: int, start: Start) -> None:
    """Run workers until all have ended or one has raised; the first begins alone. `EndedError` ends them in peace."""
    tasks = [asyncio.create_task(work())]
    try:
        if not start.is_reached:
            await start.head_start(tasks[0])
        if not tasks[0].done():
            tasks += [asyncio.create_task(work()) for _ in range(workers - 1)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    except EndedError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
