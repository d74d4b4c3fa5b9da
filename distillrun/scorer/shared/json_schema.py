"""A JSON schema that a user gives: it opens no address and its patterns cannot hang."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.strict_json import strict_json
from distillrun.text.linear_pattern import linear_pattern

KEY = "task.scorer.schema_file"


def validator_of(file: Path) -> Any:
    """Return the validator of a schema's file, in the draft that it names.

    References to other files or addresses are not followed, and patterns are RE2's.

    Raises:
        ConfigError: the file cannot be read, or holds no schema.
    """
    from jsonschema import SchemaError, validators
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    try:
        schema = strict_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{KEY}={file} cannot be read: {error}; name a file with a JSON schema") from error
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ConfigError(f"{KEY}={file} is no JSON schema: {error.message}") from error
    for address in _references(schema):
        if not address.startswith("#"):
            raise ConfigError(
                f"{KEY}={file} refers to {address!r}, and nothing but the file itself is opened; copy it in"
            )
    for pattern in _patterns(schema):
        linear_pattern(pattern, f"{KEY}={file}: pattern")
    extend: Any = vars(validators)["extend"]  # typed as Any: its stubs give no types
    own = extend(kind, {"pattern": _pattern, "patternProperties": _pattern_properties})
    return own(schema, registry=Registry())


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not linear_pattern(pattern, KEY).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, inner in properties.items():
            for key in (key for key in instance if linear_pattern(pattern, KEY).search(key)):
                yield from validator.descend(instance[key], inner, path=key, schema_path=pattern)


def _references(schema: Any) -> Iterator[str]:
    """Yield every reference of a schema, however deep."""
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key in ("$ref", "$dynamicRef") and isinstance(value, str))
        schema = list(schema.values())
    for inner in schema if isinstance(schema, list) else ():
        yield from _references(inner)


def _patterns(schema: Any) -> Iterator[str]:
    """Yield every pattern of a schema, however deep."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        if isinstance(schema.get("patternProperties"), dict):
            yield from schema["patternProperties"]
        schema = list(schema.values())
    for inner in schema if isinstance(schema, list) else ():
        yield from _patterns(inner)
