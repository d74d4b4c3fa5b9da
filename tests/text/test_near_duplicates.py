"""Near-duplicates are those that an exhaustive comparison finds, in any script."""

import random
from collections.abc import Sequence

import pytest

from distillrun.text.near_duplicates import nearly_in, shingles_of

PAIRS: dict[str, tuple[str, str, str]] = {
    "English": (
        "i tried to get some money out but the machine was not working",
        "i tried to get some money but the machine was not working",
        "where can i change my money before the weekend",
    ),
    "German": (
        "wie ändere ich die Größe des Fensters in den Einstellungen?",
        "wie ändere ich die Größe der Fenster in den Einstellungen?",
        "warum lässt sich das Fenster im Bad nicht öffnen?",
    ),
    "Turkish": (
        "kartım henüz gelmedi, ne zaman teslim edileceğini öğrenebilir miyim",
        "kartım hâlâ gelmedi, ne zaman teslim edileceğini öğrenebilir miyim",
        "hesabımdan çekilen ücreti neden iki kez görüyorum",
    ),
    "Hindi": (
        "मेरा कार्ड अभी तक नहीं आया है, यह कब तक पहुँचेगा?",
        "मेरा कार्ड अभी तक नहीं आया, यह कब तक पहुँचेगा?",
        "मैं अपना पासवर्ड भूल गया हूँ, अब क्या करूँ?",
    ),
    "Arabic": (
        "لم تصل بطاقتي بعد، متى سيتم تسليمها إلى عنوان منزلي؟",
        "لم تصل بطاقتي حتى الآن، متى سيتم تسليمها إلى عنوان منزلي؟",
        "نسيت كلمة المرور الخاصة بي، ماذا أفعل الآن؟",
    ),
    "Chinese": (
        "我的银行卡还没有寄到,请问什么时候可以收到新的卡片?",
        "我的银行卡还没有寄到,请问什么时候能收到新的卡片?",
        "我忘记了登录密码,现在应该怎么办才能找回?",
    ),
    "Japanese": (
        "カードがまだ届いていませんが、いつ頃届くのか教えてください。",
        "カードがまだ届きませんが、いつ頃届くのか教えてください。",
        "パスワードを忘れてしまったので再設定の方法を知りたいです。",
    ),
}


@pytest.mark.parametrize("language", PAIRS)
def test_a_changed_word_is_near_and_another_question_is_not(language: str) -> None:
    text, near, other = PAIRS[language]
    everything = tuple(one for name, texts in PAIRS.items() if name != language for one in texts)
    assert nearly_in((text,), (*everything, near, other), 0.6) == (len(everything),)
    assert nearly_in((text,), (*everything, other), 0.6) == (None,)


def varied(texts: Sequence[str], seed: int) -> tuple[str, ...]:
    """Return texts in each of which some letters are another one."""
    draw = random.Random(seed)
    found = []
    for text in texts:
        letters = list(text)
        for place in draw.sample(range(len(letters)), draw.randrange(6)):
            letters[place] = "x"
        found.append("".join(letters))
    return tuple(found)


def test_what_is_found_is_what_comparing_all_pairs_finds() -> None:
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 7))) for _ in range(300)]
    known = tuple(" ".join(draw.choices(words, k=12)) for _ in range(150))
    texts = varied(known, 1)
    found = nearly_in(texts, known, 0.7)
    for text, place in zip(texts, found, strict=True):
        own = shingles_of(text)
        likeness = [len(own & shingles_of(other)) / len(own | shingles_of(other)) for other in known]
        best = max(likeness)
        assert (place is not None) == (best >= 0.7)
        assert place is None or likeness[place] >= 0.7
    assert 20 < sum(place is not None for place in found) < 130


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("what is 1", "what is 12"),
        ("tom has 5 apples, 3 pears. how many?", "tom has 6 apples, 3 pears. how many?"),
    ],
)
def test_another_number_is_another_question(text: str, known: str) -> None:
    assert nearly_in((text,), (known,), 0.5) == (None,)
    assert nearly_in((text,), (text,), 1 - 1e-9) == (0,)


def test_short_texts_are_near_to_themselves_alone() -> None:
    assert nearly_in(("hi", "ho", "你好"), ("hi", "你", "你好"), 0.8) == (0, None, 2)
