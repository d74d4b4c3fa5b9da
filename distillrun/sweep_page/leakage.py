"""Whether judges favour students of the teachers that they are: where two teachers judged each other's students."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from statistics import fmean

from distillrun.comparison.words import shown
from distillrun.records import Json
from distillrun.report.block import Paragraph, Section, Table
from distillrun.report.values import finite, sequence
from distillrun.statistics.leakage import preference_leakage, win_rate
from distillrun.sweep_page.job import SweepJob
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
        rates = [found for one, other in product(taught[i], taught[j]) if (found := _rates(one, other, i, j))]
        if rates:
            means = tuple(fmean(values) for values in zip(*rates, strict=True))
            try:
                score = shown(preference_leakage(*means))
            except ValueError:
                continue
            rows.append((i, j, *(shown(value) for value in means), score))
    if not rows:
        return None
    text = (
        "Win rates of the student of each of two teachers against the other's, under either as the judge, by the mean "
        "of the constructs on the same questions. A leakage above 0: the judges favour their own (arXiv:2502.01534)."
    )
    columns = ("teacher i", "teacher j", "i by i", "i by j", "j by j", "j by i", "leakage")
    return Section(
        "Preference leakage", [Paragraph(text), Table(columns, rows, frozenset(range(2, 7)), name="leakage")]
    )


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


def _rates(
    one: Mapping[str, Quality], other: Mapping[str, Quality], i: str, j: str
) -> tuple[float, float, float, float] | None:
    """Return WR(i, i), WR(i, j), WR(j, j) and WR(j, i) of the students of i and j; None where a judge is lacking."""
    if not all(judge in judged for judge in (i, j) for judged in (one, other)):
        return None
    rates = {}
    for judge in (i, j):
        shared = sorted(set(one[judge]) & set(other[judge]))
        if not shared:
            return None
        rates[judge] = win_rate([one[judge][n] for n in shared], [other[judge][n] for n in shared])
    return rates[i], rates[j], 1 - rates[j], 1 - rates[i]
