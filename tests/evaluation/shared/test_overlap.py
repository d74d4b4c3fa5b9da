"""Overlap of texts against values counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.evaluation.answer_explanation_agreement import implied_choice
from distillrun.evaluation.shared.overlap import grams, known_share, named, repeated_share
from distillrun.records import Example
from distillrun.text.rouge import rouge_l, words


def test_words_are_lower_case_and_without_punctuation() -> None:
    assert words("A Bank, (or two) banks!") == ["a", "bank", "or", "two", "banks"]


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    # "police the gunman": 3 words of 4 and 4 would give 2 * 2 / 8; Lin 2004's example, in which "the gunman" is shared
    assert rouge_l("police kill the gunman", "police killed the gunman") == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(0.5)
    assert rouge_l("", "a") == 0


@given(st.text(alphabet="ab c", max_size=30), st.text(alphabet="ab c", max_size=30))
def test_rouge_l_is_symmetric_and_at_most_one(one: str, other: str) -> None:
    assert rouge_l(one, other) == rouge_l(other, one)
    assert 0 <= rouge_l(one, other) <= 1
    if words(one):
        assert rouge_l(one, one) == 1


def test_repeated_runs_are_counted_once_they_stood_before() -> None:
    # ab ba ab ba ab: three stood before
    assert repeated_share(["a", "b", "a", "b", "a", "b"], 2) == pytest.approx(3 / 5)
    assert repeated_share([], 2) == 0


def test_copied_runs_are_those_that_are_known() -> None:
    known = grams(["where", "do", "fish", "live", "today"], 3)
    assert known_share(["fish", "live", "today", "in", "rivers"], known, 3) == pytest.approx(1 / 3)


def test_a_choice_is_named_by_its_whole_words() -> None:
    assert named("Money is kept in a Bank.", ["bank", "Bank ", "river"]) == {"bank"}
    assert named("Money is kept in banks.", ["bank"]) == set()
    assert named("a bank teller counts", ["bank teller", "bank", "teller"]) == {"bank teller"}
    assert named("a bank teller in a bank", ["bank teller", "bank"]) == {"bank teller", "bank"}
    assert named("anything", ["", "?!"]) == set()


def test_an_explanation_implies_the_one_choice_that_it_names() -> None:
    example = Example("q", "?", ("bank", "bank teller", "river", "bank", "field"), 0)
    assert implied_choice("A bank teller counts money.", example) == 1
    assert implied_choice("A bank keeps money.", example) == 0
    assert implied_choice("Not a river but a field.", example) is None
    assert implied_choice("Nothing.", example) is None
