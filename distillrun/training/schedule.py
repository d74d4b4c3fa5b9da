"""The learning rate as a pure function of the step."""

import math

from distillrun.config.schema import Schedule


def learning_rate_share(step: int, max_steps: int, warmup_steps: int, schedule: Schedule) -> float:
    """Return the share of the peak learning rate that a step uses, in (0, 1].

    It rises linearly over `warmup_steps` steps, then decays to 0 at `max_steps`, which no step uses.

    Args:
        step: counted from 0.
        max_steps, warmup_steps, schedule: as in the training settings.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    progress = (step - warmup_steps) / max(max_steps - warmup_steps, 1)
    shares = {
        Schedule.linear: 1 - progress,
        Schedule.cosine: (1 + math.cos(math.pi * progress)) / 2,
        Schedule.constant: 1.0,
    }
    return shares[schedule]
