"""What a teacher has cost, and the cap on it: one small file that all runs on a store share."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from distillrun.errors import ConfigError
from distillrun.records import Budget, Price, Record

NO_CAP = Budget(None, None, None)


@dataclass(frozen=True, slots=True)
class Spent(Record):
    """What was sent to a teacher: every request with its retries, and what each cost or may have cost."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        """Return the sum; with `sign` -1 the difference."""
        return Spent(
            self.requests + sign * other.requests,
            self.prompt_tokens + sign * other.prompt_tokens,
            self.completion_tokens + sign * other.completion_tokens,
            self.usd + sign * other.usd,
        )

    def as_dict(self) -> dict[str, int | float]:
        """Return the counts by name."""
        return asdict(self)


class Ledger:
    """Counts what one teacher is asked, by any number of processes at once, and holds its budget.

    What is reserved counts as spent until it is settled, so a request that a kill left open stays counted in full:
    it may have been paid. The file is only ever added to, one line per booking and per correction; the lock is needed
    where a cap must be checked against what other processes add.
    """

    def __init__(self, folder: Path, price: Price, budget: Budget) -> None:
        self._file = folder / "ledger.jsonl"
        self._among_processes = FileLock(folder / "ledger.lock")
        self._among_threads = threading.Lock()
        self._sum = Spent()
        self._read_bytes = 0
        self.price = price
        self.budget = budget

    def spent(self) -> Spent:
        """Return what is spent and reserved. Raises ConfigError where the file is broken, rather than count less."""
        with self._among_threads:
            return self._spent()

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Spent:
        """Return one request as an entry."""
        return Spent(1, prompt_tokens, completion_tokens, self.price.usd(prompt_tokens, completion_tokens))

    def book(self, entry: Spent) -> str | None:
        """Add a request unless the budget forbids it; then return which cap does."""
        if self.budget == NO_CAP:
            self._add(entry)
            return None
        with self._among_threads, self._among_processes:
            exceeded = self._exceeded(self._spent().plus(entry))
            if exceeded is None:
                self._add(entry)
            return exceeded

    def correct(self, booked: Spent, real: Spent) -> None:
        """Put what a request really cost in the place of what was booked for it."""
        self._add(real.plus(booked, -1))

    def _exceeded(self, total: Spent) -> str | None:
        tokens = total.prompt_tokens + total.completion_tokens
        for name, value in (("requests", total.requests), ("tokens", tokens), ("usd", total.usd)):
            cap = getattr(self.budget, name)
            if cap is not None and value > cap * (1 + 1e-9):
                return f"budget.{name}={cap:g}"
        return None

    def _spent(self) -> Spent:
        """Return the sum of all lines, of which only the new ones are read."""
        if not self._file.exists():
            return self._sum
        with self._file.open("rb") as file:
            file.seek(self._read_bytes)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]
        try:
            for line in added.splitlines():
                requests, prompt_tokens, completion_tokens, usd = json.loads(line)
                self._sum = self._sum.plus(Spent(int(requests), int(prompt_tokens), int(completion_tokens), float(usd)))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self._file} is broken ({error}), so what was spent under teacher.budget is not known; take the "
                f"broken line out, and put [requests, prompt tokens, completion tokens, usd] for it into its place"
            ) from error
        self._read_bytes += len(added)
        return self._sum

    def _add(self, entry: Spent) -> None:
        line = json.dumps([entry.requests, entry.prompt_tokens, entry.completion_tokens, entry.usd]) + "\n"
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())  # one write at the end of the file: whole, whoever else writes
        finally:
            os.close(descriptor)


class LedgerAccount:
    """The `Account` of one teacher in one run: lets a request through unless the budget or the user says stop."""

    def __init__(self, ledger: Ledger, stopping: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._stopping = stopping
        self.refused_by: str | None = None
        """Why the last request was not let through: `user`, or a cap."""

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> "Booking | None":
        if self._stopping():
            self.refused_by = "user"
            return None
        entry = self._ledger.cost(prompt_tokens, completion_tokens)
        self.refused_by = self._ledger.book(entry)
        return None if self.refused_by else Booking(self._ledger, entry)


class Booking:
    """A `Reservation` in a ledger."""

    def __init__(self, ledger: Ledger, booked: Spent) -> None:
        self._ledger = ledger
        self._booked = booked

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        self._ledger.correct(self._booked, self._ledger.cost(prompt_tokens, completion_tokens))
