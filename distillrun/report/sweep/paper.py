"""The arms of arXiv:2504.16056 in a sweep, compared with the published figures."""

import math
from collections.abc import Sequence
from statistics import stdev

from distillrun.report.page.block import Paragraph, Section, Table
from distillrun.report.sweep.grid import Grid, level
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.published import SIZES, Published, published
from distillrun.report.sweep.results import CellRow
from distillrun.report.sweep.tables import percent
from distillrun.statistics.interval import welch_interval
from distillrun.text.display import NOTHING

FAMILIES = ("paper", "as_published")
BEST = "best on dev"
CHOSEN = (
    f"Students of “{BEST}” (training.keep=best) are the best of all their dev checks; the published ones were tested "
    "after their last step. That helps most where runs collapse late, so part of the difference is due to this choice; "
    "training.keep=last makes the comparison fair."
)


def paper_section(grid: Grid, rows: Sequence[CellRow]) -> Section | None:
    """Return the cells of experiments of the paper with the published mean, sd and n; None where there are none."""
    body = []
    for row in rows:
        jobs = grid.measured.get(row.levels, ())
        family, _, arm = level(jobs[0], "experiment").partition("/") if jobs else ("", "", "")
        if family in FAMILIES and grid.is_share:
            student, values = level(jobs[0], "student"), grid.values(row.levels)
            mean = row.scores[grid.metric][0]
            sd = stdev(values) if len(values) > 1 else math.nan
            own = (100 * mean, 100 * sd, len(values))
            told = [_told(arm, size) for size in SIZES.values()]
            steps = ", ".join(sorted({_tested(job) for job in jobs}))
            by = _difference(published(arm, SIZES.get(student, "")), own)
            body.append((f"{family}/{arm}", student, steps, percent(mean), percent(sd), str(len(values)), *told, *by))
    if not body:
        return None
    sizes = [f"published, {size}" for size in SIZES.values()]
    columns = ("arm", "student", "tested step", "mean", "sd", "n", *sizes, "difference", "95 % interval")
    intro = (
        f"{grid.metric} in percent. Published: mean ± standard deviation (runs) of T5 v1.1 base (220M) and large "
        "(770M), all runs of arXiv:2504.16056 including outliers, each tested after its last step. A student of "
        "another size cannot be compared. The interval of the difference is Welch's, over the seeds of both."
    )
    notes = [Paragraph(intro)]
    if any(BEST in steps for _, _, steps, *_ in body):
        notes.append(Paragraph(CHOSEN))
    table = Table(columns, body, frozenset(range(3, len(columns))), name="published")
    return Section("Comparison with the published figures", [*notes, table])


def _difference(found: Published | None, own: tuple[float, float, int]) -> tuple[str, str]:
    """Return the difference of means, ours less the published one, and its interval."""
    if found is None:
        return NOTHING, NOTHING
    difference, low, high = welch_interval((found.mean, found.sd, found.n), own)
    return f"{difference:+.2f}", NOTHING if low != low else f"{low:+.2f} to {high:+.2f}"


def _tested(job: SweepJob) -> str:
    """Return which step of a job's student was tested."""
    kept = level(job, "training.keep")
    return BEST if kept == "best" else kept


def _told(arm: str, size: str) -> str:
    found = published(arm, size)
    return NOTHING if found is None else f"{found.mean:.2f} ± {found.sd:.2f} ({found.n})"
