"""A stage as its inputs, its fingerprint, and the difference between two stages.

Each node of the graph says what its stage hashes (`stage` in `pipeline/nodes/`, and the function of `pipeline/stages/`
that it calls); `meaning.py` adds the versions of the parts in a config.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distillrun.artifacts.meaning import KEY as MEANING
from distillrun.names.parts import as_hashed
from distillrun.records import Json


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII, floats by `repr`.

    1 and 1.0 are different texts. The typed config decides which of them is written, and where it does not, a needless
    miss is better than a wrong hit.

    Raises:
        ValueError: the value holds NaN, an infinity, or something that is not JSON.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"no canonical JSON for {value!r:.200}: {error}") from error


def digest(value: object) -> str:
    """Return the sha256 in hex of a value's canonical JSON; parts are called as they always were in digests."""
    return hashlib.sha256(canonical_json(as_hashed(value)).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Stage:
    """What one node of a run hashes: everything that its output depends on.

    Attributes:
        name: such as `train` or `evaluate/generated_answer`.
        version: bumped by hand when the meaning of the output changes.
        config: only what the stage reads.
        upstream: stage name -> fingerprint of each artifact that it reads.
    """

    name: str
    version: int
    config: Mapping[str, Json]
    upstream: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The sha256 in hex of the canonical JSON of all four fields."""
        return digest(
            {
                "stage": self.name,
                "version": self.version,
                "config": dict(self.config),
                "upstream": dict(self.upstream),
            }
        )


ABSENT = "absent"


def differences(stage: Stage, stored: Stage) -> list[tuple[str, str, str]]:
    """Return (field, text in `stored`, text in `stage`) of each setting that differs, in the order of `stage`."""
    here, there = _flattened(stage), _flattened(stored)
    fields = [*here, *(field for field in there if field not in here)]
    return [
        (field, there.get(field, ABSENT), here.get(field, ABSENT))
        for field in fields
        if there.get(field) != here.get(field)
    ]


def explain_miss(stage: Stage, stored: Sequence[Stage]) -> str:
    """Return why no stored stage of the same name fits: the first field that differs from the nearest one.

    Nearest is the one with the fewest differing fields; among equals the first, so pass the newest first.
    """
    if not stored:
        return "nothing stored yet"
    nearest = _from_nearest(stage, stored)
    if not nearest:
        return "the stored one is broken"
    field, there, here = nearest[0]
    more = f", and {len(nearest) - 1} more" if len(nearest) > 1 else ""
    return f"{field} differs from the nearest stored one ({_short(there)} there, {_short(here)} here){more}"


FEW = 3
"""Differences that are worth telling: a stage that differs in more is another one."""

_DIGEST = re.compile(r'"?[0-9a-f]{8,}"?')


def news(stage: Stage, stored: Sequence[Stage]) -> str:
    """Return " (KEY is VALUE, not VALUE)", what was otherwise for the nearest stored stage; may be empty."""
    nearest = _from_nearest(stage, stored) if stored else []
    told = [
        _told(field, there, here)
        for field, there, here in nearest
        if not field.startswith("upstream ") and not _DIGEST.fullmatch(here) and not _DIGEST.fullmatch(there)
    ]
    return f" ({'; '.join(told)})" if told and len(nearest) <= FEW else ""


def _told(field: str, there: str, here: str) -> str:
    part, _, key = field.rpartition(".")
    if key == MEANING:
        return f"{part} has changed since, see CHANGELOG.md"
    return f"{field} is {_short(here)}, not {_short(there)}"


def _from_nearest(stage: Stage, stored: Sequence[Stage]) -> list[tuple[str, str, str]]:
    return min((differences(stage, other) for other in stored), key=len)


def _flattened(stage: Stage) -> dict[str, str]:
    flat = {"version of the stage": str(stage.version)}
    flat |= dict(_flat("", dict(stage.config)))
    return flat | {f"upstream {name}": fingerprint[:12] for name, fingerprint in stage.upstream.items()}


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, json.dumps(value)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"
