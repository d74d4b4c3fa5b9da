"""The fields of a JSON object: how many an answer has right, and whether it is right as a whole."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from distillrun.files.rows import digest_of
from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.json_schema import validator_of
from distillrun.text.json_document import canonical, leaf_f1, object_in


class JsonFields:
    """The F1 of the values of a JSON object, each at its place; an answer is right if the whole object is.

    Texts are compared without case and superfluous blanks, numbers by their value; the order of keys, and of the
    elements of a list, does not count.

    Args:
        schema_file: a JSON schema that answers should keep; None = none. One that does not keep it is not right.

    Source: slot F1 and whole-frame accuracy: Louvan & Magnini 2020, https://arxiv.org/abs/2011.00564, section 2.
    """

    def __init__(self, schema_file: str | None) -> None:
        self._schema_file = None if schema_file is None else Path(schema_file)

    @property
    def rule(self) -> str:
        keeps = "" if self._schema_file is None else " and keeps the schema"
        return (
            "An answer is the first JSON object of the text. The score is the F1 of its values at their places; it is "
            f"right if the whole object equals an accepted one{keeps}."
        )

    def read(self, text: str, marked: str | None) -> str | None:
        found = object_in(text if marked is None else marked)
        return None if found is None else json.dumps(found, ensure_ascii=False)

    def key(self, answer: str) -> str:
        return canonical(object_in(answer))

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        own = object_in(answer)
        others = [object_in(other) for other in accepted]
        equal = any(canonical(own) == canonical(other) for other in others)
        return Grade(max(leaf_f1(own, other) for other in others), equal and self.is_valid(own))

    def identity(self) -> Mapping[str, Json]:
        return {} if self._schema_file is None else {"schema": digest_of(self._schema_file)}

    def check(self, reference: str) -> str | None:
        found = object_in(reference)
        if found is None:
            return "it holds no JSON object"
        problem = None if self._validator is None else next(self._validator.iter_errors(found), None)
        return None if problem is None else f"it does not keep the schema: {problem.message:.200}"

    def is_valid(self, document: Any) -> bool:
        """Return whether a document keeps the schema; any does where there is none."""
        return self._validator is None or self._validator.is_valid(document)

    @property
    def has_schema(self) -> bool:
        """True if there is a schema to keep."""
        return self._schema_file is not None

    @cached_property
    def _validator(self) -> Any:
        return None if self._schema_file is None else validator_of(self._schema_file)
