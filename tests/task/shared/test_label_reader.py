"""Which of many labels a text names."""

from string import ascii_lowercase

import pytest

from distillrun.task.shared.label_reader import LabelReader

NAMES = [
    "card_arrival",
    "lost card",
    "card",
    "Refund_not_showing_up",
    "other",
    "top-up reverted",
    "Kartenverlust",
    "丢失卡",
]
NUMBERS = {str(n + 1): n for n in range(len(NAMES))}
NUMBERED = LabelReader(NAMES, NAMES, NUMBERS)
BARE = LabelReader(NAMES, NAMES, {})
DIGITS = LabelReader(["3", "1", "2"], ["3", "1", "2"], {"1": 0, "2": 1, "3": 2})
LETTERED = LabelReader(NAMES, NAMES, {ascii_lowercase[n]: n for n in range(len(NAMES))})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("card_arrival", 0),
        (" Card Arrival.", 0),
        ("card-arrival", 0),
        ("`card_arrival`", 0),
        ("CARD", 2),
        ("top up reverted", 5),
        ("丢失卡", 7),
        ("kartenverlust", 6),
        # a number, as the prompt lists it
        ("2", 1),
        ("2.", 1),
        ("(2)", 1),
        ("**2**", 1),
        ("2. lost card", 1),
        ("2 - lost card", 1),
        ("2) something that is no label", 1),
        ("99", None),
        ("3 days ago", None),
        # the text wins over the number
        ("2. card_arrival", 0),
        # after a cue, on its first line
        ("Label: lost card", 1),
        ("The customer waits for a card.\nAnswer: card_arrival\n\nThis is since other labels fit less.", 0),
        ('{"label": "card_arrival"}', 0),
        ("The label is **4**", 3),
        ("This is classified as Refund_not_showing_up.", 3),
        ("Label: card? No.\nLabel: lost card", 1),
        # the last line, the first one, the only one that the last sentence mentions
        ("I think about it.\nlost card", 1),
        ("lost card\nBecause it was stolen, which a person reports.", 1),
        ("It must be the label lost card here", 1),
        ("It is Refund_not_showing_up I would say", 3),
        ("It is not lost card here", None),
        ("Between lost card and card_arrival, who knows", None),
        ("I cannot say", None),
        ("", None),
        ("\n", None),
        ("__import__('os').getcwd()", None),
    ],
)
def test_a_label_is_read(text: str, label: int | None) -> None:
    assert NUMBERED.read(text) == label


@pytest.mark.parametrize(
    ("reader", "text", "label"),
    [(BARE, "2", None), (DIGITS, "3", 0), (DIGITS, "1", 1), (LETTERED, "b", 1), (LETTERED, "(B) lost card", 1)],
)
def test_a_marker_counts_only_where_the_prompt_lists_it(reader: LabelReader, text: str, label: int | None) -> None:
    assert reader.read(text) == label


def test_a_letter_is_no_label_where_none_is_listed() -> None:
    assert NUMBERED.read("A") is None
    assert NUMBERED.read("b)") is None
