"""Checks on a generation step's output: it must not be empty, or lose many of its questions, unnoticed."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence

from distillrun.errors import ConfigError
from distillrun.interfaces import GenerationStep
from distillrun.journal.context import cure_of
from distillrun.records import Example, TeacherRecord, kind_of

LARGE_SHARE = 0.1
"""Of its questions, how many a step may lose before that is said."""

log = logging.getLogger("distillrun")


def check_usable(
    name: str,
    step: GenerationStep,
    makes: Collection[str],
    given: Sequence[TeacherRecord],
    records: Sequence[TeacherRecord],
    is_needed: bool,
    is_known: bool = False,
) -> None:
    """Log how many questions got nothing from a step.

    Args:
        name: of the step in the config.
        step: what it needs and what it is for; one that curates may throw away as much as it wants, but not all.
        makes: the kinds that it makes.
        given: what it was given, one record per example.
        records: what it made of that, in the same order.
        is_needed: the run cannot go on without it.
        is_known: it lies in the store, and was said when it was made.

    Raises:
        ConfigError: it made nothing at all, and is needed.
    """
    due = [made for had, made in zip(given, records, strict=True) if not step.needs or has_any(had, step.needs)]
    lost = [made for made in due if not has_any(made, makes)]
    if not due or not lost:
        return
    reasons = Counter(failure.reason for made in lost for failure in made.failures)
    shown = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "no reason recorded"
    detail = next((failure.detail for made in lost for failure in made.failures if failure.detail), "")
    what = f"{' or '.join(sorted(makes))} ({shown}{f'; the first text begins {detail[:100]!r}' if detail else ''})"
    if len(lost) == len(due) and is_needed:
        raise ConfigError(
            f"generation step {name} made nothing that can be used: of {len(due)} questions not one has {what}. Does"
            f" the teacher write in the form that the prompt shows? What was answered is kept; {cure_of(reasons)}"
        )
    if is_known:
        return
    if len(lost) == len(due) or (len(lost) > LARGE_SHARE * len(due) and "curation" not in step.tags):
        log.warning("generate/%s: %d of %d questions have no %s", name, len(lost), len(due), what)


def check_expanded(name: str, new: Sequence[Example], filtered: dict[str, int]) -> None:
    """Raise ConfigError where an expansion wrote no question that passes its filters."""
    if not new:
        shown = ", ".join(f"{count} {what}" for what, count in filtered.items() if count) or "no candidate"
        raise ConfigError(
            f"generation step {name} made no new question ({shown}). Does the teacher write in the form that the prompt"
            " shows? What was answered is kept; change the prompt, the teacher or the filters"
        )


def has_any(record: TeacherRecord, kinds: Collection[str]) -> bool:
    """Return whether a record holds something of one of the kinds."""
    held = {kind_of(rationale) for rationale in record.rationales if rationale.text.strip()}
    held |= {"verdicts" for rationale in record.rationales if rationale.verdict is not None}
    held |= {"critique" for place in record.trace if "critique" in place}
    if record.answer is not None or record.answers is not None:
        held.add("answers")
    if record.label_shares is not None:
        held.add("label_shares")
    if record.choice_log_probs is not None:
        held.add("choice_scores")
    return not held.isdisjoint(kinds)
