"""The ratings, and the exclusion of those that don't count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.study.texts import POINTS

Rule = Literal["bad-rows", "duplicates", "failed-checks"]
RULES: tuple[Rule, ...] = ("bad-rows", "duplicates", "failed-checks")
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of answers as it was given.

    Attributes:
        where: file and row, for messages.
        rater, model: who rated whose explanation.
        item: which explanation; empty where the table does not tell.
        given: construct -> what stands there.
        length: words of the explanation; None where the table does not tell.
        about: column -> what raters say of themselves.
        expected: the point that an attention check asks for; 0 of a real item.
    """

    where: str
    rater: str
    model: str
    item: str
    given: Mapping[str, object]
    length: float | None
    about: Mapping[str, str]
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Rating:
    """One explanation as one rater rated it; `values` by construct, 1 to 5."""

    where: str
    rater: str
    model: str
    item: str
    values: Mapping[str, int]
    length: float | None
    about: Mapping[str, str]

    @property
    def quality(self) -> float:
        """The mean of the constructs."""
        return fmean(self.values.values())


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings that count, and what was found on the way.

    Attributes:
        rows: those that count.
        constructs: in order.
        notes: what a reader must know: what was left out by which rule, and what failed and was kept.
    """

    rows: Sequence[Rating]
    constructs: tuple[str, ...]
    notes: Sequence[str] = field(default=())

    @property
    def models(self) -> list[str]:
        """The models in alphabetical order."""
        return sorted({row.model for row in self.rows})


def checked(answers: Sequence[Answer], constructs: Sequence[str], rules: Sequence[Rule]) -> Ratings:
    """Return the ratings that count.

    A row whose ratings are not whole numbers from 1 to 5, or that rates an item a second time, is refused, or left out
    where the rule says so. A failed attention check is reported; with its rule, all of its rater's rows are left out.

    Raises:
        ConfigError: naming the rows and the rule that leaves them out; or fewer than two models or raters are left.
    """
    notes = []
    wrong = {answer.where: problem for answer in answers if (problem := _problem(answer, constructs))}
    notes += _left_out("bad-rows", wrong, rules, "cannot be used")
    kept = [answer for answer in answers if answer.where not in wrong]
    again = _duplicates(kept)
    notes += _left_out("duplicates", again, rules, "rate an explanation that the rater has already rated")
    kept = [answer for answer in kept if answer.where not in again]
    failed = {
        answer.where: f"{answer.rater} chose {_given(answer)} where {answer.expected} was asked for"
        for answer in kept
        if answer.expected and any(value != answer.expected for value in _values(answer).values())
    }
    careless = {answer.rater for answer in kept if answer.where in failed}
    if failed:
        listed = _listed(failed)
        head = f"Attention checks failed, by {len(careless)} of {len({answer.rater for answer in kept})} raters"
        if "failed-checks" in rules:
            kept = [answer for answer in kept if answer.rater not in careless]
            notes.append(f"{head}, who are left out: {listed}.")
        else:
            notes.append(f"{head}, who are kept: {listed}. --drop failed-checks leaves them out.")
    rows = [
        Rating(one.where, one.rater, one.model, one.item, _values(one), one.length, one.about)
        for one in kept
        if not one.expected
    ]
    if not any(row.item for row in rows):
        notes.append(
            "No row names its item, so repeated ratings of one explanation cannot be found, and the model has no "
            "intercepts for explanations."
        )
    return _enough(Ratings(rows, tuple(constructs), notes))


def _enough(found: Ratings) -> Ratings:
    raters = {row.rater for row in found.rows}
    if len(found.models) < 2:
        told = f"one model only, {found.models[0]!r}" if found.models else "no model"
        raise ConfigError(f"the ratings are of {told}: there is nothing to compare; add the answers about another")
    if len(raters) < 2:
        raise ConfigError(f"the ratings are of {len(raters)} rater; a study needs two or more")
    return found


def _left_out(rule: Rule, wrong: Mapping[str, str], rules: Sequence[Rule], what: str) -> list[str]:
    if not wrong:
        return []
    said = f"that {what} ({len(wrong)}): {_listed(wrong)}"
    if rule not in rules:
        raise ConfigError(f"rows {said}; fix them, or leave them out with --drop {rule}")
    return [f"Rows {said}; left out."]


def _listed(found: Mapping[str, str]) -> str:
    shown = [f"{where}: {problem}" for where, problem in list(found.items())[:SHOWN]]
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(shown) + more


def _problem(answer: Answer, constructs: Sequence[str]) -> str:
    if not answer.rater:
        return "it names no rater"
    if not answer.model and not answer.expected:
        return "it names no model"
    given = {name: answer.given.get(name) for name in constructs}
    told = [
        f"{name} is missing" if value in (None, "") else f"{name}={value!r} is not a whole number from 1 to {POINTS}"
        for name, value in given.items()
        if point(value) is None
    ]
    return ", ".join(told)


def point(value: object) -> int | None:
    """Return a point of the scale; None for anything else."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return int(number) if number in range(1, POINTS + 1) else None


def _values(answer: Answer) -> dict[str, int]:
    return {name: number for name, value in answer.given.items() if (number := point(value)) is not None}


def _given(answer: Answer) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(_values(answer).values()))


def _duplicates(answers: Sequence[Answer]) -> dict[str, str]:
    """Return the rows in which a rater rates an explanation again, where the table names explanations."""
    first: dict[tuple[str, str], str] = {}
    found = {}
    for answer in answers:
        key = (answer.rater, answer.item)
        if answer.item and key in first:
            found[answer.where] = f"{answer.rater} rated {answer.item} in {first[key]}"
        elif answer.item:
            first[key] = answer.where
    return found
