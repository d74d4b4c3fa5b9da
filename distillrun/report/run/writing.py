"""The page of one run, written into its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from distillrun.report.page.files import write_page
from distillrun.report.run.content import run_page
from distillrun.report.run.values import Values, by_id


def write_report(
    folder: Path,
    result: Values,
    config: Values,
    metrics: Sequence[Values],
    predictions: Sequence[Values],
    examples: Mapping[str, Values] | Sequence[Values],
    data: Values,
) -> None:
    """Write `report.md` and `report.html`. Any piece may be empty, so that a run that failed has a page too.

    Args:
        folder: the run folder.
        result: what `result.json` holds.
        config: the resolved config, already without secrets.
        metrics: lines of `metrics.jsonl`.
        predictions: predictions of one evaluator, as stored.
        examples: the examples that were asked, as stored; by id or in a list.
        data: counts of the teacher's data, nested as wanted: a mapping of mappings becomes a table.
    """
    page = run_page(result, config, metrics, predictions, by_id(examples), data)
    write_page(folder, page)
