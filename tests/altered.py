"""Parts that are broken on purpose, for contracts to find the fault."""

from copy import copy
from typing import Any


def altered(part: Any, **changes: Any) -> Any:
    """Return a copy of a part with other methods, properties or values; the part itself stays as it is."""
    other = copy(part)
    object.__setattr__(other, "__class__", type(f"Altered{type(part).__name__}", (type(part),), changes))
    for name in changes.keys() & vars(other).keys():
        object.__setattr__(other, name, changes[name])
    return other
