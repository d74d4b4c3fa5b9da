"""The weight of one of several objectives over the steps of a training."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class PartWeight:
    """A weight that may change while the student trains.

    Attributes:
        start, end: 0 or more.
        schedule: constant: `start` all along; linear, cosine: from `start` to `end`, which it keeps from then on.
        until: the share of the training after which `end` is reached, above 0 up to 1.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}

    start: float
    end: float
    schedule: Literal["constant", "linear", "cosine"]
    until: float

    def at(self, progress: float) -> float:
        """Return the weight after a share of the training, from 0 to below 1."""
        if self.schedule == "constant":
            return self.start
        done = min(progress / self.until, 1.0)
        if self.schedule == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return self.start + (self.end - self.start) * done
