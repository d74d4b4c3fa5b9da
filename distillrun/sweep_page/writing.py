"""The page of one or several sweeps, from folders to files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distillrun.comparison.compare import Comparison, Observation, compare, without_outliers
from distillrun.comparison.sections import outlier_section, variance_sections
from distillrun.comparison.words import change_sentences
from distillrun.comparison.writing import plain_numbers
from distillrun.report.block import Block, Code, Page, Paragraph, Section, State, Table
from distillrun.report.copying import csv_text
from distillrun.report.files import write_page, write_whole
from distillrun.sweep_page.figures import bar_section, cost_section, curve_section, heat_section
from distillrun.sweep_page.grid import Grid, grid_of, label
from distillrun.sweep_page.questions import PairOnQuestions, paired, question_section
from distillrun.sweep_page.reading import Sweeps, read_sweeps
from distillrun.sweep_page.results import CellRow, cell_rows, cell_table, job_rows
from distillrun.sweep_page.tables import amount, baselines, main_section, score_section, span, versions
from distillrun.sweep_page.troubles import flags, reuse_section, trouble_section


def write_sweep_page(folders: Sequence[Path], out: Path, command: str = "", rule: str = "none") -> Page:
    """Write the page of sweeps, and return it.

    Jobs may still run, or have failed. Into `out`: report.html, report.md, results.csv (a row for each job), cells.csv,
    sweep.json, tables/ and plots/. In a sweep's own folder, sweep.json keeps what the sweep wrote into it.

    Args:
        folders: of sweeps, or of single runs; at least one.
        out: a folder that is there.
        command: what asked for this page, where that was not the sweep itself.
        rule: none or iqr: whether the tests leave outlying runs out; both results are told where they differ.

    Raises:
        ConfigError: as in `read_sweeps`, before anything is written.
    """
    sweeps = read_sweeps(folders)
    grid = grid_of(sweeps.jobs)
    rows = cell_rows(grid)
    whole, kept = _compared(grid)
    pairs = paired(grid)
    floor = baselines(sweeps.jobs)
    page = _page(sweeps, grid, rows, whole, kept, pairs, floor, command, rule)
    write_whole(out / "results.csv", csv_text(*job_rows(grid)))
    write_whole(out / "cells.csv", csv_text(*cell_table(grid, rows)))
    write_page(out, page)
    values = _values(sweeps, grid, rows, whole, kept, pairs, floor)
    write_whole(out / "sweep.json", json.dumps(_beside(out, values), indent=1, ensure_ascii=False) + "\n")
    return page


def page_at_the_end(sweep: Path) -> str:
    """Write the page of a sweep into its folder, and return a line that says so; a page that fails costs no result."""
    try:
        write_sweep_page([sweep], sweep)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return f"the page of the sweep could not be written ({reason}); distillrun report {sweep} tries again"
    return f"report: {sweep / 'report.html'}"


def _compared(grid: Grid) -> tuple[Comparison | None, Comparison | None]:
    """Return the statistics of all measured runs, and without outlying ones; None where there is nothing to compare."""
    scale = 100.0 if grid.is_share else 1.0
    runs = [
        Observation(levels, scale * job.scores[grid.metric], job.name)
        for levels, jobs in grid.measured.items()
        for job in jobs
    ]
    # a factor whose other levels have no measured run yet cannot be tested
    varied = [place for place in range(len(grid.factors)) if len({run.levels[place] for run in runs}) > 1]
    if not varied:
        return None, None
    names = [grid.factors[place] for place in varied]
    own = [Observation(tuple(run.levels[place] for place in varied), run.value, run.where) for run in runs]
    return compare(names, own), compare(names, without_outliers(own)[0])


def _page(
    sweeps: Sweeps,
    grid: Grid,
    rows: Sequence[CellRow],
    whole: Comparison | None,
    kept: Comparison | None,
    pairs: Sequence[PairOnQuestions],
    floor: Sequence[tuple[str, float]],
    command: str,
    rule: str,
) -> Page:
    chance = dict(floor).get("guessing")
    sections: list[Section | None] = []
    if grid.measured:
        sections += [main_section(grid, rows, floor), bar_section(grid, rows, chance), heat_section(grid, rows)]
        sections += [score_section(grid, rows)]
    sections.append(trouble_section(grid, sweeps, chance))
    if whole is not None and kept is not None:
        sections += [*variance_sections(kept if rule == "iqr" else whole), outlier_section(whole, kept)]
    sections += [question_section(grid, pairs), curve_section(grid, chance)]
    sections += [cost_section(grid) if grid.measured else None, reuse_section(sweeps.jobs), _made(sweeps, command)]
    status, state = _status(sweeps)
    names = list(dict.fromkeys(job.sweep.name for job in sweeps.jobs))
    return Page(
        title=", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""),
        status=status,
        state=state,
        summary=_summary(grid, rows),
        sections=[section for section in sections if section is not None],
        wide=True,
    )


def _status(sweeps: Sweeps) -> tuple[str, State]:
    states = [job.state for job in sweeps.jobs]
    waiting = sum(state in ("running", "not finished", "waiting") for state in states)
    failed = len(states) - waiting - states.count("done")
    if failed:
        return f"{failed} of {len(states)} jobs failed", "bad"
    return (f"{waiting} of {len(states)} jobs not finished", "plain") if waiting else ("done", "good")


def _summary(grid: Grid, rows: Sequence[CellRow]) -> str:
    measured = [row for row in rows if row.seeds]
    if not measured:
        return "No job has a score yet."
    best = max(measured, key=lambda row: row.scores[grid.metric][0])
    mean, low, high = best.scores[grid.metric]
    unit = " %" if grid.is_share else ""
    runs = sum(row.seeds for row in measured)
    told = f"Best of {len(measured)} cells" if len(measured) > 1 else "One cell"
    interval = "" if low != low else f" (95 % interval {span(low, high, grid.is_share)})"
    shown = amount(mean, grid.is_share)
    return f"{told}: {label(best.levels)} with {grid.metric} {shown}{unit}{interval}; {runs} runs count."


def _made(sweeps: Sweeps, command: str) -> Section:
    commands = [*sweeps.commands, *([command] if command else [])]
    blocks: list[Block] = [Code("\n".join(commands))] if commands else [Paragraph("The command was not written down.")]
    if found := versions(sweeps.jobs):
        blocks.append(Table(("", ""), found))
    return Section("Command and versions", blocks)


def _values(
    sweeps: Sweeps,
    grid: Grid,
    rows: Sequence[CellRow],
    whole: Comparison | None,
    kept: Comparison | None,
    pairs: Sequence[PairOnQuestions],
    floor: Sequence[tuple[str, float]],
) -> dict[str, Any]:
    """Return everything on the page as plain values."""
    chance = dict(floor).get("guessing")
    values = {
        "folders": list(dict.fromkeys(str(job.sweep) for job in sweeps.jobs)),
        "commands": list(sweeps.commands),
        "metric": grid.metric,
        "factors": list(grid.factors),
        "baselines": dict(floor),
        "cells": [asdict(row) for row in rows],
        "jobs": [{"name": job.name, "state": job.state, **job.job} for job in sweeps.jobs],
        "complaints": list(sweeps.complaints),
        "flags": flags(grid, chance),
        "tests": None if whole is None else {"all": asdict(whole), "without_outliers": asdict(kept or whole)},
        "turned_by_the_outlier_rule": [] if whole is None or kept is None else change_sentences(whole, kept),
        "questions": [asdict(pair) for pair in pairs],
    }
    made: dict[str, Any] = plain_numbers(values)
    return made


def _beside(out: Path, values: dict[str, Any]) -> Mapping[str, Any]:
    """Return the values under "report" of the sweep's own sweep.json where it lies in `out`, else by themselves."""
    try:
        there = json.loads((out / "sweep.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    return {**there, "report": values} if isinstance(there, dict) and "jobs" in there else {"report": values}
