"""Sampled texts that were cut off are told of in the log and on the page of a run."""

from distillrun.report.page.block import Figure, Paragraph
from distillrun.report.run.learning import learning_section
from distillrun.text.cut_samples import told_of_cut_samples


def rows(*shares: float) -> list[dict[str, float]]:
    return [{"step": 10.0 * step, "train/cut_share": share} for step, share in enumerate(shares, 1)]


def test_the_mean_the_first_and_the_last_share_are_told() -> None:
    told = told_of_cut_samples([*rows(0.5, 0.25, 0.0), {"step": 30.0, "dev/accuracy": 0.5}])
    assert told.startswith("25.0 % of the texts sampled in a step were cut off")
    assert "(first 50.0 %, last 0.0 %)" in told
    assert "objective.max_new_tokens" in told


def test_nothing_is_told_where_none_was_cut_or_none_was_sampled() -> None:
    assert told_of_cut_samples(rows(0.0, 0.0)) == ""
    assert told_of_cut_samples([{"step": 10.0, "train/loss": 2.0}]) == ""


def test_a_run_page_draws_the_share_and_says_it() -> None:
    section = learning_section(rows(0.5, 0.25), None)
    assert section is not None
    assert any(isinstance(block, Figure) and "cut off" in block.caption for block in section.blocks)
    assert any(isinstance(block, Paragraph) and "37.5 %" in block.text for block in section.blocks)
