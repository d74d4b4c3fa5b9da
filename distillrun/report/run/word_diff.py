"""The words that were added to a text and removed from it between two versions."""

from difflib import SequenceMatcher

from distillrun.report.page.block import Piece


def word_diff(before: str, after: str) -> list[Piece]:
    """Return the pieces of both texts in order: kept, removed and added words. White space does not count."""
    old, new = before.split(), after.split()
    pieces: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(" ".join(old[a:b]), "same"))
            continue
        if b > a:
            pieces.append(Piece(" ".join(old[a:b]), "removed"))
        if d > c:
            pieces.append(Piece(" ".join(new[c:d]), "added"))
    return pieces
