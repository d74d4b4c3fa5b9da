"""Replay of the rationales that a recorded teacher gave earlier."""

from collections.abc import Iterator, Sequence

from distillrun.errors import ConfigError
from distillrun.interfaces import AnyTeacher, GenerationContext, RecordedTeacher, Tag
from distillrun.records import Example, TeacherRecord


class Recorded:
    """The recordings of the teacher. It makes what the teacher's own `makes` says, hence nothing of itself.

    Args:
        tags: ways of elicitation.
    """

    needs = frozenset[str]()
    makes = frozenset[str]()
    asks = frozenset[str]()
    teachers: tuple[AnyTeacher, ...] = ()

    def __init__(self, tags: tuple[Tag, ...]) -> None:
        self.tags = tags

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        if not isinstance(context.teacher, RecordedTeacher):
            raise ConfigError(
                "generation=recorded replays recordings, but this teacher has none; choose teacher=recorded with"
                " teacher.folder=DIR, or a generation that asks, such as generation=few_shot_rationale"
            )
        yield from context.teacher.recall(examples)
