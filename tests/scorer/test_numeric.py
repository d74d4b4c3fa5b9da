"""Numbers in texts, and how near they are; held to GSM8K's official rule and its recorded verdicts."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.task.shared.free_answer import FreeAnswerText
from distillrun.text.number import numbers_in, written
from tests.leaves import made

OFFICIAL = re.compile(r"#### (\-?[0-9\.\,]+)")
"""ANS_RE of openai/grade-school-math, grade_school_math/dataset.py; commas are taken out of what it finds."""

NUMBERS = {
    "#### 42": ["42"],
    "1,234": ["1234"],
    "12,34": ["12", "34"],
    "$5": ["5"],
    "-$5.50": ["-5.5"],
    "7 - 3": ["7", "3"],
    "1\u00bd": ["1.5"],
    "10\u00b2": ["10"],
    "$ -5": ["-5"],
    "\u22123": ["-3"],
    "3/4": ["0.75"],
    "1/3 of it": ["1/3"],
    "1 1/2 cups": ["1.5"],
    "\u00bd": ["0.5"],
    "25%": ["25"],
    "18.": ["18"],
    "2.50 dollars": ["2.5"],
    ".5": ["0.5"],
    "1e3": ["1000"],
    "5-3 = 2": ["5", "3", "2"],
    "version 1.2.3": ["1.2"],
    "room b12": [],
    "five": [],
    "1/0": [],
    "\uff14\uff12": ["42"],
    "9" * 61: [],
}


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_read_as_people_write_them(text: str) -> None:
    assert [written(value) for value in numbers_in(text)] == NUMBERS[text]


@given(st.fractions(max_denominator=10**6, min_value=-(10**12), max_value=10**12))
def test_a_written_number_is_read_as_itself(value: Fraction) -> None:
    assert numbers_in(written(value)) == [value]
    assert numbers_in(f"It is {written(value)}.") == [value]


def test_the_marked_number_counts_and_else_the_last() -> None:
    scorer = made("scorer", "numeric")
    assert scorer.read("First 3, then 7 apples.", None) == "7"
    assert scorer.read("x", " 3 + 4 = 7 apples, 2 more.\n9") == "7"
    assert scorer.read("x", "\n\n $1,200 in 3 years") == "1200"
    assert scorer.read("none", None) is None


def test_tolerances_are_exact() -> None:
    assert made("scorer", "numeric", tolerance=0.5).grade("10.5", ["10"]).right
    assert not made("scorer", "numeric", tolerance=0.5).grade("10.51", ["10"]).right
    assert made("scorer", "numeric", relative_tolerance=0.125).grade("-112.5", ["-100"]).right
    assert not made("scorer", "numeric").grade("0.3333", ["1/3"]).right
    with pytest.raises(ConfigError, match="tolerance=-1"):
        made("scorer", "numeric", tolerance=-1)


def test_a_reference_holds_one_number() -> None:
    scorer = made("scorer", "numeric")
    assert scorer.check("18 eggs") is None
    assert "no numbers" in scorer.check("eggs")
    assert "2 numbers" in scorer.check("3 or 4")


def rows(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.realdata
def test_gsm8ks_answers_are_those_of_its_official_rule(shared_data: Path) -> None:
    scorer = made("scorer", "numeric")
    text = FreeAnswerText("{answer}", ["####"], scorer)
    answers = [
        str(row["answer"]) for name in ("train.jsonl", "test.jsonl") for row in rows(shared_data / "gsm8k" / name)
    ]
    assert len(answers) == 7473 + 1319
    for answer in answers:
        match = OFFICIAL.search(answer)
        found = text.read(answer, None)
        assert match is not None
        assert found is not None
        assert Fraction(match[1].strip().replace(",", "").rstrip(".")) == Fraction(found.text)


@pytest.mark.realdata
def test_recorded_solutions_are_judged_as_gsm8ks_authors_judged_them(shared_data: Path) -> None:
    text = FreeAnswerText("{answer}", ["A:"], made("scorer", "numeric"))
    differ = total = 0
    for row in rows(shared_data / "gsm8k" / "example_model_solutions.jsonl"):
        gold = text.reference([str(row["ground_truth"]).rpartition("A: ")[2]], "row")
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            solution = row[name]
            assert isinstance(solution, dict)
            said = text.read(str(solution["solution"]), gold)
            total += 1
            differ += bool(said is not None and said.right) != solution["is_correct"]
    assert total == 4 * 1319
    assert differ <= MOST_DIFFERENT


MOST_DIFFERENT = 5
