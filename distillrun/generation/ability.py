"""A step's own teacher must be able to do what the step asks; the run's teacher is checked before a run begins."""

from collections.abc import Collection

from distillrun.interfaces import AnyTeacher, EnsembleTeacher, Teacher


def asked_of_the_runs(teacher: AnyTeacher | None, requests: Collection[str]) -> frozenset[str]:
    """Return what a step asks of the run's teacher: nothing where it has a `teacher` of its own."""
    return frozenset(requests) if teacher is None else frozenset()


def must_serve(teacher: AnyTeacher | None, requests: Collection[str], key: str = "teacher") -> None:
    """Raise ValueError where a step's own teacher, under `key`, does not serve the requests, see `Teacher.can`."""
    if teacher is None:
        return
    members = teacher.members if isinstance(teacher, EnsembleTeacher) else {"": teacher}
    for name, member in members.items():
        lacking = sorted(set(requests) - (member.can if isinstance(member, Teacher) else frozenset()))
        if lacking:
            who = f"{key}.members.{name}" if name else key
            cure = "choose another, such as a local one" + (", or null for the run's" if key == "teacher" else "")
            raise ValueError(
                f"{who} of this step is asked to {' and to '.join(map(_ABILITIES.__getitem__, lacking))}, which it "
                f"cannot; {cure}"
            )


_ABILITIES = {
    "complete": "write texts",
    "score": "tell how likely a text is",
    "contrast": "decode against a second prompt",
}
