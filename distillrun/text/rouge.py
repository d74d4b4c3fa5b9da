"""ROUGE-L: the longest common subsequence of the words of two texts."""

import re


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.casefold())


def rouge_l(text: str, reference: str) -> float:
    """Return ROUGE-L: the F1 of the longest common subsequence of words; 0 where either text is empty.

    Source: Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries, section 3, with beta = 1.
    """
    own, other = words(text), words(reference)
    if not own or not other:
        return 0.0
    row = [0] * (len(other) + 1)
    for word in own:
        diagonal = 0
        for place, found in enumerate(other, start=1):
            above = row[place]
            row[place] = diagonal + 1 if word == found else max(above, row[place - 1])
            diagonal = above
    return 2 * row[-1] / (len(own) + len(other))
