"""Ctrl-C and SIGTERM: work that can be saved is saved first."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


_arrived: set[int] = set()


def was_terminated() -> bool:
    """Return whether a SIGTERM ended a block of `stops_at_once` in this process."""
    return signal.SIGTERM in _arrived


def _raise(number: int, frame: FrameType | None) -> None:
    _arrived.add(number)
    raise KeyboardInterrupt


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler for both signals inside the block; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, kept in earlier.items():
            signal.signal(number, kept)


@contextmanager
def stops_at_once() -> Iterator[None]:
    """Make SIGTERM end the block as Ctrl-C does, so that a run is closed properly."""
    with _handled(_raise):
        yield


@contextmanager
def stops_when_saved() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether a stop was asked for; a second signal does not wait."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    with _handled(ask):
        yield lambda: asked
