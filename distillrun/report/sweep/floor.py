"""The comparison of a sweep's best cell with floors that need no student: guessing, and the commonest position."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from distillrun.report.comparison.words import ALPHA, p_phrase
from distillrun.report.places import guessing_share, right_places
from distillrun.report.sweep.grid import Grid, Levels
from distillrun.report.sweep.job import SweepJob
from distillrun.statistics.paired import CellDifference, level_difference


@dataclass(frozen=True, slots=True)
class Floor:
    """A baseline without a student: its name in a table and in a sentence, and its chance on each question."""

    name: str
    phrase: str
    right: Mapping[str, float]

    @property
    def share(self) -> float:
        """The share of all questions that it answers right."""
        return fmean(self.right.values())


@dataclass(frozen=True, slots=True)
class Standing:
    """The distance of a cell above a floor; `p` is corrected for the number of cells that it was chosen from."""

    floor: Floor
    difference: CellDifference
    p: float

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        if self.p >= ALPHA:
            return "not shown to be better than"
        return "better than" if self.difference.difference > 0 else "worse than"


def floors(jobs: Sequence[SweepJob]) -> list[Floor]:
    """Return guessing and always naming the commonest position, on the questions that were asked."""
    rows = next((rows for job in jobs if (rows := job.predictions())), [])
    first = rows[0].get("evaluator") if rows else None
    asked = {str(row.get("id")): row for row in rows if row.get("evaluator") == first}
    guesses = {name: share for name, row in asked.items() if (share := guessing_share(row)) is not None}
    if not asked or len(guesses) < len(asked):
        return []
    found = [Floor("guessing", "guessing", guesses)]
    right = {name: right_places(row) for name, row in asked.items()}
    counts = Counter(place for places in right.values() for place in places)
    if counts:
        commonest = counts.most_common(1)[0][0]
        always = {name: float(commonest in right[name]) for name in asked}
        found.append(Floor("most frequent position", "always choosing the most frequent position", always))
    return found


def standings(grid: Grid, levels: Levels, found: Sequence[Floor]) -> list[Standing]:
    """Return how far a cell lies above each floor; none where it is not known which questions its runs answered."""
    answers = [job.answers(grid.metric) for job in grid.measured.get(levels, ())]
    standing = []
    for floor in found:
        shared = [name for name in floor.right if all(name in own for own in answers)]
        if answers and shared:
            cell = [[own[name] for name in shared] for own in answers]
            difference = level_difference(cell, [floor.right[name] for name in shared])
            standing.append(Standing(floor, difference, min(1.0, difference.p * len(grid.measured))))
    return standing


def floor_sentences(found: Sequence[Standing], cells: int, seeds: int) -> str:
    """Return whether the best of some cells beats the floors, by how much, and how sure that is; empty without any."""
    if not found:
        return ""
    verdicts: dict[str, list[str]] = {}
    for one in found:
        verdicts.setdefault(one.verdict, []).append(one.floor.phrase)
    told = " and ".join(f"{verdict} {' and '.join(names)}" for verdict, names in verdicts.items())
    head = f"The best of {cells} cells is {told}: " if cells > 1 else f"The cell is {told}: "
    drawn = (
        "Seeds and questions are treated as random samples"
        if seeds > 1
        else "Questions are treated as a random sample; a single run says nothing about other seeds"
    )
    chosen = f"; p is corrected for the choice among {cells} cells." if cells > 1 else "."
    return head + ", ".join(map(_distance, found)) + f". {drawn}{chosen}"


def _distance(one: Standing) -> str:
    points, low, high = (100 * value for value in (one.difference.difference, one.difference.low, one.difference.high))
    side = "below" if points < 0 else "above"
    bounds = f"95 % interval {low:+.2f} to {high:+.2f}, {p_phrase(one.p)}"
    return f"{abs(points):.2f} points {side} {one.floor.phrase} ({100 * one.floor.share:.2f} %; {bounds})"
