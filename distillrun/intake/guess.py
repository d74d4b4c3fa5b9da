"""The task that fits a user's tables, as settings, each with what it was concluded from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from distillrun.errors import ConfigError
from distillrun.intake.columns import (
    IDS,
    RATIONALES,
    called,
    choice_columns,
    group_column,
    id_column,
    is_texts,
    label_column,
    repeats,
    text_column,
    text_pair,
)
from distillrun.intake.tables import LABELS, Table
from distillrun.records import reading
from distillrun.task.shared.choice_row import is_blank
from distillrun.task.shared.label_list import label_text

Kind = Literal["classification", "multiple_choice"]

TEST_SHARE = 0.2
DEV_SHARE = 0.1


@dataclass
class Guess:
    """A task for a user's files.

    Attributes:
        kind: the option of the config group `task`.
        settings: of the task, by their keys without `task.`; those of sections as mappings.
        reasons: a sentence for each conclusion.
    """

    kind: Kind
    settings: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    @property
    def label_source(self) -> str:
        """Who gives the training labels."""
        return str(self.settings.get("label_source", "gold"))


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
    _check_header(data)
    choices = choice_columns(known.columns, known.cells) if kind != "classification" else None
    if kind == "multiple_choice" and choices is None:
        raise ConfigError(f"no column holds choices, as task=multiple_choice needs ({', '.join(known.columns)})")
    own = [choices] if isinstance(choices, str) else choices or []
    asked = text_column([one for one in columns if one not in own], rows, text)
    named = id_column(columns, rows)
    apart = [asked, *own, *([named] if named else [])]
    pair = text_pair([one for one in columns if one not in own], rows) if text is None else None
    apart += [one for one in pair or () if one not in apart]
    given = label_column(known.columns, known.cells, apart, label)
    found = Guess("classification" if choices is None else "multiple_choice")
    fields: dict[str, Any] = {"id": named}
    if choices is not None:
        if given is None:
            raise ConfigError(f"no column holds the right answers; name it with --label ({', '.join(known.columns)})")
        if isinstance(choices, list) and _stands_apart(known, choices, given):
            own = choices = [*choices, given]
            found.settings |= {"answer_form": "text", "shuffle_choices": True}
        fields |= {"question": asked, "choices": choices, "answer": given}
        verb = "holds" if isinstance(choices, str) else "hold"
        found.reasons.append(f"task=multiple_choice: {' and '.join(own)} {verb} the choices of each row")
        if "shuffle_choices" in found.settings:
            found.reasons.append(
                f"answers: {given} is a choice of its own, so the order of the choices is drawn (task.shuffle_choices)"
            )
    else:
        _check_labels(tables, known, given, kind)
        fields |= {"text": asked, "label": given or "label"}
        found.reasons.append(f"task=classification: {asked} holds texts, and the labels repeat")
    found.settings["fields"] = fields
    found.reasons.append(f"columns: {', '.join(f'{name}={column}' for name, column in fields.items() if column)}")
    _place(found, tables)
    _split(found, data, str(given))
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
        _label_file(found, tables, data["train"], given)
    if encoding is not None:
        found.settings["encoding"] = encoding
    return found


def _check_labels(tables: Mapping[str, Table], known: Table, given: str | None, kind: Kind | None) -> None:
    """Refuse tables that have neither choices nor labels."""
    if kind == "classification" or (given is not None and LABELS in tables):
        return
    named = [table.values(given) for role, table in tables.items() if role != LABELS and given is not None]
    if any(map(repeats, named)):
        return
    values = [value for value in known.values(given) if not is_blank(value)] if given is not None else []
    if len({str(value) for value in values}) == 1:
        raise ConfigError(
            f"{known.paths[0]}: the only label in {given} is {str(values[0])[:40]!r}, and a task has two or more; add "
            "rows of others, or a file of labels (labels=FILE)"
        )
    why = (
        f"the values of {given} hardly repeat ({len({str(value) for value in values})} different ones in "
        f"{len(values)} rows, such as {str(values[0])[:40]!r})"
        if values
        else f"no column holds labels ({', '.join(known.columns)})"
    )
    raise ConfigError(
        f"{known.paths[0]}: {why}, and no column holds choices, so neither task=classification nor "
        "task=multiple_choice fits; free answers, such as numbers or sentences, are not a task of distillrun yet. Name "
        "the columns with --text and --label if they are others"
    )


def _check_header(data: Mapping[str, Table]) -> None:
    """Refuse tables whose first line is a row: a column is called as values below it are."""
    for table in data.values():
        for column in table.columns:
            values = [str(value).strip() for value in table.values(column) if not is_blank(value)]
            if column.strip() and repeats(values) and column.strip() in values:
                raise ConfigError(
                    f"{table.paths[0]}: the first line must name the columns, but it looks like a row: {column!r} is "
                    "also a value of that column; add a line before it, such as text,label"
                )


def _stands_apart(known: Table, choices: Sequence[str], answer: str) -> bool:
    """Return whether the right answer is a choice in a column of its own, next to the wrong ones."""
    answers = [str(value).strip() for value in known.values(answer) if not is_blank(value)]
    if not answers or any(len(one) == 1 or one.isdecimal() for one in answers):
        return False
    rows = zip(known.cells, known.values(answer), strict=True)
    among = sum(
        reading(str(right)) in {reading(str(row.get(choice))) for choice in choices}
        for row, right in rows
        if not is_blank(right)
    )
    return among < len(answers) / 10


def _place(found: Guess, tables: Mapping[str, Table]) -> None:
    """Set the folder, and each file's path in it."""
    paths = [path.resolve() for table in tables.values() for path in table.paths]
    folder = _common(paths)
    found.settings["folder"] = str(folder)
    inside = {
        role: [path.resolve().relative_to(folder).as_posix() for path in table.paths] for role, table in tables.items()
    }
    found.settings["files"] = {
        role: None if role not in inside else inside[role][0] if len(inside[role]) == 1 else inside[role]
        for role in ("train", "dev", "test")
    }
    if LABELS in inside:
        if len(inside[LABELS]) > 1:
            raise ConfigError(f"{' and '.join(inside[LABELS])} are both files of labels; give one")
        found.settings["labels"] = inside[LABELS][0]
    for role, table in tables.items():
        how = "" if table.is_named else " (it has no split in its name)"
        found.reasons.append(f"{role}: {', '.join(inside[role])}, {len(table.rows):,} rows{how}")


