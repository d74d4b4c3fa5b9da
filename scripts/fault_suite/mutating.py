"""Inputs that are nearly right: a good file with a few changes, and texts of the pieces that parsers look for."""

import random
from collections.abc import Sequence

TOKENS = (
    b"NaN", b"Infinity", b"-1e999", b"1e999", b"null", b"true", b"{}", b"[]", b'""', b"9" * 400, b"-0", b"1.0",
    b"\\ud800", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b",", b";", b"\t", b'"', b'{"a":', b"]", b"}",
    b"[" * 200, "\u0130".encode(), "\u017f".encode(), "\u212a".encode(), "\u2028".encode(), b"=cmd|' /C calc'!A0",
    b"../../x",
)  # fmt: skip
PIECES = (
    "The answer is", "Answer:", "[answer]", "So the answer is", "(a)", "(B)", "A.", "b)", "**A**", "not", "and", "or",
    ".", "!", "?", "\n", " ",
    "the sea", "Sea", "sky", "desk", "\u0130", "\u0131", "\u017f", "\u212a", "\u00df", "\ufb01",
    "(\u0130) \u0130stanbul", "e\u0301", "\U0001f41f", "\u200b", "\u202e", "\x00", "\U0001d400", "\uff21", "\uff11",
    "definitely", '"', "'", "\u201c", "[", "]", "(", ")", "<think>", "</think>", "$", "\\",
)  # fmt: skip


def changed(rng: random.Random, content: bytes) -> bytes:
    """Return the content with one to four changes: bits, bytes, tokens, pieces taken out, doubled or swapped."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(found) + 1)
        length = rng.choice((1, 1, 2, 5, 20, 100))
        way = rng.randrange(7)
        if way == 0 and found:
            found[place % len(found)] ^= 1 << rng.randrange(8)
        elif way == 1:
            found[place:place] = bytes(rng.randrange(256) for _ in range(length % 20))
        elif way == 2:
            del found[place : place + length]
        elif way == 3:
            found[place:place] = found[place : place + length]
        elif way == 4:
            found[place : place + rng.choice((0, 1, 4))] = rng.choice(TOKENS)
        elif way == 5:
            del found[place:]
        else:
            other = rng.randrange(len(found) + 1)
            found[place : place + length] = found[other : other + length]
    return bytes(found)


def text(rng: random.Random, pieces: Sequence[str] = PIECES) -> str:
    """Return a text of the pieces that parsers look for, and of any characters."""
    made = []
    for _ in range(rng.randint(0, 9)):
        if rng.random() < 0.15:
            made.append("".join(chr(rng.choice((rng.randrange(128), rng.randrange(0xD800), 0xE000))) for _ in range(3)))
        else:
            made.append(rng.choice(pieces))
        made.append(rng.choice((" ", "", " ", "\n")))
    return "".join(made)
