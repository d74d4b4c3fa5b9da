"""Parts that are broken on purpose, for contracts to find the fault."""

from copy import copy
from typing import Any


def altered(part: Any, **changes: Any) -> Any:
    """Return a copy of a part with other methods, properties or constants; the part itself stays as it is."""
    other = copy(part)
    other.__class__ = type(f"Altered{type(part).__name__}", (type(part),), changes)
    return other
