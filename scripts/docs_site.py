"""A MkDocs hook: pages made from other files, navigation that lists folders, and equations as MathML.

Generated pages are never written into docs/: the configuration's reference comes from conf/ and the constructors,
notebooks are shown with what their cells printed, and CONTRIBUTING, SECURITY and CHANGELOG as they stand at the root.
"""

import html
import re
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

from config_reference import reference_pages  # noqa: E402
from notebooks import NOTEBOOKS, markdown, read  # noqa: E402

FROM_ROOT = {
    "reference/contributing.md": "CONTRIBUTING.md",
    "reference/security.md": "SECURITY.md",
    "reference/changelog.md": "CHANGELOG.md",
}
FIRST = ("index.md", "objectives", "generation", "evaluation", "white_box.md")
_EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for uri, source in FROM_ROOT.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / source)))
    notebooks = {f"notebooks/{file.stem}.md": markdown(read(file)) for file in sorted(NOTEBOOKS.glob("*.ipynb"))}
    for uri, text in {**reference_pages(), **notebooks}.items():
        files.append(File.generated(config, uri, content=text))
    config.nav = _opened(config.nav or [], sorted(file.src_uri for file in files.documentation_pages()))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write a page's equations as MathML, which browsers draw without a script."""
    return _EQUATION.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    return convert(html.unescape(found[2]), display="block" if found[1] == "div" else "inline")


def _opened(nav: list[Any], pages: list[str]) -> list[Any]:
    """Replace each entry that names a folder by the pages in it."""
    opened: list[Any] = []
    for entry in nav:
        title, place = next(iter(entry.items()))
        if not place.endswith("/"):
            opened.append(entry)
        elif listed := _listed(place, pages):
            opened.append({title: listed})
    return opened


def _listed(folder: str, pages: list[str]) -> list[Any]:
    """Return a folder's pages and, after them, its folders: index first, then by name."""
    names = sorted({page[len(folder) :].split("/")[0] for page in pages if page.startswith(folder)}, key=_place)
    return [
        f"{folder}{name}"
        if name.endswith(".md")
        else {name.replace("_", " ").capitalize(): _listed(f"{folder}{name}/", pages)}
        for name in names
    ]


def _place(name: str) -> tuple[int, bool, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST), not name.endswith(".md"), name)
