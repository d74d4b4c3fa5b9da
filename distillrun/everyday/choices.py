"""Wrong choices, drawn so that neither how often a text is offered nor how often it is right gives the answer away."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from distillrun.everyday.base import Base, Fact

CHOICES = 5


def draw_choices(facts: Sequence[Fact], base: Base, random: Random) -> list[tuple[tuple[str, ...], int]]:
    """Return the choices of each fact's question, and the place of the right one among them.

    A value that is right for n of the facts of its relation is wanted as a wrong choice 4 n times, so that of the
    times that it is offered it is right in one of five. Draws prefer the values that are furthest behind. Right choices
    take each place equally often.
    """
    wanted = Counter({(fact.relation, fact.value): 0 for fact in facts})
    for fact in facts:
        wanted[fact.relation, fact.value] += CHOICES - 1
    allowed = [base.wrong_values(fact) for fact in facts]
    drawn: list[list[str]] = [[] for _ in facts]
    # the facts with the fewest possible wrong choices first, since the others can wait
    for index in sorted(range(len(facts)), key=lambda n: (len(allowed[n]), random.random())):
        relation = facts[index].relation
        keys = {value: _key(wanted[relation, value], random) for value in allowed[index]}
        drawn[index] = sorted(keys, key=lambda value: -keys[value])[: CHOICES - 1]
        wanted.subtract((relation, value) for value in drawn[index])
    return [
        _placed(fact.value, wrong, place, random)
        for fact, wrong, place in zip(facts, drawn, _places(len(facts), random), strict=True)
    ]


def _key(wanted: int, random: Random) -> float:
    """Return a sort key that makes the largest keys a draw without replacement, weighted by what is wanted.

    Source: Efraimidis and Spirakis 2006, weighted random sampling, https://doi.org/10.1016/j.ipl.2005.11.003
    """
    return float(random.random() ** (1 / max(wanted, 0.01)))


def _places(count: int, random: Random) -> list[int]:
    places = [n % CHOICES for n in range(count)]
    random.shuffle(places)
    return places


def _placed(right: str, wrong: Sequence[str], place: int, random: Random) -> tuple[tuple[str, ...], int]:
    order = random.sample(wrong, len(wrong))
    return (*order[:place], right, *order[place:]), place
