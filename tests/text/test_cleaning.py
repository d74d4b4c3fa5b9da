"""Cleaning keeps the explanation and drops what a teacher wrote after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.text.cleaning import clean

PIECES = [
    "Birds",
    " fly. ",
    "\n",
    "\n\n",
    "Question:",
    "## Question 2:",
    "Answer:",
    "Assistant (kind and clear):",
    " ",
    "a",
]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Birds fly.", "Birds fly."),
        ("\n\nBirds  fly.\n", "Birds fly."),
        ("Birds fly.\n\nQuestion: What swims?\nAnswer: Fish.", "Birds fly."),
        ("Birds fly. Question: What swims?", "Birds fly."),
        ("Birds fly. Question 2 (hard): What swims?", "Birds fly."),
        ("Question: What swims?", ""),
        ("## Question: What swims?", ""),
        ("Assistant (kind and clear): Birds fly.", "Birds fly."),
        ("Revision:\nBirds fly.\nThey do.", "Birds fly."),
        ("The answer is bird because birds fly.", "The answer is bird because birds fly."),
        ("The man was up at 2: he could not sleep.", "The man was up at 2: he could not sleep."),
        ("A Question: mark is no run-on? It is cut.", "A"),
        ("The question: who flies?", "The question: who flies?"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_a_rationale_is_cut_to_its_first_line(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_cleaning_twice_changes_nothing_more(raw: str) -> None:
    once = clean(raw)
    assert clean(once) == once
    assert "Question:" not in once.split()
