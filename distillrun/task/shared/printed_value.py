"""Lists and mappings that stand in a cell as text: as JSON, or as Python, NumPy and pandas print them."""

import ast
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from token import NL, NUMBER, STRING
from tokenize import TokenError, TokenInfo, generate_tokens
from typing import Any

from distillrun.files.strict_json import strict_json

MOST_CHARACTERS = 100_000

_OPENING, _CLOSING = ("[", "(", "{"), ("]", ")", "}")


def printed_value(text: str) -> Any:
    """Return the value that a text writes: `["a"]`, `['a', 'b']`, `['a' 'b']`, `{'text': array(['a'], dtype=object)}`.

    Nothing is executed: only lists, mappings, texts and numbers are understood.

    Raises:
        ValueError: it is something else, or too long.
    """
    with suppress(ValueError, RecursionError):
        return strict_json(text)
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"longer than {MOST_CHARACTERS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash in a cell is no mistake of a programmer
            return _value(ast.parse(_with_commas(text.strip()), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, TokenError) as error:
        raise ValueError(str(error)) from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.List(elts=entries) | ast.Tuple(elts=entries):
            return [_value(entry) for entry in entries]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): _value(one) for key, one in zip(keys, values, strict=True)}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Call(func=ast.Name(id="array") | ast.Attribute(value=ast.Name(id="np")), args=[inner, *_]):
            return _value(inner)  # array([...], dtype=object), np.str_('a'), np.int64(1)
    raise ValueError(f"{ast.unparse(node):.40} is neither a list nor a value")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("the keys of a mapping must be texts")


def _with_commas(text: str) -> str:
    """Return a text with commas between values that only blanks part, as NumPy prints a list.

    Raises:
        ValueError: a list has some of them, so that Python would join two texts to one.
    """
    lines = text.splitlines(keepends=True)
    for row, column in reversed(list(_unparted(text))):
        lines[row - 1] = f"{lines[row - 1][:column]}, {lines[row - 1][column:]}"
    return "".join(lines)


def _unparted(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a value follows another without a comma, in brackets that have no comma at all."""
    open_lists: list[tuple[bool, list[tuple[int, int]]]] = [(False, [])]
    before: TokenInfo | None = None
    for token in generate_tokens(StringIO(text).readline):
        if token.type == NL:
            continue
        parted, found = open_lists[-1]
        if token.string in _OPENING:
            open_lists.append((False, []))
        elif token.string in _CLOSING and len(open_lists) > 1:
            if parted and found:
                raise ValueError("some values have commas between them, and others have none")
            yield from found
            open_lists.pop()
        elif token.string == ",":
            open_lists[-1] = (True, found)
        elif before is not None and token.type in (STRING, NUMBER) and before.type in (STRING, NUMBER):
            found.append(token.start)
        before = token
