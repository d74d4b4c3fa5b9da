"""What is whole of a text that was cut off."""

import pytest

from distillrun.text.finished import finished_part


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("card_arr", ""),
        ("lost card\nExplanation: the cu", "lost card\n"),
        ("They lend. So the answer is (b).", "They lend. So the answer is (b)."),
        ("They lend. So the answer is libr", "They lend."),
        ('He said "no." The answer is 3.5 met', 'He said "no.'),
        ("它们出借。答案是图", "它们出借。"),
        ("", ""),
    ],
)
def test_sentences_and_lines_that_ended_are_kept(text: str, whole: str) -> None:
    assert finished_part(text) == whole
