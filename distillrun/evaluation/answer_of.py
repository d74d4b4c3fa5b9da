"""What a teacher answers."""

from distillrun.records import TeacherRecord


def answer_of(record: TeacherRecord) -> int | None:
    """Return the teacher's answer: the one that it gave, or else the likeliest choice."""
    if record.answer is not None or record.choice_log_probs is None:
        return record.answer
    return max(range(len(record.choice_log_probs)), key=record.choice_log_probs.__getitem__)
