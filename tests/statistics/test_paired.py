"""Two students, and two cells of them, on the same questions: against R, scipy, published values and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from distillrun.statistics.paired import (
    CellDifference,
    cell_difference,
    level_difference,
    mcnemar,
    run_difference,
)
from tests.simulated_cells import differs, differs_by_runs, told_apart


def first_right(counts: list[int], questions: int) -> list[list[bool]]:
    """Return runs that answer the first so many of the questions."""
    return [[n < count for n in range(questions)] for count in counts]


def test_mcnemar_counts_the_questions_that_only_one_answers() -> None:
    # 1 against 6: two-sided 2 x (C(7,0) + C(7,1)) / 2^7 = 16 / 128
    first = [True, *[False] * 6, True, False]
    second = [False, *[True] * 6, True, False]
    found, turned, alike = mcnemar(first, second), mcnemar(second, first), mcnemar(first, first)
    assert (found.only_first, found.only_second, found.p) == pytest.approx((1, 6, 0.125))
    assert (turned.only_first, turned.only_second, turned.p) == pytest.approx((6, 1, 0.125))
    assert (alike.only_first, alike.only_second, alike.p) == (0, 0, 1.0)
    assert mcnemar([True, False], [False, True]).p == 1.0
    with pytest.raises(ValueError, match="1 and 2 answers cannot be paired"):
        mcnemar([True, False], [True])


@pytest.mark.parametrize(("few", "many"), [(0, 1), (0, 6), (3, 17), (12, 12), (40, 61)])
def test_mcnemar_agrees_with_scipys_binomial_test(few: int, many: int) -> None:
    first, second = [True] * few + [False] * many, [False] * few + [True] * many
    assert mcnemar(first, second).p == pytest.approx(stats.binomtest(few, few + many).pvalue, rel=1e-12)


def test_the_interval_of_two_runs_is_bonett_and_prices() -> None:
    # the example of ci.prop.ps in R's statpsych, by Bonett himself: f00 = 12, f01 = 26, f10 = 4, f11 = 6
    first = [False] * 12 + [False] * 26 + [True] * 4 + [True] * 6
    second = [False] * 12 + [True] * 26 + [False] * 4 + [True] * 6
    difference, low, high = run_difference(first, second)
    assert difference == pytest.approx(22 / 48)
    assert (low, high) == pytest.approx((0.2548067, 0.6251933), abs=1e-7)
    assert run_difference(second, first) == pytest.approx((-22 / 48, -0.6251933, -0.2548067), abs=1e-7)


def test_runs_that_answer_alike_are_not_known_to_be_equal() -> None:
    difference, low, high = run_difference([True] * 20, [True] * 20)
    # one more question each way in 22: 1.959964 x sqrt(2 / 22 / 22)
    assert (difference, low, high) == pytest.approx((0, -0.125991, 0.125991), abs=1e-6)
    assert run_difference([False] * 3, [True] * 3)[2] == 1.0
    assert all(math.isnan(one) for one in run_difference([], []))
    with pytest.raises(ValueError, match="1 and 2 answers cannot be paired"):
        run_difference([True], [True, False])


def in_turn() -> tuple[list[list[bool]], list[list[bool]]]:
    """Return three runs that each answer every third of 100 questions, and four that answer two of five or more."""
    first = [[(n + seed) % 3 == 0 for n in range(100)] for seed in range(3)]
    second = [[(7 * n + seed * seed) % 5 < 2 + (seed == 2) for n in range(100)] for seed in range(4)]
    return first, second


def test_two_cells_differ_as_r_has_it() -> None:
    # mean squares by R 4.2's anova(lm(y ~ seed + question)) of each cell, put together in R; Welch's 4.84 degrees of
    # freedom of three and four seeds are those of three and three
    nested = cell_difference(first_right([8, 9, 8], 20), first_right([13, 14, 13], 20))
    assert nested.difference == pytest.approx(0.25)
    assert (nested.low, nested.high) == pytest.approx((-0.0437877453090, 0.5437877453090), abs=1e-10)
    assert (nested.p, nested.df) == pytest.approx((0.0774406034055, 4), abs=1e-10)
    crossed = cell_difference(*in_turn())
    expected = CellDifference(0.1166666666667, -0.0504334051343, 0.2837667384676, 0.1245961154398, 4.0)
    for name in CellDifference.__slots__:
        assert getattr(crossed, name) == pytest.approx(getattr(expected, name), abs=1e-10)


def test_where_questions_bring_nothing_it_is_welchs_test_of_the_accuracies() -> None:
    # every run answers another third of the questions, so that no question is harder than another
    counts = ([300, 270, 340], [430, 380, 350])
    first, second = (
        [[(n + 400 * seed) % 1200 < count for n in range(1200)] for seed, count in enumerate(own)] for own in counts
    )
    found = cell_difference(first, second)
    accuracies = [[count / 1200 for count in own] for own in counts]
    welch = stats.ttest_ind(accuracies[1], accuracies[0], equal_var=False)
    bounds = welch.confidence_interval()
    assert (found.p, found.df) == pytest.approx((welch.pvalue, welch.df), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)


def test_the_order_of_questions_runs_and_cells_changes_nothing_but_the_sign() -> None:
    first, second = in_turn()
    found = cell_difference(first, second)
    order = list(np.random.default_rng(0).permutation(100))
    turned_round, others = ([[run[n] for n in order] for run in cell[::-1]] for cell in (first, second))
    again = cell_difference(turned_round, others)
    assert (again.low, again.high, again.p) == pytest.approx((found.low, found.high, found.p))
    turned = cell_difference(second, first)
    assert (turned.difference, turned.low, turned.high) == pytest.approx((-found.difference, -found.high, -found.low))
    # what is compared are questions: with those of one cell in another order, the interval is another
    mixed = cell_difference(first_right([8, 9, 8], 20), [run[::-1] for run in first_right([13, 14, 13], 20)])
    assert mixed.high - mixed.low > 0.6875


def test_a_single_run_is_no_cell() -> None:
    with pytest.raises(ValueError, match="cells of 1 and 2 runs"):
        cell_difference([[True, False]], [[True, False]] * 2)
    with pytest.raises(ValueError, match="2 and 3 answers cannot be paired"):
        cell_difference([[True, False]] * 2, [[True, False, True]] * 2)
    with pytest.raises(ValueError, match="share no question"):
        cell_difference([[], []], [[], []])


def test_one_or_two_questions_are_compared_like_many() -> None:
    # one question: the runs of each cell are half right, .5 / 2 / 2 for each; the question adds nothing to that
    single = cell_difference([[True], [False]], [[True], [False]])
    assert (single.difference, single.p, single.df) == pytest.approx((0, 1, 2))
    assert single.high == 1.0
    # runs that are right in turn are all half right: what scatters is the residual, .25 in each answer
    turns = [[True, False], [False, True]]
    two = cell_difference(turns, turns)
    assert (two.low, two.high, two.df) == pytest.approx((-1, 1, 2))
    long = [[*run] * 8 for run in turns]
    sixteen = cell_difference(long, long)
    # 32 x .25 on 15 degrees of freedom, by 32 answers, of both cells; t(.975, 2) = 4.302653
    assert sixteen.high == pytest.approx(4.302653 * math.sqrt(2 * 8 / 15 / 32), rel=1e-6)


def test_runs_that_are_all_alike_leave_the_questions() -> None:
    right, wrong = [True] * 6 + [False] * 14, [True] * 2 + [False] * 18
    found = cell_difference([wrong] * 3, [right] * 3)
    assert found.df == math.inf
    # 4 of 20 questions: with one more each way, the mean is 4 / 22 and the variance (4 + 2) / 22 - (4 / 22)^2
    error = math.sqrt((6 / 22 - (4 / 22) ** 2) / 22)
    assert (found.low, found.high) == pytest.approx((0.2 - 1.959964 * error, 0.2 + 1.959964 * error), abs=1e-6)
    assert cell_difference([right] * 2, [right] * 2).p == 1.0


@pytest.mark.parametrize("sd", [0.0, 1.2, 2.8, 5.0])
def test_equal_cells_of_three_seeds_are_told_apart_in_7_of_100_sweeps_at_most(sd: float) -> None:
    assert told_apart(differs, (sd, sd), (3, 3), 0, 800) <= 0.07


@pytest.mark.parametrize(
    ("sd", "seeds"), [((2.8, 2.8), (2, 2)), ((5.0, 5.0), (6, 6)), ((0.0, 5.0), (3, 3)), ((5.0, 5.0), (2, 6))]
)
def test_nor_are_those_of_other_seeds_and_spreads(sd: tuple[float, float], seeds: tuple[int, int]) -> None:
    assert told_apart(differs, sd, seeds, 0, 600) <= 0.07


@pytest.mark.parametrize(
    ("sd", "seeds", "gap", "least"), [(0.0, 3, 5, 0.7), (1.2, 3, 10, 0.9), (1.2, 6, 5, 0.9), (2.8, 6, 10, 0.95)]
)
def test_a_real_gap_is_found(sd: float, seeds: int, gap: float, least: float) -> None:
    assert told_apart(differs, (sd, sd), (seeds, seeds), gap, 200) >= least


def test_two_runs_are_told_apart_by_their_seeds_where_cells_are_not() -> None:
    # which is why the page speaks of runs where a cell has one seed
    assert told_apart(differs_by_runs, (2.8, 2.8), (3, 3), 0, 200) > 0.25


def test_a_cell_above_a_level_is_a_cell_against_a_student_of_that_level_who_has_no_seeds() -> None:
    draw = np.random.default_rng(2)
    cell = [[bool(right) for right in draw.random(40) < 0.6] for _ in range(4)]
    level = [n % 3 == 0 for n in range(40)]
    found, peer = level_difference(cell, [float(right) for right in level]), cell_difference([level] * 4, cell)
    assert found.difference == pytest.approx(peer.difference)
    errors = [(one.high - one.low) / stats.t.ppf(0.975, one.df) for one in (found, peer)]
    assert errors[0] == pytest.approx(errors[1])
    assert peer.df < found.df < 3 + 39


def test_a_single_run_above_a_level_has_the_width_of_bonett_and_price() -> None:
    run, level = [n % 2 == 0 for n in range(30)], [n % 5 == 0 for n in range(30)]
    found = level_difference([run], [float(right) for right in level])
    _, low, high = run_difference(level, run)
    assert found.high - found.low == pytest.approx(high - low)
    assert found.df == math.inf


@pytest.mark.parametrize(("seeds", "sd"), [(1, 0.0), (3, 0.0), (3, 0.05), (5, 0.1)])
def test_cells_that_guess_are_seldom_told_from_guessing(seeds: int, sd: float) -> None:
    draw = np.random.default_rng(3)
    found = 0
    for _ in range(400):
        skill = np.clip(0.2 + sd * draw.normal(size=(seeds, 1)), 0, 1)
        cell = (draw.random((seeds, 100)) < skill).tolist()
        found += level_difference(cell, [0.2] * 100).p < 0.05
    assert found <= 0.07 * 400


def test_runs_of_other_questions_than_the_level_are_refused() -> None:
    with pytest.raises(ValueError, match="a level of 3 questions"):
        level_difference([[True, False]], [0.2, 0.2, 0.2])
