"""A question made of several columns: names that are not there are answered with those that are."""

import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.task.shared.row_text import RowText

ROW = Row(
    "a.csv:2", {"article": "Of {question} and {0}.", "Frage 1": "Wer?", "n": 3, "empty": None, "meta": {"by": "x"}}
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{article}\n{Frage 1}", "Of {question} and {0}.\nWer?"),
        ("{{{n}}} {meta.by} {n}", "{3} x 3"),
        ("{empty}{Frage 1}", "Wer?"),
        (None, "Wer?"),
    ],
)
def test_cells_are_copied_and_never_read_as_templates(template: str | None, text: str) -> None:
    assert RowText("Frage 1", template, "task.fields.question").of(ROW) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{artcle}",
            r"a\.csv:2: no column 'artcle' \(did you mean 'article'\?\), see task\.template; it has: article, ",
        ),
        ("{empty}", r"a\.csv:2: empty are blank, see task\.template"),
        ("{meta}", r"a\.csv:2: meta must hold a text"),
        ("{n", r"task\.template='\{n' is malformed: .*; write a literal brace twice"),
        ("{n!r}", r"write \{COLUMN\} with the name of a column and nothing else"),
        ("{n:>9999999}", r"nothing else in the braces"),
        ("{}", r"nothing else in the braces"),
        ("question", r"names no column"),
    ],
)
def test_a_template_that_cannot_be_written_is_refused(template: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RowText("", template, "task.fields.question").of(ROW)
