"""Pages as Markdown (GitHub's kind). Text is escaped, so that it can neither format nor link."""

import re
from collections.abc import Sequence

from distillrun.report.page.block import Block, Card, Code, Figure, Link, Page, Paragraph, Story, Table
from distillrun.text.display import plain


def markdown(page: Page) -> str:
    """Return the page as Markdown."""
    lines = [f"# {_escaped(page.title)}", "", f"**{_escaped(page.status)}** — {_escaped(page.summary)}", ""]
    for section in page.sections:
        lines += [f"## {_escaped(section.title)}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _lines(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return [_escaped(block.text)]
    if isinstance(block, Code):
        fenced = _fenced(plain(block.text))
        if not block.folded:
            return fenced
        return ["<details>", f"<summary>{_escaped(block.folded)}</summary>", "", *fenced, "", "</details>"]
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return [*_table(block.table), "", _escaped(block.caption)] if block.table.rows else []
    if isinstance(block, Story):
        return _story(block)
    return _card(block)


def _story(story: Story) -> list[str]:
    marks = {"same": "", "added": "**", "removed": "~~"}
    lines = [f"**{_escaped(story.title)}**"]
    for label, pieces in story.parts:
        text = " ".join(f"{marks[one.mark]}{_escaped(one.text)}{marks[one.mark]}" for one in pieces if one.text.strip())
        lines += ["", f"{_escaped(label)}: {text}"]
    return lines


def _table(table: Table) -> list[str]:
    rule = ["---:" if index in table.numbers else "---" for index in range(len(table.columns))]
    rows = [
        [_links(table.links[row, column]) if (row, column) in table.links else _escaped(text) for column, text in cells]
        for row, cells in ((row, enumerate(cells)) for row, cells in enumerate(table.rows))
    ]
    return [f"| {' | '.join(cells)} |" for cells in ([_escaped(text) for text in table.columns], rule, *rows)]


def _links(links: Sequence[Link]) -> str:
    return " ".join(f"[{_escaped(link.text)}]({link.address})" for link in links)


def _card(card: Card) -> list[str]:
    lines = [f"**{_escaped(card.question)}** ({_escaped(card.verdict)})", ""]
    for choice in card.choices:
        marks = [word for word, holds in (("right one", choice.gold), ("answered", choice.predicted)) if holds]
        lines.append(f"- {_escaped(choice.text)}" + (f" ← {', '.join(marks)}" if marks else ""))
    for label, text in (("student", card.text), ("rationale", card.rationale)):
        if text:
            lines += ["", f"{label}: {_escaped(text)}"]
    return lines


def _fenced(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]


def _escaped(text: str) -> str:
    line = " ".join(plain(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]|~#!$@])", r"\\\1", line)
    return re.sub(r"(?i)(:)(//)|(www)(\.)", r"\1\3\\\2\4", line)  # a bare address would become a link
