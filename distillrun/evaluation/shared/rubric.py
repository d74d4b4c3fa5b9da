"""The rubric of a judge: the texts that say what to rate, and how."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from distillrun.errors import ConfigError
from distillrun.evaluation.shared.rating import chat
from distillrun.records import Prompt, Record, Request
from distillrun.text.template import Template

OWN_FIELDS = frozenset({"statements", "example"})


@dataclass(frozen=True, slots=True)
class Rubric(Record):
    """Texts for a judge.

    Attributes:
        instruction: the system message; empty = none.
        ask: fields {statements} (a line each), {example} (what a reply looks like), and those of the measure.
        statements: name -> what is rated under that name.
        repair: what is said to a judge whose reply cannot be read.
    """

    instruction: str
    ask: str
    statements: dict[str, str]
    repair: str

    def check(self, fields: Sequence[str], key: str) -> None:
        """Raise ConfigError where a text has an unknown field, or nothing is rated."""
        Template(self.ask, {*OWN_FIELDS, *fields}, f"{key}.ask")
        if not self.statements:
            raise ConfigError(f"{key}.statements is empty; name at least one thing to rate")

    def prompt(self, fields: Mapping[str, str], request: Request, order: Random) -> Prompt:
        """Return a prompt that asks for every statement, in an order drawn for it.

        Args:
            fields: of the measure.
            request: the same as data; its `names` are set here.
            order: draws the order of the statements, so that no place on the list favours one.
        """
        names = list(self.statements)
        order.shuffle(names)
        lines = "\n".join(f"{name}: {self.statements[name]}" for name in names)
        shown = "{" + ", ".join(f"{json.dumps(name)}: N" for name in names) + "}"
        ask = Template(self.ask, {*OWN_FIELDS, *fields}, "ask").render(
            {**fields, "statements": lines, "example": shown}
        )
        return chat(self.instruction, ask, replace(request, names=tuple(names)))
