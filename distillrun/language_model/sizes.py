"""The dimensions of a small model. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

TOKENIZER_FILE = Path(__file__).with_name("tiny_tokenizer.json")
"""Byte-level BPE that `scripts/build_tiny_tokenizer` trained; it keeps every character of every text."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The dimensions of a small model: blocks (of encoder and decoder each), widths in units, dropout as a fraction."""

    layers: int
    width: int
    heads: int
    feed_forward_width: int
    dropout: float

    def problems(self) -> list[str]:
        """Return what is wrong with the sizes."""
        counts = {"layers": self.layers, "width": self.width, "heads": self.heads}
        counts["feed_forward_width"] = self.feed_forward_width
        problems = [f"student.{name}={count} must be 1 or more" for name, count in counts.items() if count < 1]
        if not problems and self.width % self.heads:
            problems.append(f"student.width={self.width} must be a multiple of student.heads={self.heads}")
        if not 0 <= self.dropout < 1:
            problems.append(f"student.dropout={self.dropout} must be from 0 to below 1")
        return problems
