"""Exact and normalised match, token F1, ROUGE-L and regular expressions, held to what others published."""

import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.text.rouge import rouge_l
from distillrun.text.squad import normalised, token_f1
from tests.leaves import made, options

ANY = st.text(max_size=60)
PAIRS = [
    ("The Eiffel Tower", "Eiffel tower."),
    ("an answer with a hyphen-ated word", "hyphenated answer"),
    ("Denver Broncos", "The Denver Broncos won"),
    ("a b b c", "b b b d"),
    ("theory of an ant", "theory of ant"),
    ("Straße in São Paulo", "strasse in sao paulo"),
    ("1,000.5", "1000.5"),
    ("one two", "three"),
]


def official() -> ModuleType:
    """SQuAD's official functions, as lm-eval ships them."""
    module: ModuleType = pytest.importorskip("lm_eval.tasks.qasper.metrics")
    return module


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_the_normal_form_and_f1_are_those_of_squads_script(own: str, other: str) -> None:
    assert normalised(own) == official().normalize_answer(own)
    assert token_f1(own, other) == pytest.approx(official().f1_abstractive([own], [other]))


@given(st.text(alphabet="abcthe .,'-!\n", max_size=30), st.text(alphabet="abcthe .,'-!\n", max_size=30))
def test_f1_is_squads_for_any_text_with_words(own: str, other: str) -> None:
    script = official()
    assert normalised(own) == script.normalize_answer(own)
    if normalised(own) and normalised(other):
        assert token_f1(own, other) == pytest.approx(script.f1_abstractive([own], [other]))


def test_texts_without_words_have_the_f1_of_squad_2() -> None:
    assert token_f1("the", "a") == 1.0
    assert token_f1("the", "cat") == 0.0 == token_f1("cat", "the")


@pytest.mark.parametrize(("own", "other"), [*PAIRS, ("the cat sat on the mat", "the dog sat on a mat"), ("x", "x y z")])
def test_rouge_l_is_that_of_the_rouge_score_package(own: str, other: str) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    if own.isascii() and other.isascii():  # that package knows no other letters
        assert rouge_l(own, other) == pytest.approx(scorer.score(other, own)["rougeL"].fmeasure)


def settings_of(name: str) -> dict[str, object]:
    return {"pattern": r"(?s)(.+)"} if name == "regular_expression" else {}


def test_there_are_scorers() -> None:
    assert len(options("scorer")) >= 7


@pytest.mark.parametrize("name", options("scorer"))
@settings(max_examples=60, deadline=None)
@given(text=ANY, other=ANY, marked=st.booleans())
def test_any_unicode_is_read_and_graded(name: str, text: str, other: str, marked: bool) -> None:
    scorer = made("scorer", name, **settings_of(name))
    assert scorer.rule
    own, gold = scorer.read(text, text if marked else None), scorer.read(other, None)
    assert scorer.read("", None) is None
    assert scorer.read(" \n", " \n") is None
    if own is not None:
        assert scorer.key(own) == scorer.key(own)
        itself = scorer.grade(own, [own])
        assert (itself.score, itself.right) == (1.0, True)
    if own is not None and gold is not None:
        grade = scorer.grade(own, [gold])
        assert 0 <= grade.score <= 1
        assert scorer.grade(own, [gold, own]).right
        if scorer.key(own) == scorer.key(gold):
            assert grade.right


def test_a_marked_answer_is_the_line_after_the_marker_without_its_full_stop() -> None:
    scorer = made("scorer", "exact_match")
    assert scorer.read("So the answer is Paris.\nNext", " Paris.\nNext") == "Paris"
    assert scorer.read(" Paris. ", None) == "Paris."


def test_accents_in_either_composition_are_equal() -> None:
    for name in ("exact_match", "normalised_match", "token_f1"):
        assert made("scorer", name).grade("cafe\u0301", ["caf\u00e9"]).right


def test_a_threshold_says_what_is_right() -> None:
    half = made("scorer", "token_f1", right_from=0.5)
    grade = half.grade("Denver Broncos", ["The Denver Broncos won"])
    assert (round(grade.score, 4), grade.right) == (0.8, True)
    assert not made("scorer", "token_f1", right_from=0.9).grade("Denver Broncos", ["The Denver Broncos won"]).right
    with pytest.raises(ConfigError, match=r"right_from=0\.0 must be above 0"):
        made("scorer", "rouge_l", right_from=0)


def test_a_pattern_finds_the_answer_and_cannot_hang() -> None:
    scorer = made("scorer", "regular_expression", pattern=r"(?i)answer is (\w+)", which="last")
    assert scorer.read("The answer is 5. No, the answer is Six.", None) == "Six"
    assert scorer.read("six", None) is None
    assert scorer.grade("Six", ["six"]).right
    bad = made("scorer", "regular_expression", pattern=r"^(a+)+$")
    start = time.process_time()
    assert bad.read("a" * 20_000 + "b", None) is None  # Python's re takes longer than the universe is old
    assert time.process_time() - start < 5


@pytest.mark.parametrize("pattern", [r"(a", r"(?=a)", r"(a)\1"])
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="no regular expression of RE2"):
        made("scorer", "regular_expression", pattern=pattern)


def test_json_is_found_in_prose_and_scored_by_field() -> None:
    scorer = made("scorer", "json_fields")
    gold = scorer.read('{"name": "Ann", "age": 30, "tags": ["a", "b"]}', None)
    said = scorer.read('Sure! ```json\n{"age": 30.0, "tags": ["b", "c"], "name": " ann "}\n``` {"x": 1}', None)
    grade = scorer.grade(said, [gold])
    assert grade.score == pytest.approx(2 * 3 / (4 + 4))
    assert not grade.right
    assert scorer.grade(scorer.read('{"tags": ["B", "a"], "age": 3e1, "name": "ANN"}', None), [gold]).right
    assert scorer.read("{not json}", None) is None
    assert scorer.read('{"a": NaN}', None) is None
    assert scorer.read("[" * 100_000 + "{" * 100_000, None) is None


def test_equal_values_in_other_groups_are_not_a_right_document() -> None:
    scorer = made("scorer", "json_fields")
    one, other = '{"p": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}', '{"p": [{"a": 1, "b": 4}, {"a": 3, "b": 2}]}'
    assert scorer.grade(one, [other]).score == 1.0
    assert not scorer.grade(one, [other]).right


def test_a_schema_decides_what_is_right_and_opens_no_address(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(
        '{"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^(x+)+$"}}}'
    )
    scorer = made("scorer", "json_fields", schema_file=str(file))
    assert scorer.grade('{"a": "xx"}', ['{"a": "xx"}']).right
    assert not scorer.grade('{"a": "%sy"}' % ("x" * 5000), ['{"a": "%sy"}' % ("x" * 5000)]).right
    assert "does not keep the schema" in scorer.check('{"b": 1}')
    file.write_text('{"$ref": "http://127.0.0.1:9/schema.json"}')
    with pytest.raises(ConfigError, match="refers to"):
        made("scorer", "json_fields", schema_file=str(file)).check('{"b": 1}')
    file.write_text('{"type": 5}')
    with pytest.raises(ConfigError, match="is no JSON schema"):
        made("scorer", "json_fields", schema_file=str(file)).check('{"b": 1}')
