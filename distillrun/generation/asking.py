"""What the prompted steps share: few-shot chats, and completions put back in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError
from distillrun.interfaces import RecordedTeacher, Teacher
from distillrun.records import Completion, Example, Message, Prompt, Record, Sampling


@dataclass(frozen=True, slots=True)
class Demonstration(Record):
    """A solved question that stands before the one that is asked. Raises ValueError where it is not whole."""

    question: str
    choices: tuple[str, ...]
    answer: str
    rationale: str

    def __post_init__(self) -> None:
        if self.answer not in self.choices:
            raise ValueError(f"the answer {self.answer!r} of {self.question!r} is not among {self.choices}")

    @property
    def example(self) -> Example:
        """The question as an example."""
        return Example(self.question, self.question, self.choices, self.choices.index(self.answer))


def chat(instruction: str, turns: Sequence[tuple[str, str]], ask: str) -> tuple[Message, ...]:
    """Return an instruction, solved turns (asked, answered) and the final ask as a chat."""
    messages = [Message("system", instruction)]
    for asked, answered in turns:
        messages += [Message("user", asked), Message("assistant", answered)]
    return (*messages, Message("user", ask))


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
