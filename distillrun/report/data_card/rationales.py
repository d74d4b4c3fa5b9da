"""Counts and rates over the rationales of one kind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import quantiles

from distillrun.records import Example, Json, Rationale, answer_text
from distillrun.text.rationale_features import has_ended, names, names_another, negates, runs_on, words
from distillrun.text.refusal import hedges, refusal

EDGES = (5, 10, 15, 20, 30, 40, 60, 80, 120, 200)
"""Upper ends of the bars of a length histogram, in words; longer texts share the last one."""


@dataclass(frozen=True)
class Row:
    """A rationale with the example that it is about."""

    rationale: Rationale
    example: Example

    @cached_property
    def words(self) -> int:
        """The number of words of the cleaned text."""
        return words(self.rationale.text)

    @property
    def choice(self) -> str:
        """The choice that is argued for."""
        return answer_text(self.example, self.rationale.supports)


def rationale_counts(rows: Sequence[Row]) -> dict[str, Json]:
    """Return counts of rationales of one kind; shares are of all of them. `rows` is not empty."""
    lengths = sorted(row.words for row in rows)
    quarters = quantiles(lengths, n=4) if len(lengths) > 1 else [lengths[0]] * 3
    found: Counter[str] = Counter()
    for row in rows:
        found.update(_traits(row))
    return {
        "rationales": len(rows),
        "examples": len({row.example.id for row in rows}),
        "distinct texts": len({row.rationale.text for row in rows}),
        "mean words": round(sum(lengths) / len(rows), 1),
        "words, quartiles": ", ".join(f"{quarter:g}" for quarter in quarters),
        **{name: round(found[name] / len(rows), 4) for name in TRAITS},
    }


TRAITS = (
    "name their choice",
    "name another choice",
    "hold a negation",
    "deny their choice",
    "refuse",
    "empty",
    "cut off",
    "run on",
)
"""What a rationale may be like, as shares."""


def _traits(row: Row) -> list[str]:
    rationale, text = row.rationale, row.rationale.text
    holds = (
        names(text, row.choice),
        names_another(rationale, row.example),
        negates(text),
        hedges(text),
        refusal(text) == "refused",
        not text.strip(),
        not has_ended(rationale),
        runs_on(rationale),
    )
    return [name for name, is_so in zip(TRAITS, holds, strict=True) if is_so]


def length_histogram(rows: Sequence[Row]) -> dict[str, Json]:
    """Return how many texts have how many words, by ranges such as "11-15"."""
    counts = Counter(next((edge for edge in EDGES if row.words <= edge), 0) for row in rows)
    lows = (0, *(edge + 1 for edge in EDGES))
    named = {f"{low}-{edge}": counts[edge] for low, edge in zip(lows, EDGES, strict=False)}
    return {**named, f"over {EDGES[-1]}": counts[0]}
