"""The rationales that the task's own files give: nobody is asked."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from distillrun.errors import ConfigError
from distillrun.interfaces import AnyTeacher, GenerationContext, RationaleTask, Tag
from distillrun.records import Example, Rationale, TeacherRecord, gold


class GoldRationale:
    """Rationales of the right answers that people wrote, such as e-SNLI's explanations and GSM8K's solutions.

    Args:
        tags: ways of elicitation.
    """

    needs = frozenset[str]()
    makes = frozenset({"initial"})
    asks = frozenset[str]()
    teachers: ClassVar[tuple[AnyTeacher, ...]] = ()
    told_answers = True

    def __init__(self, tags: tuple[Tag, ...]) -> None:
        self.tags = tags

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        task = context.task
        if not isinstance(task, RationaleTask) or not any(map(task.rationale, examples)):
            raise ConfigError(
                "generation=gold_rationale takes the rationales of the task's own files, and there are none; name "
                "their column (task=free_form task.fields.rationale=COLUMN), or ask a teacher: "
                "generation=few_shot_rationale"
            )
        for example in examples:
            text = task.rationale(example)
            made = Rationale(text, text, gold(example), "factual", "initial", "gold_rationale", "the task's files")
            yield TeacherRecord(example.id, (made,) if text else (), {})
