"""The notebooks of the documentation run as they stand, and what they claim holds."""

import ast
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.structure.disk import ROOT

SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "notebooks.py"))
FILES = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def cells(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return found


def test_there_is_a_notebook_that_asserts_what_it_claims() -> None:
    assert FILES
    for file in FILES:
        text = "\n".join("".join(cell["source"]) for cell in cells(file) if cell["cell_type"] == "code")
        assert sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text))) > 5
        assert "http" not in text


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_shows_what_its_code_gives(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored = SCRIPT["read"](file)
    assert SCRIPT["stale"](stored, SCRIPT["executed"](stored)) == []


def test_an_output_that_the_code_no_longer_gives_is_told() -> None:
    first, second = ({"cell_type": "code", "source": [f"print({n})"], "metadata": {}} for n in (1, 2))
    done = SCRIPT["executed"]({"cells": [first, second]})
    assert SCRIPT["stale"](done, done) == []
    other = json.loads(json.dumps(done).replace("1\\n", "3\\n"))
    (told,) = SCRIPT["stale"](other, done)
    assert told.startswith("cell 0 shows [('stream', '3\\n')], and its run gives [('stream', '1\\n')]")
    for cell in (*other["cells"], *done["cells"]):
        cell["metadata"] = {"tags": ["varies"]}
    assert SCRIPT["stale"](other, done) == []  # a number may vary
    assert len(SCRIPT["stale"]({"cells": [{**other["cells"][0], "outputs": []}, other["cells"][1]]}, done)) == 1


def test_a_page_shows_code_and_what_it_printed() -> None:
    code = {"cell_type": "code", "source": ["print(1)\n", "2"], "outputs": [], "execution_count": None}
    done = SCRIPT["executed"]({"cells": [{"cell_type": "markdown", "source": ["# Title"]}, code]})
    assert SCRIPT["markdown"](done) == (
        "# Title\n\n```python\nprint(1)\n2\n```\n\n```text\n1\n```\n\n```text\n2\n```\n"
    )


def test_a_cell_that_fails_ends_it() -> None:
    with pytest.raises(AssertionError):
        SCRIPT["executed"]({"cells": [{"cell_type": "code", "source": ["assert 1 > 2"]}]})
