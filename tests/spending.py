"""What processes of their own do with a ledger; little is imported, since each of them imports it."""

import fcntl
import os
import resource
import signal
import time
from pathlib import Path

from distillrun.journal.ledger import Ledger
from distillrun.journal.ledger_account import LedgerAccount
from distillrun.journal.request_cost import Cost
from distillrun.records import Budget, Price

PRICE = Price(2.0, 8.0)
DOLLAR = Budget(None, None, 1.0)


def fill(folder: Path, cap: int, delay_s: float) -> None:
    """Spend what a cap allows, each request at leisure."""
    account = LedgerAccount(Ledger(folder, PRICE, Budget(cap, None, None)), lambda: False)
    while (booking := account.reserve(1, 1)) is not None:
        time.sleep(delay_s)
        booking.settle(1, 0)


def hold(folder: Path, ready: str, lock: str) -> None:
    """Spend once under a cap, where locks are broken, and stay."""
    break_locks(lock)
    ledger = Ledger(folder, PRICE, DOLLAR)
    ledger.book(Cost(1, 1, 1, 0.0))
    Path(ready).touch()
    time.sleep(60)


def break_locks(kind: str) -> None:
    """Let this process's system calls behave as on a file system without locks, or with locks that hold nobody."""

    def flock(descriptor: int, operation: int) -> None:
        if kind == "missing":
            raise OSError(38, os.strerror(38))

    fcntl.flock = flock  # type: ignore[assignment]


def fill_the_disk(folder: Path, outcome: str) -> None:
    """Book where 20 bytes are left, and write down what became of it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ledger = Ledger(folder, PRICE, DOLLAR)
    ledger.book(Cost(1, 1, 1, 0.0))
    size = (folder / "ledger.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
    try:
        ledger.book(Cost(1, 1, 1, 0.0))
    except OSError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        left = (folder / "ledger.jsonl").stat().st_size - size
        Path(outcome).write_text(f"{error.strerror} {left}")
