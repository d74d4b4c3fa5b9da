"""Rows as CSV of which a spreadsheet runs nothing; every CSV that distillrun writes is made here."""

import re
from collections.abc import Sequence

from distillrun.text.display import plain

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBERS = re.compile(rf"{_NUMBER}(?: %)?|{_NUMBER} to {_NUMBER}|{_NUMBER} \[{_NUMBER}, {_NUMBER}\]")
_FORMULA = re.compile(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_PARTS = re.compile(r"([;\t\r\n])")
_QUOTED = re.compile(r"[,;\t\r\n\"]")


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV; a text that a spreadsheet would run as a formula is kept from it by an apostrophe.

    Numbers stay numbers.
    """
    return "".join(",".join(map(_cell, row)) + "\n" for row in (columns, *rows))


def _cell(value: object) -> str:
    """Return one value: nothing for None, numbers as Python has them, any other by its text."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = inert(str(value))
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if _QUOTED.search(text) else text


def inert(text: str) -> str:
    """Return a text that a spreadsheet shows and does not run.

    A formula begins with a sign, also after blanks, and in wide letters. Where a spreadsheet parts cells at semicolons
    or tabs, a cell may begin inside a text; a number there is guarded, too, since the text's closing quote follows it.

    Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    text = plain(text)
    if _NUMBERS.fullmatch(text):
        return text
    before = "'" if text and text[0] in ("\t", "\r", "\n") else ""
    return before + "".join(f"'{part}" if _FORMULA.match(part) else part for part in _PARTS.split(text))
