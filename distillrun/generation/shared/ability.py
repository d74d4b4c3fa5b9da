"""The requests that a step's own teacher must serve; the run's teacher is checked before a run begins."""

from collections.abc import Collection
from typing import ClassVar

from distillrun.interfaces import AnyTeacher, members_of

ABILITIES = {
    "complete": "write texts",
    "score": "tell how likely a text is",
    "contrast": "decode against a second prompt",
}
"""What a request asks of a teacher, in words."""


class MayHaveOwnTeacher:
    """The part of a step that may have a `teacher` of its own, and then asks nothing of the run's.

    Attributes:
        teacher: of the step alone; None = the run's.
        abilities: what the step asks a teacher to serve, as in `Teacher.can`.
    """

    teacher: AnyTeacher | None
    abilities: ClassVar[tuple[str, ...]] = ("complete",)

    @property
    def asks(self) -> frozenset[str]:
        return frozenset(self.abilities) if self.teacher is None else frozenset()

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        return () if self.teacher is None else (self.teacher,)


def must_serve(teacher: AnyTeacher | None, requests: Collection[str], key: str = "teacher") -> None:
    """Raise ValueError where a step's own teacher, under `key`, does not serve the requests, see `Teacher.can`."""
    if teacher is None:
        return
    served = {name: member.can for name, member in members_of(teacher).items()} or {"": frozenset()}
    for name, can in served.items():
        absent = sorted(set(requests) - can)
        if absent:
            who = f"{key}.members.{name}" if name else key
            cure = "choose another, such as a local one" + (", or null for the run's" if key == "teacher" else "")
            raise ValueError(
                f"{who} of this step is asked to {' and to '.join(map(ABILITIES.__getitem__, absent))}, which it "
                f"cannot; {cure}"
            )
