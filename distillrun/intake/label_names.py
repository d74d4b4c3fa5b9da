"""The labels of a guessed classification: of a file of them, or of the training rows."""

from collections import Counter
from collections.abc import Mapping

from distillrun.errors import ConfigError
from distillrun.intake.guessed import Guess
from distillrun.intake.tables import LABELS, Table
from distillrun.records import reading
from distillrun.task.shared.choice_row import is_blank
from distillrun.task.shared.label_list import label_text


def name_labels(found: Guess, tables: Mapping[str, Table], train: Table, label: str | None) -> None:
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
    if found.settings.get("multi_label"):
        return
    counts = Counter(label_text(value) for value in values)
    spellings: dict[str, str] = {}
    for name, _ in counts.most_common():
        spellings.setdefault(reading(name), name)
    if len(spellings) < len(counts):
        found.settings["labels"] = sorted(spellings.values())
        others = ", ".join(repr(name) for name in sorted(counts) if name not in spellings.values())
        found.reasons.append(
            f"labels: {others} are other spellings of labels, and are read as these (task.labels lists them)"
        )
    found.reasons.append(f"labels: {len(spellings):,} different ones of the training rows")
