"""The problems of a sweep, and the work that it reused."""

from collections import Counter
from collections.abc import Sequence

from distillrun.files.inside import read_text
from distillrun.report.page.block import Block, Paragraph, Section, Table
from distillrun.report.run.values import finite, mapping
from distillrun.report.sweep.grid import Grid, label
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.reading import Sweeps
from distillrun.statistics.collapse import collapsed
from distillrun.statistics.interval import wilson
from distillrun.text.display import NOTHING, duration, number, shortened


def trouble_section(grid: Grid, sweeps: Sweeps, chance: float | None) -> Section:
    """Return the jobs that did not end well, with their reasons, and those that ended but should not be trusted."""
    blocks: list[Block] = [Paragraph(text, "bad") for text in sweeps.complaints]
    if rows := [_row(job) for job in sweeps.jobs if job.state != "done"]:
        blocks.append(Table(("job", "state", "wall time", "why", "settings"), rows, frozenset({2}), name="not_done"))
    else:
        blocks.append(Paragraph(f"All {len(sweeps.jobs)} jobs are done."))
    blocks += [Paragraph(text, "bad") for text in flags(grid, chance)]
    if grid.repeated:
        names = ", ".join(job.name for job in grid.repeated)
        blocks.append(
            Paragraph(f"Jobs that repeat another job's settings and seed, and are not counted twice: {names}.")
        )
    return Section("What failed or collapsed", blocks)


def flags(grid: Grid, chance: float | None) -> list[str]:
    """Return a sentence for each run that collapsed or diverged, and each cell with runs no better than guessing."""
    found = []
    for levels, jobs in grid.measured.items():
        is_accuracy = grid.is_share and "accuracy" in grid.metric
        fell = collapsed(grid.values(levels), chance or 0.0) if is_accuracy else [False] * len(jobs)
        gain = "scores (the score of guessing is not known)" if chance is None else "gains over chance"
        found += [
            f"{job.name} ({label(levels)}) collapsed: {grid.metric} {100 * job.scores[grid.metric]:.2f} %, less than "
            f"three quarters of what its cell's median run {gain}."
            for job, has_fallen in zip(jobs, fell, strict=True)
            if has_fallen
        ]
        if chance is not None and grid.is_share:
            guessing = [job.name for job in jobs if _guesses(job, grid.metric, chance)]
            if guessing:
                told = f"{len(guessing)} of {len(jobs)} runs are not shown to be better than guessing"
                names = ", ".join(guessing[:8]) + (", …" if len(guessing) > 8 else "")
                found.append(f"{label(levels)}: {told} ({100 * chance:.1f} %): {names}.")
    for job in [job for own in grid.cells.values() for job in own]:
        if lost := sum("train/loss" in line and finite(line["train/loss"]) is None for line in job.metrics):
            found.append(f"{job.name} diverged: its loss was not finite at {lost} of the logged steps.")
    return found


def reuse_section(jobs: Sequence[SweepJob]) -> Section | None:
    """Return how often each stage was made and how often found in the store; None where no stage is known."""
    made: Counter[str] = Counter()
    reused: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    saved: dict[str, list[float]] = {}
    for job in jobs:
        for name, stage in mapping(job.result.get("stages")).items():
            values = mapping(stage)
            took = finite(values.get("made_in_s")) or 0.0
            if values.get("cached") is True:
                reused[name] += 1
                saved.setdefault(name, []).append(took)
            else:
                made[name] += 1
                seconds.setdefault(name, []).append(took)
    rows = [
        (name, str(made[name]), str(reused[name]), *(duration(sum(took.get(name, ()))) for took in (seconds, saved)))
        for name in dict.fromkeys([*made, *reused])
    ]
    if not rows:
        return None
    table = Table(("stage", "made", "reused", "time to make", "time saved"), rows, frozenset(range(1, 5)), name="reuse")
    asked = [mapping(mapping(job.result.get("teacher")).get("asked_now")) for job in jobs]
    totals = {
        key: sum(finite(one.get(key)) or 0.0 for one in asked) for key in ("requests", "completion_tokens", "usd")
    }
    told = (
        f"Requests that these runs sent to teachers (others were in the store): {totals['requests']:,.0f} requests, "
        f"{totals['completion_tokens']:,.0f} completion tokens, US$ {number(totals['usd'])}."
    )
    return Section("What was reused", [table, Paragraph(told)])


def _row(job: SweepJob) -> tuple[str, ...]:
    settings = " ".join(f"{key}={value}" for key, value in job.overrides.items()) or NOTHING
    return job.name, job.state, duration(job.job.get("seconds")), shortened(_reason(job), 300), shortened(settings, 300)


def _reason(job: SweepJob) -> str:
    """Return why a job did not end well: what its result says, or the last line of its log."""
    if error := job.result.get("error"):
        return str(error)
    try:
        lines = read_text(job.folder, "run.log", "replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if last:
        return f"last words: {last}"
    code = finite(job.job.get("exit_code"))
    return NOTHING if code is None else f"exit code {code:g}"


def _guesses(job: SweepJob, metric: str, chance: float) -> bool:
    score = mapping(mapping(job.result.get("scores")).get(metric))
    value, n = job.scores[metric], finite(score.get("n"))
    if n is None or n < 1:
        return False
    low, _ = wilson(min(round(value * n), int(n)), int(n))
    return low <= chance
