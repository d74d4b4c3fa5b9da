"""Answers that are texts as they stand."""

from collections.abc import Callable, Sequence

from distillrun.interfaces import Grade


def read_plain(text: str, marked: str | None) -> str | None:
    """Return a text without the blanks around it, or what is marked: one line, without a full stop. None = blank."""
    if marked is None:
        return text.strip() or None
    line = next((line.strip() for line in marked.splitlines() if line.strip()), "")
    return line.removesuffix(".").rstrip() or line or None


def best(accepted: Sequence[str], score: Callable[[str], float]) -> float:
    """Return the largest of the scores against each accepted answer."""
    return max(map(score, accepted))


def graded(score: float, right_from: float) -> Grade:
    """Return the grade of a score that counts as right from a threshold on."""
    return Grade(score, score >= right_from)


def check_threshold(right_from: float) -> None:
    """Raise ValueError for a threshold that no score reaches, or all do."""
    if not 0 < right_from <= 1:
        raise ValueError(f"right_from={right_from} must be above 0 and at most 1")
