"""The normal form and the word overlap of short answers, as SQuAD's official script has them."""

import re
import string
import unicodedata
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation, English articles and superfluous blanks.

    Characters are composed first (NFC); otherwise it is `normalize_answer` of the official script.
    Source: Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250; evaluate-v2.0.py.
    """
    bare = unicodedata.normalize("NFC", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def token_f1(text: str, reference: str) -> float:
    """Return the F1 of the words of two texts in normal form; where one has none, whether both have none."""
    own, other = normalised(text).split(), normalised(reference).split()
    if not own or not other:
        return float(own == other)
    shared = (Counter(own) & Counter(other)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(own), shared / len(other)
    return 2 * precision * recall / (precision + recall)
