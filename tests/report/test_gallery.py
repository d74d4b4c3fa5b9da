"""The example pages of the documentation lead nowhere but to each other, and tell nothing of the machine's folders."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

GALLERY = Path(__file__).parents[2] / "docs" / "results" / "gallery"
PAGES = sorted(GALLERY.rglob("*.html"))


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids |= {value or "" for name, value in attrs if name == "id"}


def test_every_link_of_the_gallery_leads_to_a_page_of_it() -> None:
    led_to = set()
    for page in PAGES:
        links = _Links(page.read_text(encoding="utf-8"))
        assert links.found
        for link in links.found:
            if link.startswith("#"):
                assert link[1:] in links.ids
            else:
                led_to.add((page.parent / unquote(link)).resolve())
    assert led_to == {page.resolve() for page in PAGES if page.parent.parent != GALLERY}  # runs of a sweep
    assert len(led_to) >= 2


def test_no_page_of_the_gallery_tells_where_it_was_made() -> None:
    assert PAGES
    for page in PAGES:
        assert not re.search(r"(?<![\w.<])/(tmp|work|home|root|Users)/", page.read_text(encoding="utf-8"))
