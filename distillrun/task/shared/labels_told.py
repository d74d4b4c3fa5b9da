"""How the labels of a classification task are read, said once, with a warning where that may not be what is meant."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from distillrun.records import Example, Split
from distillrun.task.shared.label_list import LabelForm, LabelList

_FORMS: Mapping[LabelForm, str] = {
    "text": "their texts",
    "index": "places in the label file, counted from 0",
    "number": "places in the label file, counted from 1",
}

_NUMBER = re.compile(r"\d+(?:\.0)?")
"""A whole number, also as programs write it in a column with gaps."""
_MISSING = ("nan", "null", "<na>", "n/a", "#n/a", "na", "nil")
"""Names of missing cells, in small letters."""

_log = logging.getLogger(__name__)


def labels_told(labels: LabelList, form: LabelForm, given: Any, where: str, answers: Collection[int | None]) -> str:
    """Return, and log, a sentence on how labels are read.

    Args:
        labels: all of them.
        form: how rows write them.
        given: what one row has, as an example to check it by.
        where: that row stands.
        answers: the labels that rows have, None among them where rows have none.
    """
    meant = labels.names[labels.place(given, form, where)]
    told = f"{_FORMS[form]} (task.label_form={form}), such as {given!r} for {meant!r}"
    _log.info("task=classification: %d labels, read as %s", len(labels.names), told)
    if form == "index" and 0 not in answers:
        _log.warning(
            "task.label_form=index: no row has the label 0, which is %r; where numbers count from 1, set "
            "task.label_form=number",
            labels.names[0],
        )
    if missing := [name for name in labels.names if name.strip().casefold() in _MISSING]:
        _log.warning(
            "task=classification: the label %r is how programs write a cell that is missing; where it is no label, "
            "leave these cells blank",
            missing[0],
        )
    if form == "text" and all(map(_NUMBER.fullmatch, labels.names)):
        _log.warning(
            "task=classification: the labels are numbers (%s), which mean nothing to a teacher; give them names "
            "in a file: task.labels=FILE task.label_form=index",
            ", ".join(labels.names[:5]) + (", ..." if len(labels.names) > 5 else ""),
        )
    return told


def unusual_told(examples: Mapping[Split, Sequence[Example]], apart: Mapping[Split, int], scope: str | None) -> None:
    """Log how many texts have none of their labels, and how many are out of scope.

    Args:
        examples: of every split.
        apart: how many are out of scope.
        scope: the label of these; None = there is none.
    """
    empty = {split: sum(one.answers == () for one in rows) for split, rows in examples.items()}
    if any(empty.values()):
        shown = ", ".join(f"{count} of {len(examples[split])} in {split}" for split, count in empty.items())
        _log.info("task=classification: texts that have no label at all, which task.multi_label allows: %s", shown)
    if scope is not None:
        shown = ", ".join(f"{count} of {split}" for split, count in apart.items())
        _log.info("task=classification: texts that have none of the labels (task.out_of_scope=%s): %s", scope, shown)
        if not any(apart.values()):
            _log.warning("task.out_of_scope=%s: no row has this label; is it spelt as in the files?", scope)
