"""What the rationales of one kind are like, in counts and shares."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from distillrun.records import Example, Json, Rationale
from distillrun.refusal import hedges, refusal
from distillrun.traits import has_ended, names, names_another, runs_on, words

EDGES = (5, 10, 15, 20, 30, 40, 60, 80, 120, 200)
"""Upper ends of the bars of a length histogram, in words; longer texts share the last one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A rationale with the example that it is about."""

    rationale: Rationale
    example: Example


def rationale_counts(rows: Sequence[Row]) -> dict[str, Json]:
    """Return counts of rationales of one kind; shares are of all of them. `rows` is not empty."""
    lengths = sorted(words(row.rationale.text) for row in rows)
    quarters = quantiles(lengths, n=4) if len(lengths) > 1 else [lengths[0]] * 3

    def share(hits: int) -> float:
        return round(hits / len(rows), 4)

    return {
        "rationales": len(rows),
        "examples": len({row.example.id for row in rows}),
        "distinct texts": len({row.rationale.text for row in rows}),
        "mean words": round(sum(lengths) / len(rows), 1),
        "words, quartiles": ", ".join(f"{quarter:g}" for quarter in quarters),
        "name their choice": share(
            sum(names(row.rationale.text, row.example.choices[row.rationale.supports]) for row in rows)
        ),
        "name another choice": share(sum(names_another(row.rationale, row.example) for row in rows)),
        "deny their choice": share(sum(hedges(row.rationale.text) for row in rows)),
        "refuse": share(sum(refusal(row.rationale.text) == "refused" for row in rows)),
        "empty": share(sum(not row.rationale.text.strip() for row in rows)),
        "cut off": share(sum(not has_ended(row.rationale) for row in rows)),
        "run on": share(sum(runs_on(row.rationale) for row in rows)),
    }


def length_histogram(rows: Sequence[Row]) -> dict[str, Json]:
    """Return how many texts have how many words, by ranges such as "11-15"."""
    counts = Counter(next((edge for edge in EDGES if words(row.rationale.text) <= edge), 0) for row in rows)
    lows = (0, *(edge + 1 for edge in EDGES))
    named = {f"{low}-{edge}": counts[edge] for low, edge in zip(lows, EDGES, strict=False)}
    return {**named, f"over {EDGES[-1]}": counts[0]}


def verdicts(rows: Sequence[Row]) -> dict[str, Json]:
    """Return, for each verdict of the teacher on its own rationales, how many of them are right and wrong.

    Rationales of examples whose answer is not known, and those without a verdict, are left out.
    """
    table: dict[str, Json] = {}
    for verdict in ("right", "wrong", "uncertain"):
        judged = [row for row in rows if row.rationale.verdict == verdict and row.example.answer is not None]
        right = sum(row.rationale.kind == "factual" for row in judged)
        if judged:
            table[f"judged {verdict}"] = {"argue for the right choice": right, "for a wrong one": len(judged) - right}
    return table
