"""Answers, repeats and files in other languages than English, and in scripts without blanks between words."""

from pathlib import Path

import pytest

from distillrun.records import Example
from distillrun.text.repeats import asked
from tests.leaves import made
from tests.task.test_multiple_choice import task, write

CHOICES: dict[str, tuple[str, ...]] = {
    "Chinese": ("图书馆", "厨房", "河边", "办公室", "水"),
    "Japanese": ("図書館", "台所", "川"),
    "Korean": ("도서관", "부엌", "강"),
    "Arabic": ("المكتبة", "المطبخ", "النهر"),
    "Hindi": ("पुस्तकालय", "रसोई", "नदी"),
    "Turkish": ("ırmak", "mutfak", "kütüphane"),
    "German": ("die Straße", "die Küche", "der Fluss"),
}
ANSWERS: list[tuple[str, str, int | None]] = [
    ("Chinese", "图书馆。", 0),
    ("Chinese", "答案是图书馆。", 0),
    ("Chinese", "答案:B", 1),
    ("Chinese", "正确答案应该是(C)河边", 2),
    ("Chinese", "书都放在那里,\n所以我认为是图书馆。", 0),
    ("Chinese", "不是厨房,而是图书馆。", 0),
    ("Chinese", "不是厨房。", None),
    ("Chinese", "图书馆或厨房。", None),
    ("Chinese", "选D", 3),
    ("Chinese", "A。", 0),
    ("Chinese", "答案是水。", 4),
    ("Chinese", "水果很好吃。", None),
    ("Chinese", "「办公室」", 3),
    ("Japanese", "答えは図書館です。", 0),
    ("Japanese", "図書館ではなく台所です。", 1),
    ("Korean", "정답은 부엌입니다.", 1),
    ("Korean", "정답: A", 0),
    ("Arabic", "الإجابة هي المكتبة.", 0),
    ("Arabic", "الجواب: المطبخ", 1),
    ("Arabic", "النهر؟", 2),
    ("Hindi", "उत्तर है रसोई।", 1),
    ("Hindi", "सही उत्तर: पुस्तकालय", 0),
    ("Turkish", "IRMAK", 0),
    ("Turkish", "Irmak.", 0),
    ("Turkish", "KÜTÜPHANE", 2),
    ("Turkish", "Cevap: mutfak", 1),
    ("German", "DIE STRASSE", 0),
    ("German", "Die Antwort ist die Küche.", 1),
]


@pytest.mark.parametrize(("language", "text", "choice"), ANSWERS)
def test_an_answer_is_read(language: str, text: str, choice: int | None) -> None:
    example = Example("q", "?", CHOICES[language], 0)
    assert made("task", "multiple_choice").parse(text, example) == choice


@pytest.mark.parametrize("language", CHOICES)
def test_every_choice_is_read_as_it_is_written(language: str) -> None:
    example = Example("q", "?", CHOICES[language], 0)
    for template in ("{choice}", "({letter}) {choice}", "答案是{choice}。", "Antwort: {choice}"):
        written = made("task", "multiple_choice", answer_template=template)
        places = range(len(example.choices))
        assert [written.parse(written.answer(example, place), example) for place in places] == [*places]


def test_two_words_that_a_turkish_capital_confuses_stay_two() -> None:
    example = Example("q", "?", ("kır", "kir"), 0)
    parse = made("task", "multiple_choice").parse
    assert [parse("kır", example), parse("kir", example), parse("KIR", example)] == [0, 1, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("卡片在哪里?", "卡片在哪里?"),
        ("Größe des Fensters?", "GRÖSSE des  Fensters"),
        ("Gro\u0308ße?", "Größe?"),
        ("कार्ड कहाँ है?", " कार्ड  कहाँ है"),
        ("أين البطاقة؟", "أين  البطاقة؟"),
    ],
)
def test_a_question_that_is_typed_otherwise_is_the_same(one: str, other: str) -> None:
    assert asked(Example("a", one, ("x", "y"), 0)) == asked(Example("b", other, ("x", "y"), 0))


@pytest.mark.parametrize("language", CHOICES)
def test_rows_and_their_answers_are_read(language: str, tmp_path: Path) -> None:
    choices = CHOICES[language]
    rows = [{"choices": [*choices], "answer": choice} for choice in choices]
    examples = task(write(tmp_path, rows, rows), dev_share=0.0).examples("test")
    assert [example.answer for example in examples] == [*range(len(choices))]
