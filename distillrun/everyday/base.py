"""The base of everyday facts: the things, what holds for them, and what is plainly false for them."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass

FACTS_FILE = Path(__file__).with_name("facts.yaml")
KIND_RELATION = "is_a"
"""The relation between a thing and its kind; every thing has it."""

YAML_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""The faster of the two; they read the same."""

_CLOSED = ConfigDict(extra="forbid")
_Also = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that can be asked: a thing, a relation, and the one value that answers it.

    `by_kind`: it holds for the thing because it holds for every member of its kind.
    """

    thing: str
    relation: str
    value: str
    by_kind: bool


@checked_dataclass(frozen=True, slots=True, config=_CLOSED)
class _Relation:
    close: list[list[str]] = field(default_factory=list)


@checked_dataclass(frozen=True, slots=True, config=_CLOSED)
class Kind:
    """A kind of things: facts of all members, and what else holds or might be argued for.

    Attributes:
        things: each member's own facts by relation; under "also" what else holds or might be argued for.
        mass: the names of its members take no article.
    """

    facts: dict[str, str]
    things: dict[str, dict[str, str | _Also]]
    also: _Also = field(default_factory=dict)
    mass: bool = False


@checked_dataclass(frozen=True, slots=True, config=_CLOSED)
class _File:
    relations: dict[str, _Relation]
    kinds: dict[str, Kind]


class Base:
    """All facts, indexed; `read_base` returns the one that ships with the package."""

    def __init__(self, content: _File, digest: str) -> None:
        self.digest = digest
        self.kinds = content.kinds
        self.kind_of: dict[str, str] = {}
        self.facts: dict[tuple[str, str], Fact] = {}
        self.values: dict[str, list[str]] = {relation: [] for relation in content.relations}
        self._close = {name: relation.close for name, relation in content.relations.items()}
        self._arguable: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for name, kind in content.kinds.items():
            for thing in kind.things:
                if thing in self.kind_of:
                    raise ValueError(f"{FACTS_FILE} has {thing!r} twice: as {self.kind_of[thing]} and as {name}")
                self.kind_of[thing] = name
                self._add_thing(thing, name, kind)

    @classmethod
    def of(cls, content: Mapping[str, object], digest: str) -> "Base":
        """Return the base of a read file. Raises ValueError where its form is wrong or a thing is in it twice."""
        return cls(TypeAdapter(_File).validate_python(content), digest)

    def _add_thing(self, thing: str, kind_name: str, kind: Kind) -> None:
        own = {relation: value for relation, value in kind.things[thing].items() if isinstance(value, str)}
        for relation, value in {KIND_RELATION: kind_name, **kind.facts, **own}.items():
            by_kind = relation in kind.facts and relation not in own
            self.facts[thing, relation] = Fact(thing, relation, value, by_kind)
            self._arguable[thing, relation].add(value)
            if value not in self.values[relation]:
                self.values[relation].append(value)
        for relation, value in kind.facts.items():
            self._arguable[thing, relation].add(value)
        for also in (kind.also, kind.things[thing].get("also", {})):
            for relation, values in also.items() if isinstance(also, dict) else ():
                self._arguable[thing, relation].update(values)

    def holds(self, thing: str, relation: str, value: str) -> bool:
        """Return whether a value is true for a thing, or could be argued to be."""
        return value in self._arguable.get((thing, relation), ())

    def wrong_values(self, fact: Fact) -> list[str]:
        """Return the values of the fact's relation that are plainly false for its thing and unlike its own value."""
        close = {value for group in self._close[fact.relation] if fact.value in group for value in group}
        return [
            v for v in self.values[fact.relation] if v not in close and not self.holds(fact.thing, fact.relation, v)
        ]

    def bearer(self, relation: str, value: str) -> str:
        """Return what a value is right for: a kind whose members have it, else the first thing that has it."""
        for name, kind in self.kinds.items():
            if kind.facts.get(relation) == value:
                return name
        return next(fact.thing for fact in self.facts.values() if (fact.relation, fact.value) == (relation, value))


@cache
def read_base() -> Base:
    """Return the base that ships with the package."""
    text = FACTS_FILE.read_bytes()
    return Base.of(yaml.load(text, YAML_LOADER), hashlib.sha256(text).hexdigest())
