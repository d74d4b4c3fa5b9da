"""The files of a guessed task by their splits: where they are, and which rows become dev and test."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.intake.guessed import Guess
from distillrun.intake.tables import LABELS, Table
from distillrun.task.shared.choice_row import is_blank

TEST_SHARE = 0.2
DEV_SHARE = 0.1
HIDDEN = "-1"
"""What stands for a label that a benchmark does not publish."""


def without_hidden(tables: Mapping[str, Table], label: str | None) -> tuple[dict[str, Table], list[str]]:
    """Return the tables without a test whose labels are hidden, in whose place dev is the test, and why.

    Args:
        tables: by role.
        label: the column of the labels or answers.
    """
    test, train = tables.get("test"), tables["train"]
    if test is None or label is None:
        return dict(tables), []
    labels, taught = (
        {str(value).strip() for value in one.values(label) if not is_blank(value)} for one in (test, train)
    )
    if not taught or labels - {HIDDEN} or HIDDEN in taught:
        return dict(tables), []
    kept = {role: table for role, table in tables.items() if role not in ("dev", "test")}
    told = f"not read: {', '.join(path.name for path in test.paths)}, since its rows have no labels to score by"
    if "dev" not in tables:
        return kept, [f"{told}; `distillrun predict RUN --file` answers them"]
    return {**kept, "test": tables["dev"]}, [f"{told}; test is {', '.join(path.name for path in tables['dev'].paths)}"]


def place(found: Guess, tables: Mapping[str, Table]) -> None:
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


def divide(found: Guess, data: Mapping[str, Table], label: str) -> None:
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


def _common(paths: Iterable[Path]) -> Path:
    """Return the deepest folder that holds all paths."""
    parts: Sequence[tuple[str, ...]] = [path.parent.parts for path in paths]
    shared = [level[0] for level in zip(*parts, strict=False) if len(set(level)) == 1]
    depth = next((n for n, level in enumerate(zip(*parts, strict=False)) if len(set(level)) > 1), len(shared))
    return Path(*shared[:depth])
