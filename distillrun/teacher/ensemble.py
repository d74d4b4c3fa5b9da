"""Several teachers for one run: they take turns, or all of them answer."""

from collections.abc import Mapping, Sequence
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.interfaces import Task, Teacher
from distillrun.records import Json, Prompt


class Ensemble:
    """Several teachers of which one, or all, answer each prompt. Each keeps its own journal, price and budget.

    Args:
        members: the teachers, by names that only the config knows; two or more.
        mode: round_robin gives a prompt to one of them, spread evenly by the prompt's digest, so that neither order nor
            a resumed run changes who answers; all asks every one, so that a question gets as many completions as there
            are members.

    Raises:
        ConfigError: fewer than two members, or two that are the same.
    """

    def __init__(self, members: Mapping[str, Teacher], mode: Literal["round_robin", "all"]) -> None:
        if len(members) < 2:
            raise ConfigError(f"teacher.members has {len(members)} teachers; an ensemble needs two or more")
        self.members = dict(members)
        self._mode = mode

    def route(self, prompt: Prompt) -> Sequence[str]:
        names = list(self.members)
        return names if self._mode == "all" else [names[int(prompt.digest, 16) % len(names)]]

    def check(self, task: Task) -> list[str]:
        problems = [
            f"teacher.members.{name}: {problem}"
            for name, member in self.members.items()
            for problem in member.check(task)
        ]
        if not problems:
            identities = [dict(member.identity()) for member in self.members.values()]
            if any(identity in identities[:place] for place, identity in enumerate(identities)):
                problems.append("teacher.members has the same teacher twice; their answers would be the same, too")
        return problems

    def identity(self) -> Mapping[str, Json]:
        return {"mode": self._mode, **{name: dict(member.identity()) for name, member in self.members.items()}}

    def release(self) -> None:
        for member in self.members.values():
            member.release()
