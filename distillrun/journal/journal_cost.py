"""The cost that a teacher's journals prove: a lower bound, since every answer in them was requested."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from distillrun.journal.request_cost import Cost

LEDGER = "ledger"
"""How the names of the ledger's own files begin, among the journals of all steps."""


def proven_by_journals(folder: Path) -> Cost:
    """Return what the answers in a teacher's folder took at least; their price is not known.

    A row without tokens proves no request, since some teachers refuse a prompt by themselves. Scores prove a request
    of unknown length. Requests that brought no answer are in the ledger alone, so a ledger that is lost together with
    its journals leaves nothing that could be proven.
    """
    proven = Cost()
    for file in sorted(folder.glob("*.jsonl")):
        if not file.name.startswith(LEDGER):
            state = file.stat()
            proven = proven.plus(_proven_by(str(file), state.st_size, state.st_mtime_ns))
    return proven


@lru_cache(maxsize=256)
def _proven_by(file: str, size: int, changed_ns: int) -> Cost:
    """Return what one journal proves; the same file, as far as its size and time tell, is read once."""
    rows: dict[str, Cost] = {}
    with Path(file).open("rb") as lines:
        for line in lines:
            try:
                row = json.loads(line)
                if row["check"] == _check(row):
                    rows[row["key"]] = _cost(row)
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # damaged or torn; the journal itself says so
    proven = Cost()
    for cost in rows.values():
        proven = proven.plus(cost)
    return proven


def _check(row: dict[str, object]) -> str:
    """Return the digest that `JournalRow.checked` gives."""
    text = json.dumps({**row, "check": ""}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _cost(row: dict[str, object]) -> Cost:
    completion = row["completion"]
    if not isinstance(completion, dict):
        return Cost(1)
    prompt_tokens, completion_tokens = completion["prompt_tokens"], completion["completion_tokens"]
    return Cost(1, prompt_tokens, completion_tokens) if prompt_tokens or completion_tokens else Cost()
