"""Files of a page, each written whole or not at all."""

from pathlib import Path

from distillrun.report.block import Page
from distillrun.report.copying import comma_separated, latex, named_tables
from distillrun.report.markdown import markdown
from distillrun.report.page import html


def write_page(folder: Path, page: Page) -> None:
    """Write `report.md`, `report.html`, and each named table as `tables/<name>.csv` and `.tex`."""
    write_whole(folder / "report.md", markdown(page))
    write_whole(folder / "report.html", html(page))
    for name, table in named_tables(page).items():
        (folder / "tables").mkdir(exist_ok=True)
        write_whole(folder / "tables" / f"{name}.csv", comma_separated(table))
        write_whole(folder / "tables" / f"{name}.tex", latex(table))


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file beside its place first, so that nobody reads half of it."""
    unfinished = file.with_name(f"{file.name}.tmp")
    unfinished.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    unfinished.replace(file)
