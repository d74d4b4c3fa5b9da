"""The columns of a user's tables: which one is the text, the label, the choices, the answer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.intake.free_answers import are_objects
from distillrun.task.shared.choice_row import is_blank

TEXTS = (
    *("question", "query", "text", "sentence", "utterance", "prompt", "problem", "stem", "content", "message"),
    *("body", "ticket", "review", "comment", "tweet", "document", "description", "title", "input"),
)
LABELS = ("label", "category", "class", "intent", "topic", "sentiment", "tag", "target", "labels", "y")
ANSWERS = (
    *("answer", "answerkey", "answer_key", "correct", "correct_answer", "gold", "label", "target", "cop", "output"),
    *("answers.text", "answers", "response", "completion"),
)
PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text1", "text2")),
    *(("passage", "question"), ("context", "question"), ("article", "question"), ("story", "question")),
    *(("context", "query"), ("paragraph", "question"), ("subject", "body"), ("title", "body"), ("title", "text")),
    *(("subject", "text"), ("title", "description"), ("subject", "description"), ("headline", "text")),
    ("instruction", "input"),
)
"""Texts that are read together, the first before the second."""
CHOICES = ("choices", "options", "candidates", "endings", "answers")
RATIONALES = ("rationale", "explanation", "explanation_1", "reasoning", "reason", "cot", "why", "justification")
GROUPS = (
    *("customer_id", "customer", "user_id", "user", "client_id", "account_id", "account", "patient_id", "patient"),
    *("author_id", "author", "speaker", "session_id", "session", "thread_id", "conversation_id", "dialogue_id"),
    *("document_id", "doc_id", "passage_id", "article_id", "context_id", "group_id", "group", "subject_id"),
)
"""Of rows that tell of each other."""
IDS = ("id", "qid", "uid", "guid", "idx", "example_id", "question_id")

_LETTERED = re.compile(r"(?P<stem>.*?)[ _.-]?(?P<mark>[A-Ha-h]|\d)")
SHORT = 60
"""Characters that a label has at most."""
NUMBERS = 20
"""More different numbers than these are answers that are counted out, not labels."""
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")


def called(columns: Iterable[str], names: Sequence[str]) -> str | None:
    """Return the column that is called by one of some names, the first of these that is there."""
    whole = list(columns)[::-1]
    known = {_plain(column.rpartition(".")[2]): column for column in whole} | {
        _plain(column): column for column in whole
    }
    return next((known[name] for name in names if name in known), None)


def text_pair(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return two columns of texts that belong together, such as a passage and a question; None where there are none."""
    for names in PAIRS:
        first, second = (called(columns, (name,)) for name in names)
        if first is not None and second is not None and all(is_texts(one, rows) for one in (first, second)):
            return first, second
    return None


def is_texts(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a column holds texts: of two words or more on average."""
    return _words(row.get(column) for row in rows) >= 2


def choice_columns(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str | list[str] | None:
    """Return the column that holds lists of choices, or the columns that hold one each; None where there are none."""
    listed = called(columns, CHOICES)
    if listed is not None and all(_is_list(row.get(listed)) for row in rows[:20]):
        return listed
    families: dict[str, list[tuple[str, str]]] = {}
    for column in columns:
        if match := _LETTERED.fullmatch(column):
            families.setdefault(match["stem"].lower(), []).append((match["mark"].lower(), column))
    for family in families.values():
        marks = [ord(mark) for mark in sorted(mark for mark, _ in family)]
        if len(marks) > 1 and chr(marks[0]) in "a01" and marks == [*range(marks[0], marks[0] + len(marks))]:
            return [column for _, column in sorted(family)]
    return None


def id_column(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column of ids; None where there is none that names every row by another text."""
    column = called(columns, IDS)
    if column is None:
        return None
    values = [row.get(column) for row in rows]
    if any(not isinstance(value, str) or is_blank(value) for value in values) or len(set(values)) < len(values):
        return None
    return column


def group_column(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], apart: Sequence[str]) -> str | None:
    """Return the column of groups: one that is called so, and has values of several rows each; None where none has."""
    for name in GROUPS:
        column = called([one for one in columns if one not in apart], (name,))
        values = [] if column is None else [str(row.get(column)) for row in rows if not is_blank(row.get(column))]
        if 1 < len(set(values)) <= len(values) / 1.5:
            return column
    return None


