"""Numbers as people write them: 1,234, $5, -3.50, 3/4, 1 1/2, 25 %."""

import re
import unicodedata
from fractions import Fraction

MOST_DIGITS = 60
"""Of a number; a longer run of digits is none that anybody means."""

_SIGN = r"(?P<sign>[-+])?"
_CURRENCY = r"(?:[$€£¥₹]\s?)?"
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_NUMBER = re.compile(
    rf"""
    (?<![\w.]) (?: (?<!\d) {_SIGN} {_CURRENCY} | {_CURRENCY} (?P<inner>[-+])? )
    (?:
        (?: (?P<mixed>\d+) [ ] )? (?P<top>\d+) [ ]? / [ ]? (?P<bottom>\d+) (?![\d/])
      | (?P<decimal> {_WHOLE} (?:\.\d+)? | \.\d+ ) (?P<power>[eE][-+]?\d{{1,3}}(?!\d))?
    )
    """,
    re.VERBOSE,
)


_APART = re.compile("(?<=\\d)(?=[\u00bc-\u00be\u2150-\u215e])")
"""Between a whole number and a fraction in one sign, which composition would join: 1\u00bd is not 11/2."""

_POWER = re.compile("[\u00b2\u00b3\u00b9\u2070-\u2079]+")


def numbers_in(text: str) -> list[Fraction]:
    """Return the numbers of a text in their order, exactly. Words such as "five" are none.

    A comma groups thousands, a point begins decimals, whatever the country; signs of currency and per cent do not
    count (50 % is 50). A minus sign may be a hyphen or U+2212.
    """
    plain = (
        unicodedata.normalize("NFKC", _APART.sub(" ", _POWER.sub(" ", text)))
        .replace("\u2212", "-")
        .replace("\u2044", "/")
    )
    found = (_value(match) for match in _NUMBER.finditer(plain))
    return [value for value in found if value is not None]


def written(value: Fraction) -> str:
    """Return a number in its shortest exact form: 18, 3.5, and 1/3 where its decimals do not end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MOST_DIGITS:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _value(match: re.Match[str]) -> Fraction | None:
    if len(match[0]) > MOST_DIGITS:
        return None
    sign = -1 if "-" in (match["sign"] or "") + (match["inner"] or "") else 1
    if match["decimal"] is not None:
        return sign * Fraction(match["decimal"].replace(",", "") + (match["power"] or ""))
    if int(match["bottom"]) == 0:
        return None
    return sign * (int(match["mixed"] or 0) + Fraction(int(match["top"]), int(match["bottom"])))
