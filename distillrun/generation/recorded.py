"""Nobody is asked: the rationales are those that a recorded teacher gave earlier."""

from collections.abc import Iterator, Sequence

from distillrun.errors import ConfigError
from distillrun.interfaces import RecordedTeacher, Task, Teacher
from distillrun.records import Example, TeacherRecord


class Recorded:
    """Replays the recordings of the teacher. It makes what the teacher's own `makes` says, hence nothing of itself."""

    needs: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset()

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        if not isinstance(teacher, RecordedTeacher):
            raise ConfigError(
                "generation=recorded replays recordings, but this teacher has none; choose teacher=recorded with"
                " teacher.folder=DIR, or a generation that asks, such as generation=few_shot_rationale"
            )
        yield from teacher.recall(examples)
