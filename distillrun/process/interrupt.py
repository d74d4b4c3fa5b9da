"""Signals that ask for an end: Ctrl-C, SIGTERM, a closed terminal, a scheduler's warning. What can be saved is saved.

What follows the first signal, and where it is done:

    a training             ends its step and writes a checkpoint (training/loop.py)
    teachers               get no further requests; answers under way are waited for and journaled (journal/client.py)
    any other stage        ends; what a stage resumes from is in its work folder (artifacts/sealed.py)
    the run                writes result.json and its page as interrupted, and ends its tracker (pipeline/run.py)
    the jobs of a sweep    end like this, and no other is started (sweep/ending.py)
    the process            ends with exit code 130 (cli.py); the same command resumes from there

Two that mean one end count once: they arrive together (`timeout` and a terminal tell a process and its group), or a
scheduler warns (SIGUSR1, SIGUSR2) before it sends SIGTERM. Any other second signal ends the work at once.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ORDERS = (signal.SIGINT, signal.SIGTERM)
WARNINGS = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))
SIGNALS = (*ORDERS, *WARNINGS)

TOGETHER_S = 0.5
"""Signals that arrive within this time of each other are one."""

AGAIN_S = 0.05
"""After this time a signal is sent again that was lost."""

_arrived: dict[int, float] = {}
"""When each signal came last, since the outermost block began."""

_held: set[int] = set()
"""The signals that a block of this module has a handler for."""


def _is_first(number: int) -> bool | None:
    """Note a signal and return whether it is the first; None where it means the same end as an earlier one."""
    now = time.monotonic()
    earlier = dict(_arrived)
    _arrived[number] = now
    if not earlier:
        return True
    together = now - max(earlier.values()) < TOGETHER_S
    again = number in earlier or (number in ORDERS and any(other in ORDERS for other in earlier))
    return None if together or not again else False


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler inside the block; only the main thread can.

    A warning that is ignored stays so (`nohup`), and one that somebody else handles stays theirs (submitit's SIGUSR2).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _held:
        _arrived.clear()
    outermost = {number for number in SIGNALS if number not in _held and _is_ours_to_take(number)}
    _held.update(outermost)
    earlier = {number: signal.signal(number, handler) for number in _held}
    try:
        yield
    finally:
        for number, kept in earlier.items():
            signal.signal(number, kept)
        _held.difference_update(outermost)


def _is_ours_to_take(number: int) -> bool:
    return number in ORDERS or signal.getsignal(number) is signal.SIG_DFL


@contextmanager
def stops_at_once(first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Make each of the signals end the block as Ctrl-C does, so that a run is closed properly.

    Args:
        first: what is done before the block ends; a second signal does not wait for it.
    """

    is_lost = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal is_lost
        is_first = _is_first(number)
        if is_first is None and not is_lost:
            return
        if is_first:
            first()
        is_lost = False
        raise KeyboardInterrupt

    def lost() -> None:
        nonlocal is_lost
        is_lost = True

    with _handled(end), _raised_again(lost):
        yield


@contextmanager
def _raised_again(lost: Callable[[], None]) -> Iterator[None]:
    """Send a signal again where Python ignored the interrupt that it raised, as it does in an object's `__del__`."""
    earlier = sys.unraisablehook

    def hook(ignored: "sys.UnraisableHookArgs", /) -> None:
        if ignored.exc_type is not KeyboardInterrupt:
            earlier(ignored)
            return
        lost()
        threading.Timer(AGAIN_S, signal.raise_signal, [signal.SIGINT]).start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = earlier


@contextmanager
def stops_when_saved(ends: bool = True) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether a stop was asked for; a second signal does not wait.

    Args:
        ends: a stop that came too late for the block to act on ends it as Ctrl-C does; otherwise it is the caller's to
            act on.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if _is_first(number) is False:
            raise KeyboardInterrupt
        asked = True

    with _handled(ask):
        yield lambda: asked
    if asked and ends:
        raise KeyboardInterrupt
