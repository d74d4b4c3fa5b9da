"""How answers are written and read. The table's choices hold a prefix of another one, and a repeated text."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.records import Example, is_right, reads_alike
from distillrun.task.shared.choice_naming import folded
from distillrun.task.shared.multiple_choice_text import MultipleChoiceText

BANK = Example("1", "Who hands out money?", ("bank", "bank teller", "the shop", "Washington D.C.", "shop owner"), 1)
PLAIN = MultipleChoiceText("{question} {choices}", "({letter}) {choice}", " ", "{choice}")
ANSWER_TEMPLATES = ["{choice}", "({letter}) {choice}", "{letter}", "It is {choice}, I say!"]
AROUND = ["{}", "[answer] The answer is {}", "It keeps money; it lends. So the answer is {}.", "Answer: {}\n"]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        # a letter
        ("(c)", 2),
        ("c)", 2),
        ("C", 2),
        ("The answer is (B).", 1),
        ("The answer is c) bank", 2),
        ("the answer is E", 4),
        ("Not (a) but something else, so the answer is (b)", 1),
        ("The answer is (a). No, wait, the answer is (b).", 1),
        ("The answer is the bank teller (b), not the bank (a).", 1),
        ("**Answer:** (d)", 3),
        ("The answer is (z).", None),
        # the text after the cue
        ("The answer is bank.", 0),
        ("The answer is bank teller.", 1),
        ("The answer is a bank because a teller works there.", 0),
        ("The answer is bank. Teller is only a word.", 0),
        ("[answer] The answer is THE BANK TELLER", 1),
        ("The correct answer is: 'shop'", 2),
        ("Answer: washington d.c", 3),
        ("The answer would be most likely a shop owner, of course.", 4),
        ("The answer is shop. I said bank before.", 2),
        ("The answer is likely bank, because a shop keeps none.", 0),
        ("The answer is bank or shop.", None),
        # the whole text
        ("bank teller", 1),
        ("  The Shop. ", 2),
        # the only choice that the last sentence mentions
        ("Many people like a shop. I would go to the bank teller!", 1),
        ("It is not a bank but a shop owner", 4),
        ("Between bank and shop it is hard to say.", None),
        ("Banks and shopkeepers are no choices here.", None),
        ("The answer is not bank.", None),
        ("The answer is __import__('os').getcwd()", None),
        ("", None),
        ("?!", None),
    ],
)
def test_an_answer_is_read_as_a_person_would(text: str, choice: int | None) -> None:
    assert PLAIN.parse(text, BANK) == choice


def test_repeated_choices_are_read_as_the_first_and_all_count_as_right() -> None:
    twice = Example("2", "Where?", ("park", "zoo", "Zoo", "lake", "zoo"), 4)
    assert PLAIN.parse("The answer is zoo.", twice) == 1
    assert [is_right(twice, choice) for choice in (0, 1, 2, 3, 4, None)] == [False, True, True, False, True, False]


def test_single_letter_choices_are_read_as_text() -> None:
    letters = Example("3", "Which letter comes first?", ("b", "a"), 1)
    assert [PLAIN.parse(f"The answer is {letter}.", letters) for letter in "ba"] == [0, 1]


@pytest.mark.parametrize(
    ("choices", "text", "choice"),
    [
        (("x", "**A**"), "The answer is **A**.", 1),
        (("x", "**A**"), "**A**. It is bold.", 1),
        (("x", "Answer: A", "y"), "The answer is Answer: A.", 1),
        (("x", "Answer: A", "y"), "Answer: A", 1),
        (("x", "Answer: A", "y"), "I think that it is Answer: A. So the answer is (c).", 2),
        (("x", "y", "z", "vitamin (c)"), "The answer is vitamin (c) because it is sour.", 3),
        (("x", "y", "z", "vitamin (c)"), "The answer is (c), not vitamin (c).", 2),
        (("x", "C: drive"), "The answer is C: drive. It is a disk.", 1),
        (("b", "a"), "The answer is a. It comes first.", 1),
        (("b", "a"), "A. It comes first.", 1),
        (("b", "a"), "The answer is (a).", 0),
        (("The answer is y", "y"), "The answer is y", 0),
        (("f'", "f"), "The answer is f'.", 0),
        (("f'", "f"), "The answer is f.", 1),
        (("f'", "f"), 'The answer is "f"', None),
    ],
)
def test_a_choices_own_text_goes_before_letters_and_cues(
    choices: tuple[str, ...], text: str, choice: int | None
) -> None:
    assert PLAIN.parse(text, Example("7", "?", choices, None)) == choice


@pytest.mark.parametrize("letter", ["\u0130", "\u212a", "\u017f", "\u0131", "\uff21", "\u00e4", "\u03b1", "\u0430"])
@pytest.mark.parametrize("around", ["{}", "({})", "{}.", "[{}] x", "The answer is {}.", "({0}) {0}stanbul", "x ({})"])
def test_letters_of_no_question_are_no_letters(letter: str, around: str) -> None:
    """A dotted I, the Kelvin sign, a long s, letters of other alphabets: none of them is written before a choice."""
    choices = tuple(f"choice {n}" for n in range(26))
    assert PLAIN.parse(around.format(letter), Example("8", "?", choices, None)) is None


ANYTHING = st.text(max_size=40)
NOT_BLANK = st.text(min_size=1, max_size=12).filter(str.strip)
LIKE_ANSWERS = st.lists(
    st.sampled_from([*"aAbBcCiIkKsS", "\u0130", "\u212a", "\u017f", "(", ")", "[", "]", "*", ".", ":", "'", " ", "\n"])
    | st.sampled_from(["answer", "The answer is ", "Answer: ", "[answer]", "bank", "bank teller", "not ", "or "]),
    max_size=12,
).map("".join)


@settings(max_examples=200)
@given(text=ANYTHING | LIKE_ANSWERS, choices=st.lists(ANYTHING | LIKE_ANSWERS, max_size=6))
def test_any_text_is_read_or_not_and_nothing_breaks(text: str, choices: list[str]) -> None:
    found = PLAIN.parse(text, Example("9", "?", tuple(choices), None))
    assert found is None or 0 <= found < len(choices)


@settings(max_examples=50)
@pytest.mark.parametrize("template", ANSWER_TEMPLATES)
@given(choices=st.lists(NOT_BLANK | LIKE_ANSWERS.filter(str.strip), min_size=1, max_size=6))
def test_whatever_the_choices_hold_an_answer_names_its_choice(template: str, choices: list[str]) -> None:
    text = MultipleChoiceText("{question}", "{choice}", "", template)
    example = Example("10", "?", tuple(choices), None)
    for choice in range(len(choices)):
        assert reads_alike(example, text.parse(text.answer(example, choice), example), choice)


def test_choices_that_differ_in_signs_only_are_kept_apart() -> None:
    signs = Example("4", "What is it?", ("c", "c++", "-1", "1", "1.5", "15"), 0)
    assert [PLAIN.parse(f"The answer is {text}", signs) for text in signs.choices] == list(range(6))


def test_a_question_is_written_with_its_choices() -> None:
    example = Example("5", "Where is {it}?", ("here", "{there}"), 0)
    assert PLAIN.question(example) == "Where is {it}? (a) here (b) {there}"


@pytest.mark.parametrize("template", ANSWER_TEMPLATES)
@pytest.mark.parametrize("around", AROUND)
@given(choices=st.lists(st.from_regex(r"[a-z]{3,6}( [a-z]{2,6}){0,2}", fullmatch=True), min_size=2, max_size=6))
def test_what_is_written_is_read_back(template: str, around: str, choices: list[str]) -> None:
    text = MultipleChoiceText("{question}", "{choice}", "", template)
    example = Example("6", "?", tuple(choices), None)
    for choice, name in enumerate(choices):
        found = text.parse(around.format(text.answer(example, choice)), example)
        assert found is not None
        assert choices[found] == name


@pytest.mark.realdata
@pytest.mark.parametrize("template", ANSWER_TEMPLATES[:2])
def test_every_real_choice_is_read_back(template: str, shared_data: Path) -> None:
    text = MultipleChoiceText("{question}", "{choice}", "", template)
    for line in (shared_data / "cqa" / "validation.jsonl").read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        example = Example(values["id"], values["question"], tuple(values["choices"]), None)
        for choice, name in enumerate(example.choices):
            for around in AROUND:
                found = text.parse(around.format(text.answer(example, choice)), example)
                assert found is not None
                assert folded(example.choices[found]) == folded(name)


@pytest.mark.parametrize(
    ("key", "template", "message"),
    [
        ("question_template", "{qestion} {choices}", r"task\.question_template.*\{qestion\}.*did you mean 'question'"),
        ("choice_template", "{choice.__class__}", r"task\.choice_template.*did you mean 'choice'"),
        ("answer_template", "{choice[0]}", r"task\.answer_template.*did you mean 'choice'"),
        ("answer_template", "{choice!r}", "task.answer_template"),
        ("answer_template", "{choice", "task.answer_template"),
        ("answer_template", "yes", r"put \{letter\} or \{choice\} into it"),
        ("question_template", "{choices}", r"put \{question\} into it"),
    ],
)
def test_a_wrong_template_is_refused_by_name(key: str, template: str, message: str) -> None:
    templates = {
        "question_template": "{question}",
        "choice_template": "{choice}",
        "choice_separator": "",
        "answer_template": "{choice}",
        key: template,
    }
    with pytest.raises(ConfigError, match=message):
        MultipleChoiceText(**templates)
