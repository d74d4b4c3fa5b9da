"""Preference leakage: two teachers that judged each other's students."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from distillrun.records import Json
from distillrun.report.comparison.words import shown
from distillrun.report.page.block import Paragraph, Section, Table
from distillrun.report.run.values import finite, sequence
from distillrun.report.sweep.job import SweepJob
from distillrun.statistics.leakage import Wins, leakage_of, win
from distillrun.text.display import NOTHING
from distillrun.tracking.jsonl import read_metrics

Quality = Mapping[str, float]
"""Question -> the mean rating of its explanation by one judge."""


def leakage_section(jobs: Sequence[SweepJob]) -> Section | None:
    """Return the preference leakage of every two teachers that judged students of both; None where none did."""
    taught: dict[str, list[dict[str, Quality]]] = {}
    for job in jobs:
        for teacher, judged in _judged(job):
            taught.setdefault(teacher, []).append(judged)
    rows = []
    for i, j in combinations(sorted(taught), 2):
        pairs = [wins for one, other in product(taught[i], taught[j]) if (wins := _wins(one, other, i, j))]
        if not pairs:
            continue
        try:
            found = leakage_of(pairs)
        except ValueError:
            continue
        low, high = found.interval
        span = f"{shown(low)} to {shown(high)}" if low == low else NOTHING
        numbers = (*(shown(value) for value in found.rates), shown(found.score), span)
        rows.append((i, j, f"{len(taught[i])} and {len(taught[j])}", *numbers))
    if not rows:
        return None
    text = (
        "Win rates between the students of two teachers, with either teacher as the judge, by the mean of the "
        "constructs on the same questions (arXiv:2502.01534). Where the whole interval of a leakage lies above 0, the "
        "judges favour their own students. The interval is over questions (percentile bootstrap), so it says nothing "
        "about other students of the same teachers."
    )
    columns = ("teacher i", "teacher j", "students", "i by i", "i by j", "j by j", "j by i", "leakage", "95 % interval")
    table = Table(columns, rows, frozenset(range(2, 9)), name="leakage")
    return Section("Preference leakage", [Paragraph(text), table])


def _judged(job: SweepJob) -> Iterator[tuple[str, dict[str, Quality]]]:
    """Yield the one teacher of a job's student with what each judge made of its explanations, by the judge's model."""
    for file in sorted((job.folder / "measures").glob("*.jsonl")):
        found: dict[str, dict[str, float]] = {}
        teachers: set[tuple[Json, ...]] = set()
        for row in read_metrics(file):
            quality = finite(row.get("quality"))
            if "judge_model" in row and quality is not None:
                teachers.add(tuple(sequence(row.get("taught_by"))))
                found.setdefault(str(row["judge_model"]), {})[str(row.get("example_id"))] = quality
        if len(teachers) == 1 and len(own := next(iter(teachers))) == 1:
            yield str(own[0]), dict(found)


def _wins(one: Mapping[str, Quality], other: Mapping[str, Quality], i: str, j: str) -> tuple[Wins, Wins] | None:
    """Return on which questions the student of i beats that of j, by the judges i and j; None where one is missing."""
    if not all(judge in judged for judge in (i, j) for judged in (one, other)):
        return None
    by_i, by_j = (
        {n: win(value, other[judge][n]) for n, value in one[judge].items() if n in other[judge]} for judge in (i, j)
    )
    return (by_i, by_j) if by_i and by_j else None
