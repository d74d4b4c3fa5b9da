"""The order of the choices of questions: where it gives the right answer away, it can be shuffled."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from distillrun.records import Example
from distillrun.records import place as place_of

FEWEST = 20
"""Questions below which all right answers may stand at one place by chance."""

_log = logging.getLogger(__name__)


def shuffled(example: Example, seed: int) -> Example:
    """Return a question with its choices in an order that its id and the seed draw."""
    order = list(range(len(example.choices)))
    Random(f"{seed}/{example.id}").shuffle(order)
    answer = None if example.answer is None else order.index(place_of(example.answer))
    return replace(example, choices=tuple(example.choices[place] for place in order), answer=answer)


def warn_of_one_place(examples: Sequence[Example], cure: str) -> None:
    """Warn where the right answers of different choices all stand at one place, which alone would tell them."""
    answers = {example.answer for example in examples}
    if len(examples) >= FEWEST and len(answers) == 1 and len({example.choices for example in examples}) > 1:
        (place,) = answers
        _log.warning(
            "task: the right answer is choice %s of every question, so that its place alone tells it; set %s",
            None if place is None else place_of(place) + 1,
            cure,
        )
