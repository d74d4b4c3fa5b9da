"""Pages as one self-contained HTML file: no script, no outside resource, and a policy that forbids both."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from distillrun.report.page.block import Figure, Page, Section
from distillrun.report.page.copying import comma_separated, distinct, latex
from distillrun.report.page.picture import inline
from distillrun.text.display import plain

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
FEWEST = 4
"""Sections of a page that has a table of contents."""


def html(page: Page) -> str:
    """Return the page as HTML. Every text is escaped; only charts, see `distillrun.report.page.picture`, are markup."""
    anchors = list(distinct([(_anchor(section), section) for section in page.sections]))
    contents = [(anchor, section.title) for anchor, section in zip(anchors, page.sections, strict=True)]
    return (
        _pages()
        .get_template("page.html.jinja")
        .render(
            page=page,
            anchors=anchors,
            contents=contents if len(contents) >= FEWEST else [],
            policy=Markup(POLICY),
            style=Markup(_file("page.css")),
        )
    )


@cache
def _pages() -> Environment:
    """Return the environment of the templates, which cleans and escapes every value that they show."""
    pages = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters |= {
        "kind": lambda block: type(block).__name__,
        "drawing": _drawn,
        "latex": latex,
        "comma_separated": comma_separated,
    }
    return pages


def _file(name: str) -> str:
    return files("distillrun.report.page").joinpath(name).read_text(encoding="utf-8")


def _cleaned(value: object) -> object:
    return value if isinstance(value, Markup) else plain(str(value))


def _drawn(figure: Figure, width: float) -> Markup:
    return Markup(inline(figure.draw, width))


def _anchor(section: Section) -> str:
    return re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
