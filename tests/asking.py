"""What tests of steps and teachers need: an account without limits, a teacher that echoes, a real context."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.config.schema import GenerationConfig, Progress
from distillrun.interfaces import Account, AnyTeacher, Reservation, Task
from distillrun.journal.context import JournaledContext
from distillrun.journal.usage import Usage
from distillrun.records import Budget, Completion, Draw, Example, Json, Price, Prompt, Sampling

FREE = Price(0.0, 0.0)
NO_CAP = Budget(None, None, None)


class Unlimited:
    """An account that lets everything through and notes what is settled."""

    def __init__(self) -> None:
        self.reserved: list[tuple[int, int]] = []
        self.settled: list[tuple[int, int]] = []

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation | None:
        self.reserved.append((prompt_tokens, completion_tokens))
        return self

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        self.settled.append((prompt_tokens, completion_tokens))


class Told:
    """Answers by a function of the draw, backwards as a concurrent teacher may, and notes what it is asked."""

    name = "told"
    can = frozenset({"complete"})

    def __init__(
        self,
        answer: str | Callable[[Draw], str | Completion],
        price: Price = FREE,
        budget: Budget = NO_CAP,
        name: str = "told",
    ) -> None:
        self.name = name
        self.price_per_million = price
        self.budget = budget
        self.draws: list[Draw] = []
        self.samplings: list[Sampling] = []
        self._answer = answer

    @property
    def prompts(self) -> list[Prompt]:
        """The prompts in the order of the draws."""
        return [draw.prompt for draw in self.draws]

    def check(self, task: Task) -> list[str]:
        return []

    def identity(self) -> Mapping[str, Json]:
        return {"name": self.name}

    def prompt_tokens(self, prompt: Prompt) -> int:
        return sum(len(message.content.split()) for message in prompt.messages)

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        self.samplings.append(sampling)
        self.draws += draws
        for index in reversed(range(len(draws))):
            reservation = account.reserve(self.prompt_tokens(draws[index].prompt), sampling.max_new_tokens)
            if reservation is None:
                return
            made = self._answer if isinstance(self._answer, str) else self._answer(draws[index])
            if isinstance(made, str):
                made = Completion(made, "stop", self.prompt_tokens(draws[index].prompt), len(made.split()))
            reservation.settle(made.prompt_tokens, made.completion_tokens)
            yield index, made

    def release(self) -> None: ...


def context(
    store: Path, teacher: AnyTeacher, task: Task, step: str = "step", held_out: Sequence[Example] = (), **settings: Any
) -> JournaledContext:
    """Return a real context whose journal lies in `store`; `settings` are those of `GenerationConfig`."""
    generation = GenerationConfig(**{"seed": 5, **settings})
    return JournaledContext(store, step, task, teacher, held_out, generation, Progress.never, Usage())
