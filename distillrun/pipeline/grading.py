"""The grade of a teacher's answer in free form that was read before the right one was known."""

from dataclasses import replace

from distillrun.interfaces import FreeFormTask
from distillrun.records import Example, FreeAnswer, TeacherRecord


def graded(task: FreeFormTask, example: Example, record: TeacherRecord) -> TeacherRecord:
    """Return a record whose answer is graded, where the right one is known now.

    Args:
        task: whose scorer grades.
        example: the question, with the right answer.
        record: the teacher's, which answered without it (`task.label_source=teacher`).
    """
    answer = record.answer
    if not isinstance(answer, FreeAnswer) or answer.right is not None or example.answer is None:
        return record
    return replace(record, answer=task.parse(task.answer(example, answer), example))
