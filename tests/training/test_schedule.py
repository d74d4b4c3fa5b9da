"""Learning rates against hand-computed values."""

import pytest

from distillrun.config.schema import Schedule
from distillrun.training.schedule import learning_rate_share


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        (Schedule.linear, [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]),
        (Schedule.cosine, [1 / 3, 2 / 3, 1, 0.8535534, 0.5, 0.1464466]),
        (Schedule.constant, [1 / 3, 2 / 3, 1, 1, 1, 1]),
    ],
)
def test_the_rate_rises_and_decays(schedule: Schedule, shares: list[float]) -> None:
    made = [learning_rate_share(step, max_steps=6, warmup_steps=2, schedule=schedule) for step in range(6)]
    assert made == pytest.approx(shares, abs=1e-7)


def test_no_step_is_wasted_on_a_rate_of_zero() -> None:
    for schedule in Schedule:
        assert all(learning_rate_share(step, 10, 0, schedule) > 0 for step in range(10))
