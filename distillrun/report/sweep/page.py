"""The page of a sweep, from what was found to its sections."""

from pathlib import Path

from distillrun.report.comparison.sections import outlier_section, variance_sections
from distillrun.report.page.block import Block, Code, Page, Paragraph, Section, State, Table
from distillrun.report.sweep.figures import bar_section, cost_section, curve_section, heat_section
from distillrun.report.sweep.findings import Findings
from distillrun.report.sweep.floor import floor_sentences
from distillrun.report.sweep.grid import label
from distillrun.report.sweep.leakage import leakage_section
from distillrun.report.sweep.paper import paper_section
from distillrun.report.sweep.question_section import question_section, standing
from distillrun.report.sweep.reading import Sweeps
from distillrun.report.sweep.tables import amount, main_section, score_section, span, versions
from distillrun.report.sweep.troubles import reuse_section, trouble_section


def sweep_page(found: Findings, command: str, rule: str, out: Path) -> Page:
    """Return the page.

    Args:
        found: what it says.
        command: what asked for it, where that was not the sweep itself.
        rule: none or iqr: whether the tests leave outlying runs out.
        out: the folder that it will lie in, from which it links the pages of the runs.
    """
    grid, rows, jobs = found.grid, found.rows, found.sweeps.jobs
    sections: list[Section | None] = []
    if grid.measured:
        sections += [main_section(grid, rows, found.floor_shares, out), bar_section(grid, rows, found.chance)]
        sections += [heat_section(grid, rows), paper_section(grid, rows), score_section(grid, rows)]
    sections.append(trouble_section(grid, found.sweeps, found.chance))
    if found.whole is not None and found.kept is not None:
        leading = found.kept if rule == "iqr" else found.whole
        sections += [*variance_sections(leading), outlier_section(found.whole, found.kept)]
    sections += [question_section(grid, found.pairs), leakage_section(jobs), curve_section(grid, found.chance)]
    sections += [cost_section(grid) if grid.measured else None, reuse_section(jobs), _made(found.sweeps, command)]
    status, state = _status(found.sweeps)
    names = list(dict.fromkeys(job.sweep.name for job in jobs))
    return Page(
        title=", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""),
        status=status,
        state=state,
        summary=_summary(found),
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


def _summary(found: Findings) -> str:
    """Return whether the cell of the highest mean beats what needs no student, and how far it stands out."""
    grid, best = found.grid, found.best
    measured = [row for row in found.rows if row.seeds]
    if best is None:
        return "No job has a score yet."
    mean, low, high = best.scores[grid.metric]
    unit = " %" if grid.is_share else ""
    of = f"{best.seeds} seeds" if best.seeds > 1 else "the questions of one run"
    interval = "" if low != low else f" (95 % interval {span(low, high, grid.is_share)}, over {of})"
    head = f"The highest mean of {len(measured)} cells" if len(measured) > 1 else "One cell"
    told = f"{head}: {label(best.levels)} with {grid.metric} {amount(mean, grid.is_share)}{unit}{interval}"
    told += f"; {sum(row.seeds for row in measured)} runs count."
    sentences = (floor_sentences(found.standings, len(measured), best.seeds), told, standing(best.levels, found.pairs))
    return " ".join(sentence for sentence in sentences if sentence)


def _made(sweeps: Sweeps, command: str) -> Section:
    commands = [*sweeps.commands, *([command] if command else [])]
    blocks: list[Block] = [Code("\n".join(commands))] if commands else [Paragraph("The command was not recorded.")]
    if found := versions(sweeps.jobs):
        blocks.append(Table(("", ""), found))
    return Section("Command and versions", blocks)
