"""Files of a page, each written whole or not at all, without following links, and without what looks like a key."""

from pathlib import Path

from distillrun.files.inside import write_whole
from distillrun.report.page.block import Page
from distillrun.report.page.copying import comma_separated, latex, named_figures, named_tables
from distillrun.report.page.html import html
from distillrun.report.page.markdown import markdown
from distillrun.report.page.picture import svg_and_png
from distillrun.text.secret import hide


def write_page(folder: Path, page: Page, name: str = "report") -> None:
    """Write `report.md` and `report.html`, named tables into `tables/` (CSV, LaTeX), named charts into `plots/`
    (SVG, PNG).

    Args:
        folder: where they go.
        page: what they show.
        name: of the two files, another than `report`.
    """
    for title, table in named_tables(page).items():
        write_whole(folder, f"tables/{title}.csv", hide(comma_separated(table)))
        write_whole(folder, f"tables/{title}.tex", hide(latex(table)))
    for title, figure in named_figures(page).items():
        svg, png = svg_and_png(figure.draw)
        write_whole(folder, f"plots/{title}.svg", hide(svg))
        write_whole(folder, f"plots/{title}.png", png)
    write_whole(folder, f"{name}.md", hide(markdown(page)))
    write_whole(folder, f"{name}.html", hide(html(page)))
