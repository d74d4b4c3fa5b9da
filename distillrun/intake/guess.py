"""The task that fits a user's tables, as settings, each with what it was concluded from."""

from collections.abc import Mapping, Sequence
from typing import Any

from distillrun.errors import ConfigError
from distillrun.intake.answers import are_labels, are_wrong, check_header, several_labels
from distillrun.intake.columns import (
    IDS,
    RATIONALES,
    called,
    choice_columns,
    group_column,
    id_column,
    is_texts,
    label_column,
    text_column,
    text_pair,
)
from distillrun.intake.free_answers import MARKER, marked, scorer_of
from distillrun.intake.guessed import Guess, Kind
from distillrun.intake.label_names import name_labels
from distillrun.intake.placing import divide, place, without_hidden
from distillrun.intake.tables import LABELS, Table


def guess(
    tables: Mapping[str, Table], kind: Kind | None, text: str | None, label: str | None, encoding: str | None
) -> Guess:
    """Return the task that fits some tables.

    Args:
        tables: by role, see `tables_of`.
        kind, text, label: the task and the columns, where the user says them.
        encoding: of text files.

    Raises:
        ConfigError: no task fits, or several do.
    """
    data = {role: table for role, table in tables.items() if role != LABELS}
    known = next(data[role] for role in ("test", "dev", "train") if role in data)  # these have labels
    columns = list(dict.fromkeys(column for table in data.values() for column in table.columns))
    rows = [row for table in data.values() for row in table.cells]
    check_header(data)
    choices = choice_columns(known.columns, known.cells) if kind in (None, "multiple_choice") else None
    if kind == "multiple_choice" and choices is None:
        raise ConfigError(f"no column holds choices, as task=multiple_choice needs ({', '.join(known.columns)})")
    own = [choices] if isinstance(choices, str) else choices or []
    asked = text_column([one for one in columns if one not in own], rows, text)
    named = id_column(columns, rows)
    apart = [asked, *own, *([named] if named else [])]
    pair = text_pair([one for one in columns if one not in own], rows) if text is None else None
    apart += [one for one in pair or () if one not in apart]
    given = _labelled(data, apart, label)
    tables, hidden = without_hidden(tables, given)
    data = {role: table for role, table in tables.items() if role != LABELS}
    known = next(data[role] for role in ("test", "dev", "train") if role in data)
    found = Guess("classification" if choices is None else "multiple_choice")
    fields: dict[str, Any] = {"id": named}
    if choices is not None:
        if given is None:
            raise ConfigError(f"no column holds the right answers; name it with --label ({', '.join(known.columns)})")
        if isinstance(choices, list) and are_wrong(choices):
            own = choices = [*choices, given]
            found.settings |= {"answer_form": "text", "shuffle_choices": True}
        fields |= {"question": asked, "choices": choices, "answer": given}
        verb = "holds" if isinstance(choices, str) else "hold"
        found.reasons.append(f"task=multiple_choice: {' and '.join(own)} {verb} the choices of each row")
        if "shuffle_choices" in found.settings:
            found.reasons.append(
                f"answers: {given} is a choice of its own, so the order of the choices is drawn (task.shuffle_choices)"
            )
    elif kind == "free_form" or not are_labels(tables, known, given, kind):
        if given is None:
            raise ConfigError(f"no column holds the answers; name it with --label ({', '.join(known.columns)})")
        found.kind = "free_form"
        fields |= {"question": asked, "reference": given, "rationale": None}
        found.scorer, what = scorer_of(known.values(given))
        found.reasons.append(
            f"task=free_form: {given} holds answers in free form, which are {what} (scorer {found.scorer})"
        )
        if marked(known.values(given)):
            found.settings["reference_marker"] = MARKER
            fields["rationale"] = given
            found.reasons.append(
                f"answers: stand behind {MARKER} in {given}, and the reasons before it (task.reference_marker)"
            )
    else:
        fields |= {"text": asked, "label": given or "label"}
        found.reasons.append(f"task=classification: {asked} holds texts, and the labels repeat")
        several, sign = several_labels(known.values(given)) if given is not None else (False, None)
        if several:
            found.settings |= {"multi_label": True, "label_separator": sign}
            how = "a list" if sign is None else f"separated by {sign!r}"
            found.reasons.append(f"labels: a text has several, {how} (task.multi_label)")
    found.settings["fields"] = fields
    found.reasons += hidden
    found.reasons.append(f"columns: {', '.join(f'{name}={column}' for name, column in fields.items() if column)}")
    place(found, tables)
    divide(found, data, str(given))
    told = _further(found, data, columns, [asked, *own, *([given] if given else []), *([named] if named else [])])
    if pair is not None:
        found.settings["template"] = "\n".join(f"{{{name}}}" for name in pair)
        found.reasons.append(
            f"template: {pair[0]} and {pair[1]} are read together (task.template; null = {asked} alone)"
        )
    if unread := [one for one in columns if one not in (asked, *(pair or ()), *own, given, named, *told)]:
        more = next((one for one in unread if one.lower() not in IDS and is_texts(one, rows)), "")
        whole = f"{{{more}}}\\n{{{asked}}}"
        cure = f"; to put {more} before {asked} add the word 'task.template=\"{whole}\"'" if more else ""
        found.reasons.append(f"not read: {', '.join(one or '(a column without a name)' for one in unread)}{cure}")
    if found.kind == "classification":
        name_labels(found, tables, data["train"], given)
    if encoding is not None:
        found.settings["encoding"] = encoding
    return found


def _further(found: Guess, data: Mapping[str, Table], columns: Sequence[str], apart: Sequence[str]) -> list[str]:
    """Set what else columns tell: rationales that prompts can show, and groups that stay together; return these."""
    train = data["train"]
    told = []
    if (why := called([one for one in train.columns if one not in apart], RATIONALES)) is not None:
        found.settings["fields"]["rationale"] = why
        found.reasons.append(f"rationale: {why} holds reasons, which prompts can show (task.fields.rationale)")
        told.append(why)
    group = group_column(train.columns, train.cells, apart)
    if group is not None and not {"dev", "test"} <= data.keys():
        found.settings["split_by"] = group
        found.reasons.append(
            f"groups: rows with one {group} stay in one split, since they are not independent (task.split_by)"
        )
        told.append(group)
    return told


def _labelled(data: Mapping[str, Table], apart: Sequence[str], label: str | None) -> str | None:
    """Return the column of labels or answers: one that train alone has, or that of the test, else of dev or train."""
    train = data["train"]
    if "test" in data and label is None:
        alone = [one for one in train.columns if one not in data["test"].columns]
        if (found := label_column(alone, train.cells, apart, None)) is not None:
            return found
    for role in ("test", "dev", "train"):
        if role in data and (role == "train" or label is None or label in data[role].columns):
            found = label_column(data[role].columns, data[role].cells, apart, label)
            if found is not None:
                return found
    return None
