"""Every method has a page, whose settings are those of its YAML and whose scores are those of the results."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.structure.disk import CONF, ROOT, read

DOCS = ROOT / "docs"
METHODS = DOCS / "methods"
FOLDERS = {"objective": "objectives", "generation": "generation", "evaluation": "evaluation"}
HEADINGS = ("Paper", "Config", "When to use it, when not", "What it scored", "See also")
ALL_HEADINGS = {
    "objective": (*HEADINGS[:1], "Equation", *HEADINGS[1:4], "Differences from the published code", *HEADINGS[4:])
}
INTERVAL = re.compile(r"(\d+\.\d+)\s\[(-?\d+\.\d+),\s(-?\d+\.\d+)\]")
ARXIV = re.compile(r"\d\d(?:0[1-9]|1[0-2])\.\d{4,5}")

OPTIONS = [(group, path.stem) for group in FOLDERS for path in sorted((CONF / group).glob("*.yaml"))]
OBJECTIVES = [option for group, option in OPTIONS if group == "objective"]
PAGES = sorted(METHODS.rglob("*.md"))


def page_of(group: str, option: str) -> str:
    return (METHODS / FOLDERS[group] / f"{option}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {heading!r}"
    return found[1].strip()


def settings(node: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, default) of every setting of an option, the parts that its defaults choose among them."""
    for key, value in node.items():
        if key == "defaults":
            chosen = [one for one in value if isinstance(one, dict)]
            yield from ((name.partition("@")[2], option) for one in chosen for name, option in one.items())
        elif isinstance(value, dict):
            yield from settings(value, f"{place}{key}.")
        elif key != "_target_":
            yield f"{place}{key}", value


def test_there_are_methods_and_no_other_pages() -> None:
    assert len(OBJECTIVES) > 20
    pages = {(group, page.stem) for group, folder in FOLDERS.items() for page in (METHODS / folder).glob("*.md")}
    assert pages == {*OPTIONS, *((group, "index") for group in FOLDERS)}


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=map("/".join, OPTIONS))
def test_a_page_has_its_sections_in_their_order(group: str, option: str) -> None:
    text = page_of(group, option)
    found = re.findall(r"^## (.*)$", text, re.MULTILINE)
    wanted = ALL_HEADINGS.get(group, HEADINGS)
    assert [heading for heading in found if heading in wanted] == list(wanted)
    assert re.match(r"# \S", text)
    assert all(section(text, heading) for heading in wanted)
    assert "```sh\n" in section(text, "Config")
    sources = re.findall(r"`(distillrun/[\w/]+\.py)`", text)
    assert [source for source in sources if not (ROOT / source).is_file()] == []
    assert group != "objective" or sources


@pytest.mark.parametrize("option", OBJECTIVES)
def test_the_settings_of_a_page_are_those_of_the_yaml(option: str) -> None:
    config = section(page_of("objective", option), "Config")
    told = re.findall(r"^\| `([^`]+)` \| `([^`]*)` \| \S.* \|$", config, re.MULTILINE)
    assert [(key, yaml.safe_load(default)) for key, default in told] == list(
        settings(read(CONF / "objective" / f"{option}.yaml"))
    )
    assert f"objective={option}" in config


@pytest.mark.parametrize("option", OBJECTIVES)
def test_a_page_has_an_equation_and_the_papers_of_the_yaml(option: str) -> None:
    text = page_of("objective", option)
    equation = section(text, "Equation")
    assert r"\mathcal{L}" in equation
    assert equation.splitlines().count("$$") % 2 == 0
    header = (CONF / "objective" / f"{option}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert set(ARXIV.findall(header)) <= set(ARXIV.findall(section(text, "Paper")))


@cache
def scores_of_the_results() -> set[tuple[str, str, str]]:
    """Return value, low and high of every score outside the methods' pages."""
    results = [ROOT / "README.md", *(page for page in DOCS.rglob("*.md") if METHODS not in page.parents)]
    return {score for page in results for score in INTERVAL.findall(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=map("/".join, OPTIONS))
def test_a_score_with_an_interval_stands_in_the_results_too(group: str, option: str) -> None:
    scored = section(page_of(group, option), "What it scored")
    scores = INTERVAL.findall(scored)
    assert set(scores) <= scores_of_the_results()
    assert scores or group != "objective" or "Not measured" in scored


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(METHODS).as_posix())
def test_a_link_to_arxiv_is_well_formed(page: Path) -> None:
    for shown, target in re.findall(r"\[([^\]]+)\]\(([^)\s]*arxiv[^)\s]*)\)", page.read_text(encoding="utf-8")):
        number = target.removeprefix("https://arxiv.org/abs/")
        assert ARXIV.fullmatch(number), target
        assert len(number) == (10 if number[:4] >= "1501" else 9), f"{number}: five digits since 2015, four before"
        assert not (named := ARXIV.findall(shown)) or named == [number], f"{shown} leads to {number}"


@pytest.mark.parametrize("group", FOLDERS)
def test_the_index_leads_to_every_page(group: str) -> None:
    index = (METHODS / FOLDERS[group] / "index.md").read_text(encoding="utf-8")
    assert [option for one, option in OPTIONS if one == group and f"[`{option}`]({option}.md)" not in index] == []
