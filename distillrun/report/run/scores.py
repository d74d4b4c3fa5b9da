"""The scores of a run with their intervals, and the score of guessing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain

from distillrun.records import Json, main_score
from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.chart import intervals
from distillrun.report.places import guessing_share, right_places
from distillrun.report.run.values import Values, finite, mapping
from distillrun.text.display import NOTHING, number, percent

COLUMNS = ("score", "value", "95 % interval", "n")


def chance_level(examples: Mapping[str, Values], predictions: Sequence[Values]) -> float | None:
    """Return how often a guess is right, over the predicted examples; None where no choices are known."""
    found = (guessing_share(examples.get(str(prediction.get("example_id")), {})) for prediction in predictions)
    known = [share for share in found if share is not None]
    return sum(known) / len(known) if known else None


def majority_level(examples: Mapping[str, Values], predictions: Sequence[Values]) -> float | None:
    """Return what a student would score that always chose the position which is right most often; None if unknown."""
    predicted = [examples.get(str(prediction.get("example_id")), {}) for prediction in predictions]
    right = [places for example in predicted if (places := right_places(example))]
    counts = Counter(chain.from_iterable(right))
    return max(counts.values()) / len(right) if right and len(right) == len(predicted) else None


def score_section(scores: Values, chance: float | None, majority: float | None) -> Section | None:
    """Return the section of the scores of answers; None where there are none."""
    if not scores:
        return None
    table = score_table(scores)
    shares = [drawable for name, score in scores.items() if (drawable := _share(name, mapping(score))) is not None]
    drawn = [one for one in shares if "accuracy" in one[0]] or shares
    level = chance if any("accuracy" in name for name, *_ in drawn) else None
    blocks: list[Block] = [table]
    if drawn:
        caption = "Dots are the measured shares, lines their 95 % intervals."
        blocks.insert(0, Figure(partial(intervals, drawn, level), caption, Table((), ())))
    if level is not None:
        always = (
            "" if majority is None else f" Always choosing the same position would score {percent(majority)} at most."
        )
        blocks.append(Paragraph(_against_chance(scores, level) + always))
    return Section("Scores", blocks)


def score_table(scores: Values) -> Table:
    """Return scores with their intervals, a row each."""
    return Table(COLUMNS, [_row(name, mapping(score)) for name, score in scores.items()], frozenset({1, 2, 3}))


def baseline_section(scores: Values, baselines: Values) -> Section | None:
    """Return the accuracies of the student and of its baselines; None where there is no baseline."""
    if not baselines:
        return None
    everyone = {**{who: mapping(found) for who, found in baselines.items()}, "student": dict(scores)}
    names = [
        name
        for name in dict.fromkeys(name for found in everyone.values() for name in found)
        if name.startswith("test/") and name.endswith("accuracy")
    ]
    rows = [
        [
            name.removeprefix("test/"),
            *(_with_interval(mapping(found.get(name))) if name in found else NOTHING for found in everyone.values()),
        ]
        for name in names
    ]
    columns = ("", *everyone)
    text = (
        "The untrained student, the same student trained on labels alone for as many steps, and the teacher; "
        "accuracies with their 95 % intervals over questions. Each student is a single run: with other seeds, "
        "students with close scores may change places."
    )
    return Section("Baselines", [Paragraph(text), Table(columns, rows, frozenset(range(1, len(columns))))])


def _with_interval(score: Values) -> str:
    _, value, interval, _ = _row("", dict(score))
    return f"{value} ({interval})"


def headline(scores: Values) -> str:
    """Return the run's main score with its interval; empty where it has none."""
    name = main_score(scores)
    if not name:
        return ""
    _, value, interval, count = _row(name, mapping(scores[name]))
    return f"{name} {value} (95 % interval {interval}, n = {count})"


def _against_chance(scores: Values, chance: float) -> str:
    name = main_score(scores)
    low, high = (finite(mapping(scores.get(name)).get(end)) for end in ("low", "high"))
    guessing = f"Guessing would score {percent(chance)}"
    if low is None or high is None or not (name.startswith("test/") and name.endswith("accuracy")):
        return f"{guessing}."
    if low > chance:
        return f"{guessing}; the whole interval of {name} lies above that."
    if high < chance:
        return f"{guessing}; the whole interval of {name} lies below that."
    return f"{guessing}; the interval of {name} contains that, so nothing better than guessing is shown."


def _row(name: str, score: dict[str, Json]) -> tuple[str, str, str, str]:
    value, low, high = (finite(score.get(key)) for key in ("value", "low", "high"))
    write = percent if _share(name, score) is not None else number
    interval = NOTHING if low is None or high is None else f"{write(low)} to {write(high)}"
    return name, NOTHING if value is None else write(value), interval, number(score.get("n"))


def _share(name: str, score: dict[str, Json]) -> tuple[str, float, float, float] | None:
    value, low, high = (finite(score.get(key)) for key in ("value", "low", "high"))
    if score.get("unit", "share") != "share":
        return None
    if value is None or low is None or high is None or not 0 <= low <= value <= high <= 1:
        return None
    return name, value, low, high
