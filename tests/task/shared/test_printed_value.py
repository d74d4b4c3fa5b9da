"""Cells that hold a list as a program printed it give that list, and nothing is executed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from distillrun.task.shared.printed_value import printed_value

TEXTS = ["it's", 'say "x"', "a, b", "line\nbreak", "ünï", "'a' 'b'", "[x]"]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_list_is_read_back_as_python_numpy_and_json_print_it(count: int) -> None:
    import json

    texts = TEXTS[:count]
    array = np.array(texts, dtype=object)
    forms = [json.dumps(texts), str(texts), str(tuple(texts)), str(array), repr(array), str(list(np.array(texts)))]
    assert [printed_value(form) for form in forms] == [texts] * len(forms)


def test_a_long_array_that_numpy_prints_over_several_lines_is_one_list() -> None:
    texts = [f"choice number {n}" for n in range(20)]
    printed = str(np.array(texts, dtype=object))
    assert "\n" in printed
    assert printed_value(printed) == texts
    assert printed_value(str(np.arange(4))) == [0, 1, 2, 3]


def test_the_choices_of_arc_are_read_from_the_csv_that_pandas_writes(tmp_path: Path) -> None:
    choices: dict[str, Any] = {
        "text": np.array(["a b", "it's"], dtype=object),
        "label": np.array(["A", "B"], dtype=object),
    }
    pandas.DataFrame([{"id": 1, "choices": choices}]).to_csv(tmp_path / "a.csv", index=False)
    cell = pandas.read_csv(tmp_path / "a.csv").choices[0]
    assert "array([" in cell
    assert printed_value(cell) == {"text": ["a b", "it's"], "label": ["A", "B"]}


@pytest.mark.parametrize(
    "text",
    [
        "['a' 'b', 'c']",
        "['a', b]",
        "[open('/etc/passwd')]",
        "[__import__('os')]",
        "array.x(['a'])",
        "[f'{1}']",
        "['a'",
        "[" * 10_000,
        "['" + "a" * 100_000 + "']",
        "{1: 'a'}",
        "{**{}}",
        "['a' if 1 else 'b']",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        printed_value(text)