def _split(found: Guess, data: Mapping[str, Table], label: str) -> None:
    """Decide who labels the training rows, and where dev and test come from."""
    train = data["train"]
    labelled = sum(not is_blank(value) for value in train.values(label))
    if labelled < len(train.rows):
        found.settings["label_source"] = "teacher_where_missing" if labelled else "teacher"
        found.reasons.append(
            f"{len(train.rows) - labelled:,} of {len(train.rows):,} training rows have no label: the teacher's answers "
            f"are theirs (task.label_source={found.settings['label_source']})"
        )
    if "test" not in data and "dev" in data and not labelled:
        found.settings["files"] = {**found.settings["files"], "test": found.settings["files"]["dev"], "dev": None}
        found.settings |= {"dev_from": "test", "dev_share": 0.3}
        found.reasons.append("test: the only rows with labels, of which 30 % become dev (task.dev_from=test)")
    elif "test" not in data and not labelled:
        raise ConfigError(
            f"{train.paths[0]}: no row has a label, so nothing can be scored; add a file of rows with labels as "
            "test=FILE (a few hundred are enough)"
        )
    elif "test" not in data:
        found.settings["test_share"] = TEST_SHARE
        found.reasons.append(f"test: {TEST_SHARE:.0%} of the training rows that have labels (task.test_share)")
    elif "dev" not in data:
        source = "train" if labelled else "test"
        found.settings |= {"dev_from": source, "dev_share": DEV_SHARE if labelled else 0.3}
        found.reasons.append(f"dev: a share of {source} (task.dev_share)")


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
            f"groups: rows with one {group} stay in one split, since they tell of each other (task.split_by)"
        )
        told.append(group)
    return told


def _label_file(found: Guess, tables: Mapping[str, Table], train: Table, label: str | None) -> None:
    """Say where the labels come from."""
    if LABELS in tables:
        names = tables[LABELS]
        if "name" not in names.columns:
            raise ConfigError(
                f"{names.paths[0]}: a file of labels has a column name (and, where wanted, description), not "
                f"{', '.join(names.columns)}; rename it"
            )
        found.reasons.append(f"labels: {len(names.rows):,} of {names.paths[0].name}")
        return
    values = [value for value in train.values(label or "") if not is_blank(value)]
    if not values:
        raise ConfigError(
            "the training rows have no labels, so which there are is not known; add a file of them (a column name, and "
            "description where labels need one) as labels=FILE"
        )
    counts = Counter(label_text(value) for value in values)
    spellings: dict[str, str] = {}
    for name, _ in counts.most_common():
        spellings.setdefault(reading(name), name)
    if len(spellings) < len(counts):
        found.settings["labels"] = sorted(spellings.values())
        others = ", ".join(repr(name) for name in sorted(counts) if name not in spellings.values())
        found.reasons.append(
            f"labels: {others} read as other labels do, and are taken for these (task.labels lists them)"
        )
    found.reasons.append(f"labels: {len(spellings):,} different ones of the training rows")


def _common(paths: Iterable[Path]) -> Path:
    """Return the deepest folder that holds all paths."""
    parts: Sequence[tuple[str, ...]] = [path.parent.parts for path in paths]
    shared = [level[0] for level in zip(*parts, strict=False) if len(set(level)) == 1]
    depth = next((n for n, level in enumerate(zip(*parts, strict=False)) if len(set(level)) > 1), len(shared))
    return Path(*shared[:depth])
