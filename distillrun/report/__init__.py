"""The page of a run: one list of blocks from plain data, written as HTML and as Markdown."""

from distillrun.report.run import write_report

__all__ = ["write_report"]
