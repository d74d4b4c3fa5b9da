"""What a teacher answers."""

from distillrun.records import Example, TeacherRecord, likeliest_choice


def answer_of(record: TeacherRecord, example: Example) -> int | None:
    """Return the teacher's answer: the one that it gave, or else the likeliest choice."""
    if record.answer is not None or record.choice_log_probs is None:
        return record.answer
    return likeliest_choice(example, record.choice_log_probs)
