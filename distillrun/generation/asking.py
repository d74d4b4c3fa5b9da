"""What the prompted steps share: few-shot chats, and completions put back in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError
from distillrun.interfaces import RecordedTeacher, Teacher
from distillrun.records import Completion, Example, Json, Message, Prompt, Rationale, Sampling, TeacherRecord


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A solved question that stands before the one that is asked."""

    example: Example
    rationale: str


def read_demonstrations(rows: Sequence[Mapping[str, Json]], key: str) -> list[Demonstration]:
    """Return the demonstrations of a config. Raises ConfigError naming the one that is not whole."""
    made = []
    for number, row in enumerate(rows, start=1):
        question, choices, answer, rationale = (
            row.get(name) for name in ("question", "choices", "answer", "rationale")
        )
        if not (isinstance(question, str) and isinstance(rationale, str) and isinstance(choices, list)):
            raise ConfigError(f"{key}: demonstration {number} needs question, choices, answer and rationale: {row!r}")
        texts = tuple(str(choice) for choice in choices)
        if answer not in texts:
            raise ConfigError(
                f"{key}: the answer {answer!r} of demonstration {number} is not among its choices {texts}"
            )
        example = Example(f"demonstration-{number}", question, texts, texts.index(str(answer)))
        made.append(Demonstration(example, rationale))
    return made


def chat(instruction: str, turns: Sequence[tuple[str, str]], ask: str) -> tuple[Message, ...]:
    """Return an instruction, solved turns (asked, answered) and the final ask as a chat."""
    messages = [Message("system", instruction)]
    for asked, answered in turns:
        messages += [Message("user", asked), Message("assistant", answered)]
    return (*messages, Message("user", ask))


def gold(example: Example) -> int:
    """Return the right choice. Raises ValueError where it is not known."""
    if example.answer is None:
        raise ValueError(f"example {example.id} has no answer, and the teacher is to explain it")
    return example.answer


def find(record: TeacherRecord, version: str) -> Rationale:
    """Return the factual rationale of a version from an earlier step."""
    for rationale in record.rationales:
        if rationale.kind == "factual" and rationale.version == version:
            return rationale
    raise ValueError(f"example {record.example_id} has no {version} rationale to go on from")


def ask_all(
    teacher: Teacher | RecordedTeacher, prompts: Sequence[Prompt], sampling: Sampling
) -> Iterator[tuple[Completion, ...]]:
    """Yield the completions of each prompt, in the order of the prompts, as soon as all before are there."""
    if not isinstance(teacher, Teacher):
        raise ConfigError(
            "this generation step asks the teacher, but teacher=recorded can be asked nothing new; "
            "choose generation=recorded, or a teacher that answers"
        )
    waiting: dict[int, tuple[Completion, ...]] = {}
    following = 0
    for index, completions in teacher.complete(prompts, sampling):
        waiting[index] = completions
        while following in waiting:
            yield waiting.pop(following)
            following += 1
    if following != len(prompts):
        raise RuntimeError(f"the teacher answered {following + len(waiting)} of {len(prompts)} prompts")
