"""The outcomes of the faults of one kind."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one kind of fault.

    Attributes:
        name: of the kind.
        tried: faults that were made.
        wrong: what went wrong, a sentence each: work lost or asked twice, other bytes, a traceback, silence.
        skipped: what this machine does not permit, and why.
        notes: figures for the report.
    """

    name: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def expect(self, held: bool, otherwise: str) -> None:
        """Count one fault, and what is wrong unless the expectation held."""
        self.tried += 1
        if not held:
            self.wrong.append(otherwise)

    def line(self) -> str:
        """Return the row of the table."""
        parts = [
            f"{self.name:<28} {self.tried:>8,} tried {self.tried - len(self.wrong):>8,} held {len(self.wrong):>5} wrong"
        ]
        parts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        return "  ".join([*parts, *self.notes])
