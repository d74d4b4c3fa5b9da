"""Files of a page, each written whole or not at all."""

from pathlib import Path

from distillrun.folder import write_whole
from distillrun.report.block import Figure, Page
from distillrun.report.copying import comma_separated, latex, named_figures, named_tables
from distillrun.report.markdown import markdown
from distillrun.report.page import html


def write_page(folder: Path, page: Page) -> None:
    """Write `report.md` and `report.html`, named tables into `tables/` (CSV, LaTeX), named drawings into `plots/`."""
    for name, table in named_tables(page).items():
        (folder / "tables").mkdir(exist_ok=True)
        write_whole(folder / "tables" / f"{name}.csv", comma_separated(table))
        write_whole(folder / "tables" / f"{name}.tex", latex(table))
    for name, figure in named_figures(page).items():
        _write_plot(folder / "plots", name, figure)
    write_whole(folder / "report.md", markdown(page))
    write_whole(folder / "report.html", html(page))


def _write_plot(folder: Path, name: str, figure: Figure) -> None:
    from distillrun.report.picture import png, svg_file  # matplotlib takes a second that other pages need not wait

    folder.mkdir(exist_ok=True)
    write_whole(folder / f"{name}.svg", svg_file(figure.svg))
    write_whole(folder / f"{name}.png", png(figure.svg))
