"""Facts in words: names with their articles, statements, questions."""

import hashlib
from functools import cache
from pathlib import Path

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from distillrun.everyday.base import YAML_LOADER, Base, Fact, read_base

WORDING_FILE = Path(__file__).with_name("wording.yaml")


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class RelationWording:
    """The texts of one relation. Fields: {x} {X} what it is about, {value} {a_value} {A_value} the value."""

    statement: str
    questions: list[str]


class Wording:
    """Words for the facts of a base."""

    def __init__(self, base: Base, relations: dict[str, RelationWording], digest: str) -> None:
        self._base = base
        self._relations = relations
        self.digest = digest

    def phrasings(self, relation: str) -> int:
        """Return in how many ways a relation can be asked."""
        return len(self._relations[relation].questions)

    def named(self, name: str) -> str:
        """Return a thing, a kind or a value with its article."""
        kind = self._base.kind_of.get(name)
        if kind is not None and self._base.kinds[kind].mass:
            return name
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"

    def question(self, fact: Fact, phrasing: int) -> str:
        """Return the question that asks for a fact's value."""
        return _filled(self._relations[fact.relation].questions[phrasing], self.named(fact.thing), "")

    def clause(self, subject: str, relation: str, value: str) -> str:
        """Return the statement that a value holds for a thing or a kind, in lower case and without a full stop."""
        text = _filled(self._relations[relation].statement, self.named(subject), value)
        return text[0].lower() + text[1:]


def sentence(*clauses: str) -> str:
    """Return clauses as one sentence."""
    text = ", and ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _filled(template: str, subject: str, value: str) -> str:
    article = f"{'an' if value[:1] in tuple('aeiou') else 'a'} {value}"
    fields = {"x": subject, "X": subject[0].upper() + subject[1:], "value": value, "a_value": article}
    return template.format(**fields, A_value="A" + article[1:])


@cache
def read_wording() -> Wording:
    """Return the wording that ships with the package, for the base that ships with it."""
    text = WORDING_FILE.read_bytes()
    relations = TypeAdapter(dict[str, RelationWording]).validate_python(yaml.load(text, YAML_LOADER))
    return Wording(read_base(), relations, hashlib.sha256(text).hexdigest())
