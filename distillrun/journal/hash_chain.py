"""The hash chain over the lines of a ledger.

Each line adds a cost, and holds the sum so far, the digest of the line before it, and a digest over all that.
A line that was changed is noticed by its own digest, and one that was taken out by the line after it; either way the
sums in the lines that follow stay right. What a ledger lost at its end is proven by the journal alone, see
`journal_cost`.
The digests are not a signature: anyone who recomputes them can write anything.
Lines without sum and digest are of earlier versions; they stand at the beginning, and the first later line covers them.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field

from distillrun.journal.request_cost import FIELDS, Cost, read_cost

NOTHING = Cost()
_SHORT = 16
_ROUNDING = 1e-9


@dataclass(slots=True)
class HashChain:
    """The chain as far as its lines were read.

    Attributes:
        proven: the sum by the last line that follows from those before it.
        digest: of that line.
        largest: the greatest figures of one request.
        size: bytes that were read.
        lines: how many.
        flaws: what is wrong, in words, and with which line.
    """

    proven: Cost = NOTHING
    digest: str = ""
    largest: Cost = NOTHING
    size: int = 0
    lines: int = 0
    flaws: list[str] = field(default_factory=list)
    _is_chained: bool = False
    _inserted: Cost = NOTHING
    _doubtful: list[Cost] = field(default_factory=list)

    @property
    def total(self) -> Cost:
        """The sum, with lines that prove nothing at the most that they may have held."""
        total = self.proven.plus(self._inserted)
        for most in self._doubtful:
            total = total.plus(most)
        return total

    def after(self, added: Cost) -> Cost:
        """Return the sum after a further line; rounding carries none below zero."""
        return self.proven.plus(added).or_more(NOTHING)

    def line(self, added: Cost) -> bytes:
        """Return the line that would follow and add so much."""
        numbers = json.dumps([*added.figures, *self.after(added).figures])[1:-1]
        return f'[{numbers}, "{self.digest}", "{_link(self.digest, numbers)}"]\n'.encode()

    def read(self, content: bytes) -> None:
        """Take in further lines; a last one without its line break is torn."""
        *lines, torn = content.split(b"\n")
        for line in lines:
            self._take(line)
        if torn:
            self.lines += 1
            self._doubt(self._one_request, "is torn")
        self.size += len(content)

    def _take(self, line: bytes) -> None:
        self.lines += 1
        entry = _parse(line)
        if entry is None:
            self._doubt(self._one_request.plus(_glued(line)), "holds no entry")
        elif entry.total is None and self._can_add(entry.added) and not self._is_chained:
            self._insert_doubtful()
            self._follow(entry.added, self.after(entry.added), _link(self.digest, entry.numbers))
        elif entry.total is None and self._can_add(entry.added):
            # written by an earlier version while this one was at work
            self._doubt(entry.added.or_more(NOTHING), "has no digest")
        elif entry.total is None or not entry.total.is_possible:
            self._doubt(self._one_request, "holds impossible totals")
        elif entry.digest != _link(entry.before, entry.numbers):
            self._doubt(self._one_request, "was changed")
        elif entry.total.requests < self.proven.requests:
            self._doubt(NOTHING, "is older than the one before it")
        else:
            if entry.before == self.digest:
                self._insert_doubtful()  # they stand between two lines that follow from each other
            elif not self._doubtful:
                self.flaws.append(f"something is missing before line {self.lines}")
            self._doubtful.clear()  # what was changed or taken out is in the sum
            self._follow(entry.added, entry.total, entry.digest, is_chained=True)

    def _follow(self, added: Cost, total: Cost, digest: str, is_chained: bool = False) -> None:
        self.proven, self.digest = total, digest
        self._is_chained = self._is_chained or is_chained
        if added.requests == 1:
            self.largest = self.largest.or_more(added)

    def _doubt(self, most: Cost, reason: str) -> None:
        self._doubtful.append(most)
        self.flaws.append(f"line {self.lines} {reason}")

    def _insert_doubtful(self) -> None:
        for most in self._doubtful:
            self._inserted = self._inserted.plus(most)
        self._doubtful.clear()

    @property
    def _one_request(self) -> Cost:
        return self.largest.or_more(Cost(1))

    def _can_add(self, added: Cost) -> bool:
        """Return whether a line may add so much: a request, or the correction of one."""
        if added.requests:
            return added.is_possible
        least = zip(added.figures, self.largest.figures, strict=True)
        return all(own >= -most * (1 + _ROUNDING) for own, most in least)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line taken apart; `total` and what follows are those of later versions, `numbers` is the text of the first two.

    `before` is the digest of the line before it, and `digest` that of `before` and `numbers`.
    """

    added: Cost
    total: Cost | None = None
    numbers: str = ""
    before: str = ""
    digest: str = ""


def _parse(line: bytes) -> _Entry | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list):
        return None
    count = len(FIELDS)
    added, total, digests = read_cost(values[:count]), read_cost(values[count : 2 * count]), values[2 * count :]
    if added is None:
        return None
    if len(values) == count:
        return _Entry(added, numbers=line.decode())
    if total is None or len(digests) != 2 or not all(isinstance(digest, str) for digest in digests):
        return None
    return _Entry(added, total, line.decode().strip()[1:].rsplit(", ", 2)[0], *digests)


def _glued(line: bytes) -> Cost:
    """Return what the whole line of an earlier version holds that was written behind a torn one."""
    found = re.search(rb".(\[[^\[\]]*\])$", line)
    entry = _parse(found[1]) if found else None
    return NOTHING if entry is None else entry.added.or_more(NOTHING)


def _link(digest: str, numbers: str) -> str:
    return hashlib.sha256(f"{digest}\n{numbers}".encode()).hexdigest()[:_SHORT]
