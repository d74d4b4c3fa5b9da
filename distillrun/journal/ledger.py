"""The ledger of a teacher's cost, and the cap on it: one small file that all runs on a store share."""

import errno
import logging
import os
import shutil
import threading
import uuid
from itertools import count
from pathlib import Path

from distillrun.files.jsonl import sync_folder
from distillrun.journal.hash_chain import NOTHING, HashChain
from distillrun.journal.journal_cost import LEDGER, proven_by_journals
from distillrun.journal.pid_file import PidFile
from distillrun.journal.process_lock import ProcessLock, locks_fail
from distillrun.journal.request_cost import Cost
from distillrun.records import Budget, Price

NO_CAP = Budget(None, None, None)

log = logging.getLogger("distillrun")


class Ledger:
    """Counts what one teacher is asked, by any number of processes at once, and holds its budget.

    What is reserved counts as spent until it is settled, so a request that a kill left open stays counted in full:
    it may have been paid. The file is only ever added to, one line for each booking and each correction, under a lock
    that all processes share; see `hash_chain` for its lines. Before the first request of a run it is held against the
    journals, and what they prove beyond it is added. Lines that cannot be right are counted at the most that they may
    have held, and the file that holds them is kept next to the new one.
    """

    def __init__(self, folder: Path, price: Price, budget: Budget) -> None:
        self._folder = folder
        self._file = folder / f"{LEDGER}.jsonl"
        self._among_processes = ProcessLock(folder / f"{LEDGER}.lock")
        self._among_threads = threading.Lock()
        self._pid_file: PidFile | None = None
        self._chain = HashChain()
        self._inode = 0
        self._is_checked = False
        # a free teacher without a cap loses nothing that a power cut takes
        self._is_synced = budget != NO_CAP or price.input > 0 or price.output > 0
        self.price = price
        self.budget = budget

    def spent(self) -> Cost:
        """Return what is spent and reserved, or more where the journals prove more. Changes no file."""
        proven = proven_by_journals(self._folder)
        with self._among_threads:
            self._read()
            return self._chain.total.plus(self._beyond(proven))

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        """Return one request as an entry."""
        return Cost(1, prompt_tokens, completion_tokens, self.price.usd(prompt_tokens, completion_tokens))

    def book(self, entry: Cost) -> str | None:
        """Add a request unless the budget forbids it; then return which cap does. It is on disk when this returns.

        Raises:
            ConfigError: another process spends under the cap, and nothing keeps the two apart.
        """
        if not self._is_checked:
            self._check()
        with self._among_threads, self._among_processes:
            self._catch_up()
            exceeded = self._exceeded(self._chain.after(entry))
            if exceeded is None:
                self._append(entry, self._is_synced)
            return exceeded

    def correct(self, booked: Cost, real: Cost) -> None:
        """Put what a request really cost in the place of what was booked for it."""
        with self._among_threads, self._among_processes:
            self._catch_up()
            self._append(real.plus(booked, -1), is_synced=False)

    def close(self) -> None:
        """Release the ledger for others, where only one process at a time may spend."""
        self._among_processes.close()
        if self._pid_file is not None:
            self._pid_file.release()
            self._pid_file = None
            self._is_checked = False

    def _check(self) -> None:
        """See to it that the cap can be held, and add what the journals prove beyond the ledger."""
        if self.budget != NO_CAP and (reason := locks_fail(self._folder)) is not None:
            self._pid_file = PidFile(self._folder / f"{LEDGER}.alone")
            self._pid_file.claim(reason)
        proven = proven_by_journals(self._folder)  # before the ledger: whatever is in a journal was settled there
        with self._among_threads, self._among_processes:
            self._catch_up()
            missing = self._beyond(proven)
            if missing != NOTHING:
                log.warning(
                    "%s counts less than the journals next to it prove; %s are counted again, at today's price",
                    self._file if self._chain.lines else f"{self._file} is missing or empty, and",
                    in_words(missing),
                )
                self._append(missing, is_synced=True)
        self._is_checked = True

    def _beyond(self, proven: Cost) -> Cost:
        """Return what is proven and not counted."""
        missing = proven.plus(self._chain.total, -1).or_more(NOTHING)
        usd = self.price.usd(missing.prompt_tokens, missing.completion_tokens)
        return Cost(missing.requests, missing.prompt_tokens, missing.completion_tokens, usd)

    def _exceeded(self, total: Cost) -> str | None:
        tokens = total.prompt_tokens + total.completion_tokens
        for name, value in (("requests", total.requests), ("tokens", tokens), ("usd", total.usd)):
            cap = getattr(self.budget, name)
            if cap is not None and value > cap * (1 + 1e-9):
                return f"budget.{name}={cap:g}"
        return None

    def _catch_up(self) -> None:
        """Read what other processes added; under the lock, so that what is torn or wrong can be set aside."""
        known = self._chain.total
        self._read()
        was_cut = self._chain.total.requests < known.requests
        if was_cut or self._chain.flaws:
            self._restart(self._chain.total.or_more(known) if was_cut else self._chain.total)

    def _read(self) -> None:
        """Read the lines that are new, or all where this is another file than before."""
        try:
            state = self._file.stat()
        except FileNotFoundError:
            self._chain, self._inode = HashChain(), 0
            return
        is_same = state.st_ino == self._inode and state.st_size >= self._chain.size and not self._chain.flaws
        if not is_same:
            self._chain, self._inode = HashChain(), state.st_ino
        if state.st_size > self._chain.size:
            with self._file.open("rb") as file:
                file.seek(self._chain.size)
                self._chain.read(file.read())

    def _append(self, entry: Cost, is_synced: bool) -> None:
        line = self._chain.line(entry)
        is_new = self._chain.size == 0
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, self._chain.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
            self._inode = os.fstat(descriptor).st_ino
            self._chain.read(line)
            if is_synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new and is_synced:
            sync_folder(self._folder)

    def _restart(self, total: Cost) -> None:
        """Put a file that begins with the sum in the place of one that is damaged, and keep that one."""
        flaws = "; ".join(self._chain.flaws[:3]) + (" ..." if len(self._chain.flaws) > 3 else "")
        kept = ""
        if self._file.exists():
            aside = next(free for number in count(1) if not (free := self._aside(number)).exists())
            shutil.copyfile(self._file, aside)
            kept = f"; what was there is kept as {aside.name}"
        log.warning(
            "%s has changed since it was written (%s); %s are counted, the most that it can have been%s",
            self._file,
            flaws or "it was cut",
            in_words(total),
            kept,
        )
        chain, content = HashChain(), b""
        largest = self._chain.largest  # what a torn line is counted at, once more
        for added in (largest, total.plus(largest, -1)) if largest.requests else (total,):
            line = chain.line(added)
            chain.read(line)
            content += line
        unfinished = self._folder / f".{LEDGER}.{uuid.uuid4().hex}"
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._file)
        sync_folder(self._folder)
        self._chain, self._inode = chain, self._file.stat().st_ino

    def _aside(self, number: int) -> Path:
        return self._file.with_name(f"{LEDGER}.damaged-{number}.jsonl")


def in_words(spent: Cost) -> str:
    """Return figures as a message shows them."""
    tokens = f"{spent.prompt_tokens:,} prompt and {spent.completion_tokens:,} completion tokens"
    return f"{spent.requests:,} requests, {tokens}, US$ {spent.usd:.4f}"
