"""Averages over seeds against hand-computed values."""

import pytest

from distillrun.sweep.cells import aligned, cell_lines, cells


def test_jobs_that_differ_in_the_seed_alone_are_one_cell() -> None:
    jobs = [
        (["objective=a", "training.seed=0"], {"test/accuracy": 0.5, "test/accuracy_parsed": 1.0}),
        (["objective=b", "training.seed=0"], {"test/accuracy": 0.9}),
        (["objective=a", "training.seed=1"], {"test/accuracy": 0.6, "test/accuracy_parsed": 1.0}),
        (["objective=a", "training.seed=2"], {"test/accuracy": 0.7}),
    ]
    first, second = cells(jobs)
    assert (first.label, first.seeds, second.label, second.seeds) == ("objective=a", 3, "objective=b", 1)
    # mean .6, standard deviation .1, t(.975, 2) = 4.302653: half-width .1 / sqrt(3) * 4.302653 = .248414
    assert first.scores == {"test/accuracy": pytest.approx((0.6, 0.351586, 0.848414), abs=1e-6)}
    lines = aligned(cell_lines([first, second])).splitlines()
    assert lines[0].split() == ["mean", "over", "seeds", "n", "accuracy"]
    assert lines[1].split() == ["objective=a", "3", "60.0", "%", "[35.2,", "84.8]"]
