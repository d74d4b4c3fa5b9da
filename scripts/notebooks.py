#!/usr/bin/env python
"""Run the notebooks of docs/notebooks, and write what their cells print into them.

  scripts/notebooks.py            run all, and keep what they print
  scripts/notebooks.py --check    run all, leave the files alone, and fail where a file shows another output

What a trained student scores or writes may differ between processors and versions of libraries: of a cell with the tag
`varies`, only the kind of its output is compared. No Jupyter is needed: cells are plain Python, run in one process one
after the other. scripts/docs makes pages of them.
"""

import argparse
import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "docs" / "notebooks"


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells, run in the current folder. Raises what a cell raises."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells, count = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            told, value = _run("".join(cell["source"]), names)
            outputs: list[dict[str, Any]] = []
            if told:
                outputs.append({"name": "stdout", "output_type": "stream", "text": told.splitlines(keepends=True)})
            if value is not None:
                shown = {"data": {"text/plain": repr(value).splitlines(keepends=True)}, "metadata": {}}
                outputs.append({"execution_count": count, "output_type": "execute_result", **shown})
            cell = {**cell, "execution_count": count, "outputs": outputs}
        cells.append(cell)
    return {**notebook, "cells": cells}


def markdown(notebook: dict[str, Any]) -> str:
    """Return a notebook as a page of the documentation."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        for output in cell.get("outputs", ()):
            told = "".join(output.get("text") or output["data"]["text/plain"]).rstrip()
            parts.append(f"```text\n{told}\n```")
    return "\n\n".join(parts) + "\n"


def stale(stored: dict[str, Any], done: dict[str, Any]) -> list[str]:
    """Return a sentence for each code cell of a notebook whose stored output is not the one of its run."""
    found = []
    for place, (was, now) in enumerate(zip(stored["cells"], done["cells"], strict=True)):
        if now["cell_type"] == "code" and _shown(was) != _shown(now):
            found.append(f"cell {place} shows {_shown(was)}, and its run gives {_shown(now)}; run scripts/notebooks.py")
    return found


def _shown(cell: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the kinds and texts of a cell's outputs; of a cell whose outputs vary, the kinds alone."""
    varies = "varies" in cell.get("metadata", {}).get("tags", ())
    return [
        (output["output_type"], "" if varies else "".join(output.get("text") or output["data"]["text/plain"]))
        for output in cell.get("outputs", ())
    ]


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _run(text: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Run a cell, and return what it printed and the value of its last line, where that is an expression."""
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as told:
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    return told.getvalue(), value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="leave the files alone")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    complaints = []
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        stored = read(file)
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            done = executed(stored)
        if given.check:
            complaints += [f"{file.relative_to(ROOT)}: {one}" for one in stale(stored, done)]
        else:
            file.write_text(json.dumps(done, indent=1, ensure_ascii=False) + os.linesep, encoding="utf-8")
        print(f"ran {file.relative_to(ROOT)}")
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
