"""The cells of a sweep: jobs that differ in nothing but the training seed, averaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.statistics.interval import share_interval

SEED = "training.seed="


@dataclass(frozen=True, slots=True)
class Cell:
    """Jobs with equal settings. `scores` maps a score's name to (mean over seeds, low, high), the t interval."""

    label: str
    seeds: int
    scores: Mapping[str, tuple[float, float, float]]


def cells(jobs: Sequence[tuple[Sequence[str], Mapping[str, float]]]) -> list[Cell]:
    """Return the cells of finished jobs, in the order of their first jobs; of each, the scores that all its jobs have.

    Args:
        jobs: of each job, its own settings, and its scores by name.
    """
    groups: dict[str, list[Mapping[str, float]]] = {}
    for settings, scores in jobs:
        label = " ".join(line for line in settings if not line.startswith(SEED))
        groups.setdefault(label, []).append(scores)
    return [
        Cell(
            label,
            len(rows),
            {name: share_interval([row[name] for row in rows]) for name in rows[0] if all(name in row for row in rows)},
        )
        for label, rows in groups.items()
    ]


def cell_lines(found: Sequence[Cell]) -> list[tuple[str, ...]]:
    """Return the cells as lines of a table, shares in percent."""
    names = list(dict.fromkeys(name for cell in found for name in cell.scores))
    header = ("mean over seeds", "n", *(name.removeprefix("test/") for name in names))
    rows = [(cell.label or "-", str(cell.seeds), *(_shown(cell.scores.get(name)) for name in names)) for cell in found]
    return [header, *rows]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as columns for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _shown(score: tuple[float, float, float] | None) -> str:
    if score is None:
        return "-"
    mean, low, high = (100 * value for value in score)
    return f"{mean:.1f} % [{low:.1f}, {high:.1f}]" if low == low else f"{mean:.1f} %"  # one seed has no interval
