"""The journal of one step's requests to one teacher: a line as soon as an answer arrives, shared by all runs."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from distillrun.files.jsonl import append_record
from distillrun.interfaces import ReplyScorer, Teacher
from distillrun.journal.journal_cost import LEDGER
from distillrun.records import Completion, Draw, Json, Prompt, Record, Sampling, ScoredContinuation
from distillrun.text.thinking import was_cut

log = logging.getLogger("distillrun")

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class JournalRow(Record):
    """One answer of a teacher. Its `check` is a digest of the rest, so that a damaged line is noticed.

    Attributes:
        key: digest of all that the answer depends on besides the teacher.
        step: the generation step that asked.
        prompt: digest of what the teacher read.
        sample, seed: of the draw; `seed` is the draw's own.
        sampling: as asked; None where continuations were scored.
        completion: what was written, with finish reason and token counts; None where continuations were scored.
        scores: of the continuations; None where text was asked for.
        check: see above.
    """

    key: str
    step: str
    prompt: str
    sample: int
    seed: int
    sampling: Sampling | None
    completion: Completion | None
    scores: tuple[ScoredContinuation, ...] | None
    check: str = ""

    def checked(self) -> "JournalRow":
        """Return the row with its check."""
        return replace(self, check=_digest({**asdict(self), "check": ""}))


class Journal:
    """A file of rows. Use `held` around asking, so that two jobs that need the same rows ask once."""

    def __init__(self, folder: Path, step: str) -> None:
        name = step.replace("/", "-")
        if name.startswith(LEDGER):
            name = f"step-{name}"  # the ledger is next to it
        self._file = folder / f"{name}.jsonl"
        self._lock = FileLock(folder / f"{name}.lock")
        self._step = step
        self._rows: dict[str, JournalRow] = {}

    @contextmanager
    def held(self, stopping: Callable[[], bool]) -> Iterator[None]:
        """Keep other processes from asking the same teacher for the same step, and read what they left.

        Raises KeyboardInterrupt where the user asks to stop while another process has the journal.
        """
        self._acquire(stopping)
        try:
            self.read()
            yield
        finally:
            self._lock.release()

    def read(self) -> None:
        """Read the file. A line that is torn or damaged is left out with a warning: its answer is asked again."""
        self._rows = {}
        lines = self._file.read_bytes().split(b"\n") if self._file.exists() else []
        adapter = TypeAdapter(JournalRow)
        for number, line in enumerate(lines[:-1], start=1):
            try:
                row = adapter.validate_json(line)
                damage = None if row.check == row.checked().check else "its digest does not match"
            except ValidationError as error:
                damage = error.errors()[0]["msg"]
            if damage is None:
                self._rows[row.key] = row
            else:
                log.warning("%s:%d is damaged (%s); what it held is asked again", self._file, number, damage)

    def completion(self, draw: Draw, sampling: Sampling) -> Completion | None:
        """Return the completion of a draw; None if it was not asked yet, or failed for no reason of its own.

        Earlier versions let a stop text end a completion in the middle of its thinking: that one is asked again.
        """
        row = self._rows.get(completion_key(draw, sampling)) if self._rows else None
        if row is None or row.completion is None or row.completion.finish_reason == "failed":
            return None
        return None if sampling.stop and was_cut(row.completion) else row.completion

    def scores(
        self, prompt: Prompt, continuations: Sequence[str], scoring: Mapping[str, Json]
    ) -> tuple[ScoredContinuation, ...] | None:
        """Return the scores of a prompt's continuations; None if they were not asked yet."""
        row = self._rows.get(score_key(prompt, continuations, scoring))
        return None if row is None else row.scores

    def known(self) -> list[Completion]:
        """Return every completion that was read."""
        return [row.completion for row in self._rows.values() if row.completion is not None]

    def add_completion(self, draw: Draw, sampling: Sampling, completion: Completion) -> None:
        """Write a completion down."""
        key = completion_key(draw, sampling)
        self._add(
            JournalRow(key, self._step, draw.prompt.digest, draw.sample, draw.own_seed, sampling, completion, None)
        )

    def add_scores(
        self,
        prompt: Prompt,
        continuations: Sequence[str],
        scoring: Mapping[str, Json],
        scores: tuple[ScoredContinuation, ...],
    ) -> None:
        """Write the scores of a prompt's continuations down."""
        key = score_key(prompt, continuations, scoring)
        self._add(JournalRow(key, self._step, prompt.digest, 0, 0, None, None, scores))

    def _add(self, row: JournalRow) -> None:
        append_record(self._file, row.checked())
        self._rows[row.key] = row

    def _acquire(self, stopping: Callable[[], bool]) -> None:
        said = False
        while True:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                if not said:
                    log.info("generate/%s: waiting for another process that asks the same teacher", self._step)
                said = True
                if stopping():
                    raise KeyboardInterrupt from None
                time.sleep(POLL_S)
            else:
                return


def completion_key(draw: Draw, sampling: Sampling) -> str:
    """Return the digest of what a completion depends on besides the teacher; other draws are not part of it."""
    return _digest([draw.prompt.digest, _how(sampling), draw.seed, draw.sample])


@cache
def _how(sampling: Sampling) -> dict[str, Json]:
    return {name: value for name, value in asdict(sampling).items() if name != "samples"}


def score_key(prompt: Prompt, continuations: Sequence[str], scoring: Mapping[str, Json]) -> str:
    """Return the digest of what scores depend on besides the teacher; `scoring` is as of `ReplyScorer`."""
    return _digest([prompt.digest, list(continuations), *([dict(scoring)] if scoring else [])])


def scoring_of(teacher: Teacher) -> Mapping[str, Json]:
    """Return what a teacher's scores depend on besides its identity."""
    return teacher.scoring() if isinstance(teacher, ReplyScorer) else {}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]