def text_column(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], wanted: str | None) -> str:
    """Return the column of the texts or questions. Raises ConfigError where it is not there, or none holds texts."""
    if wanted is not None:
        return _there(wanted, columns, "--text")
    if (pair := text_pair(columns, rows)) is not None:
        return pair[1]
    named = [name for name in TEXTS if (column := called(columns, (name,))) is not None and is_texts(column, rows)]
    if (found := called(columns, (*named, *TEXTS))) is not None:
        return found
    lengths = {column: _words(row.get(column) for row in rows) for column in columns}
    longest = max(lengths, key=lengths.__getitem__)
    if lengths[longest] < 2:
        inner = rows_within(columns, rows)
        raise ConfigError(inner or f"no column holds texts; name it with --text (there are {', '.join(columns)})")
    return longest


def rows_within(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the message about a column whose cells hold rows of their own, as nested JSON does; empty for none."""
    for column in columns:
        cells: list[Any] = [row.get(column) for row in rows[:20] if not is_blank(row.get(column))]
        if cells and all(isinstance(cell, list) and cell and isinstance(cell[0], Mapping) for cell in cells):
            keys = ", ".join(str(key) for key in cells[0][0])
            return (
                f"each row holds rows of its own under {column} ({keys}); write a file with one question and its "
                'answer in each row, such as {"question": ..., "answer": ...}'
            )
    return ""


def label_column(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], apart: Sequence[str], wanted: str | None
) -> str | None:
    """Return the column of the labels or answers; None where none is found.

    It is called so, or is the only one with few short values that repeat, or with JSON objects.

    Args:
        columns: of the rows.
        rows: with labels or without.
        apart: columns that are something else.
        wanted: the column that the user names.

    Raises:
        ConfigError: the user's is not there, or several may be it.
    """
    if wanted is not None:
        return _there(wanted, columns, "--label")
    rest = [column for column in columns if column not in apart]
    if (found := called(rest, LABELS)) is not None or (found := called(rest, ANSWERS)) is not None:
        return found
    others = (*GROUPS, *RATIONALES, *IDS)
    fitting = [column for column in rest if _plain(column) not in others and repeats([row.get(column) for row in rows])]
    if len(fitting) > 1:
        raise ConfigError(f"the columns {', '.join(fitting)} may each be the label; name the one that is with --label")
    if not fitting:
        fitting = [column for column in rest if are_objects([row.get(column) for row in rows])]
    return fitting[0] if len(fitting) == 1 else None


def repeats(values: Sequence[Any]) -> bool:
    """Return whether values are short texts, few of which are different: labels rather than answers."""
    known = [value for value in values if not is_blank(value)]
    different = {str(value).strip() for value in known}
    if len(different) > NUMBERS and all(_NUMBER.fullmatch(one) for one in different):
        return False
    return 1 < len(different) <= len(known) / 2 and all(len(one) <= SHORT and "\n" not in one for one in different)


def _plain(column: str) -> str:
    """Return the name of a column as it is compared."""
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _is_list(value: Any) -> bool:
    if isinstance(value, str):
        text = value.strip()
        return text[:1] in ("[", "{") or text.startswith("array(")
    return isinstance(value, list | tuple | dict) or (hasattr(value, "tolist") and not isinstance(value, bytes))


def _words(values: Iterable[Any]) -> float:
    texts = [value for value in values if isinstance(value, str) and not is_blank(value)]
    return sum(len(text.split()) for text in texts) / len(texts) if texts else 0.0


def _there(column: str, columns: Sequence[str], flag: str) -> str:
    if column in columns:
        return column
    raise ConfigError(f"{flag} {column}: there is no such column{nearest(column, columns)}; {', '.join(columns)}")
