"""The page of what is covered counts its own rows, and says with what a method works."""

import re
from collections import Counter

from tests.structure.disk import ROOT

PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
SURVEY, SEEDS = PAGE.split("\n## Skills and verticals\n")
STATES = {"**works**": "work", "partly": "partly", "not yet": "not yet", "out of scope": "out of scope"}
ROW = re.compile(r"^\| (.+?) \| (\*\*works\*\*|partly|not yet|out of scope) \| (.+) \|$", re.MULTILINE)


def counted(text: str) -> str:
    """Return how many rows of a text are in each state, as the page says it."""
    counts = Counter(STATES[state] for _, state, _ in ROW.findall(text))
    return ", ".join(f"{counts[state]} {state}" for state in STATES.values())


def test_the_numbers_are_those_of_the_rows() -> None:
    seeds = SEEDS[SEEDS.index("\n## The three seeds\n") :]
    told = " ".join(PAGE.split())
    for text, whose in ((SURVEY, "works in the survey's algorithm sections"), (seeds, "rows of the three seeds")):
        rows = len(ROW.findall(text))
        assert rows > 90
        assert re.search(rf"Of {rows} {whose}[^:]*: {counted(text)}\.", told), f"{rows} {whose}: {counted(text)}"


def test_what_works_works_with_something_that_is_named() -> None:
    for method, state, reason in ROW.findall(PAGE):
        if state == "**works**":
            assert "](methods/" in reason, f"{method} works, but no page says how"
        else:
            assert len(reason) > 5
