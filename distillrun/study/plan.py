"""The assignment of items to raters: Latin squares, drawn by a seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from distillrun.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Item:
    """One text shown to a rater. `student` and `question` are empty in an attention check, which has `expected`.

    Attributes:
        code: names it in questionnaires and answers, and tells nothing.
        student, question: whose explanation of which question.
        expected: the point that a check asks for, from 1; 0 of a real item.
    """

    code: str
    student: str = ""
    question: str = ""
    expected: int = 0


def plan(
    students: Sequence[str],
    questions: Sequence[str],
    raters: int,
    per_rater: int,
    wanted: int | None,
    checks: int,
    points: int,
    seed: int,
) -> list[list[Item]]:
    """Return the items of each rater, in the order in which they are shown.

    Raters come in blocks of as many as there are students. A block rates the same questions, and the i-th of it sees
    the j-th question with the (i + j)-th student: a Latin square, in which every question is seen with every student
    once and no rater sees a question twice. The next block takes the next questions, around in a circle.

    Args:
        students: their names.
        questions: those that all of them explained.
        raters, per_rater: how many raters, and explanations for each.
        wanted: how many questions are used; None = so many that every explanation is rated about twice.
        checks: attention checks for each rater.
        points: of the scale.
        seed: of everything that is drawn.

    Raises:
        ConfigError: there are too few questions or raters.

    Source: Fisher 1935, The Design of Experiments, chapter 5.
    """
    for name, value in (("--raters", raters), ("--per-rater", per_rater)):
        if value < 2:
            raise ConfigError(f"{name} {value} must be 2 or more")
    if checks < 0:
        raise ConfigError(f"--attention-checks {checks} must be 0 or more")
    count = max(per_rater, raters * per_rater // (2 * len(students))) if wanted is None else wanted
    count = min(count, len(questions)) if wanted is None else count
    if count > len(questions):
        raise ConfigError(f"--questions {count}: the students explained {len(questions)} questions in common")
    if count < per_rater:
        raise ConfigError(
            f"{count} questions are too few for --per-rater {per_rater}, since nobody rates a question twice"
        )
    random = Random(f"study/{seed}")
    used = random.sample(list(questions), count)
    codes = _codes(random, raters * (per_rater + checks))
    found = []
    for rater in range(raters):
        block, place = divmod(rater, len(students))
        items = [
            Item(next(codes), students[(place + j) % len(students)], used[(block * per_rater + j) % count])
            for j in range(per_rater)
        ]
        random.shuffle(items)
        for check in range(checks):
            at = random.randrange(1, len(items) + 1)
            items.insert(at, Item(next(codes), expected=1 if (rater + check) % 2 else points))
        found.append(items)
    return found


def _codes(random: Random, count: int) -> Iterator[str]:
    """Return different codes; the letter before keeps a spreadsheet from reading 12e345 as a number."""
    return iter(f"x{code:06x}" for code in random.sample(range(16**6), count))
