"""Round numbers along axes."""

from itertools import pairwise

import pytest

from distillrun.report.page.axis import ticks


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.03), (1, 500), (-3, 7), (2, 2), (0, 12345)])
def test_ticks_span_the_range_with_few_round_numbers(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 8
    assert all(later > earlier for earlier, later in pairwise(found))
