"""The restricted likelihood at its edges, where a fit of real data does not come."""

import numpy as np
import pytest

from distillrun.statistics.mixed import _pooled
from distillrun.statistics.reml import Likelihood, slopes


def test_a_deviation_that_is_nought_is_found_at_its_bound() -> None:
    # the means of all groups are equal, so the intercepts vary less than chance alone would make them
    outcome = [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5]
    groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    (intercepts, residual), found = Likelihood(outcome, np.ones((8, 1)), [groups]).best()
    assert found
    assert 0 <= intercepts < 1e-6
    # then the residual is that of the mean alone
    assert residual**2 == pytest.approx(np.var(outcome, ddof=1) / np.var(outcome, ddof=1), rel=1e-6)


def test_slopes_are_exact_for_polynomials_of_four_degrees() -> None:
    def function(at: "list[float] | tuple[float, ...]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        x, y = at
        return np.array([x**4 - 2 * x * y, y**3])

    found = slopes(function, [2.0, -1.0])  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [[34.0, 0.0], [-4.0, 3.0]], atol=1e-9)


def test_an_f_of_which_a_part_has_two_degrees_has_two() -> None:
    # where a df is 2 or less, F has no mean; lmerTest's get_Fstat_ddf gives 2
    assert _pooled([2.0, 5.0]) == 2.0
    assert _pooled([1.5, 5.0]) == 2.0
    assert _pooled([4.0, 4.0]) == 4.0
    # E(F) is the mean of df / (df - 2): 2 + 1.5 over two parts, of which 2 * 3.5 / (3.5 - 2) is the inverse
    assert _pooled([4.0, 6.0]) == pytest.approx(2 * 3.5 / 1.5)
