"""Pages as one self-contained HTML file: no script, no outside resource, and a policy that forbids both."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from urllib.parse import quote

from distillrun.report.page.block import Block, Card, Code, Figure, Page, Paragraph, Story, Table
from distillrun.report.page.copying import comma_separated, latex
from distillrun.text.display import plain

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(page: Page) -> str:
    """Return the page as HTML. Every text is escaped; only drawings, see `distillrun.report.page.chart`, are markup."""
    style = files("distillrun.report.page").joinpath("page.css").read_text(encoding="utf-8")
    sections = "\n".join(
        f"<section>\n<h2>{_clean(section.title)}</h2>\n{_blocks(section.blocks)}\n</section>"
        for section in page.sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{_clean(page.title)} · distillrun</title>
<style>
{style}</style>
</head>
<body{' class="wide"' if page.wide else ""}>
<header>
<h1>{_clean(page.title)} <span class="badge {page.state}">{_clean(page.status)}</span></h1>
<p class="summary">{_clean(page.summary)}</p>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def _blocks(blocks: Sequence[Block]) -> str:
    return "\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f'<p class="{block.state}">{_clean(block.text)}</p>'
    if isinstance(block, Code):
        return f"<pre><code>{_clean(block.text)}</code></pre>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return f"<figure>\n{block.svg}\n<figcaption>{_clean(block.caption)}</figcaption>\n</figure>"
    if isinstance(block, Story):
        return _story(block)
    return _card(block)


def _story(story: Story) -> str:
    tags = {"same": "span", "added": "ins", "removed": "del"}
    parts = []
    for label, pieces in story.parts:
        text = " ".join(f"<{tags[one.mark]}>{_clean(one.text)}</{tags[one.mark]}>" for one in pieces)
        parts.append(f"<dt>{_clean(label)}</dt><dd>{text}</dd>")
    return f"<article>\n<h3>{_clean(story.title)}</h3>\n<dl>{''.join(parts)}</dl>\n</article>"


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col"{_aligned(table, index)}>{_clean(text)}</th>' for index, text in enumerate(table.columns)
    )
    head = f"<thead><tr>{head}</tr></thead>\n" if any(table.columns) else ""
    pages = table.pages or [""] * len(table.rows)
    body = "\n".join(f"<tr>{_cells(table, row, page)}</tr>" for row, page in zip(table.rows, pages, strict=True))
    shown = f'<div class="scroll"><table>\n{head}<tbody>\n{body}\n</tbody></table></div>'
    if not table.name:
        return shown
    copies = "\n".join(f"<pre><code>{_clean(text)}</code></pre>" for text in (latex(table), comma_separated(table)))
    return f"{shown}\n<details><summary>as LaTeX and CSV</summary>\n{copies}\n</details>"


def _cells(table: Table, row: Sequence[str], page: str) -> str:
    first, *rest = row
    head = f'<a href="{address(page)}">{_clean(first)}</a>' if page else _clean(first)
    cells = [f"<td{_aligned(table, index)}>{_clean(text)}</td>" for index, text in enumerate(rest, start=1)]
    return f'<th scope="row">{head}</th>' + "".join(cells)


def _aligned(table: Table, index: int) -> str:
    return ' class="number"' if index in table.numbers else ""


def _card(card: Card) -> str:
    choices = []
    for choice in card.choices:
        marks = [
            f'<span class="mark {state}">{word}</span>'
            for word, state, holds in (
                ("right one", "good", choice.gold),
                ("answered", "good" if choice.gold else "bad", choice.predicted),
            )
            if holds
        ]
        choices.append(f"<li>{_clean(choice.text)} {' '.join(marks)}</li>")
    texts = [
        f"<dt>{label}</dt><dd>{_clean(text)}</dd>"
        for label, text in (("student", card.text), ("rationale", card.rationale))
        if text
    ]
    listed = f'<ol type="a">{"".join(choices)}</ol>\n' if choices else ""
    written = f"<dl>{''.join(texts)}</dl>\n" if texts else ""
    verdict = f'<span class="badge {card.state}">{_clean(card.verdict)}</span>'
    return f"<article>\n<h3>{_clean(card.question)} {verdict}</h3>\n{listed}{written}</article>"


def address(page: str) -> str:
    """Return the path of a file as a link from its page, which can lead nowhere else, whatever the file is called."""
    return "./" + quote(page, errors="surrogateescape")


def _clean(text: str) -> str:
    return escape(plain(text))
