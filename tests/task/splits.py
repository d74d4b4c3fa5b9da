"""Files of questions, one for each split."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_splits(folder: Path, **rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a JSONL file for each split into a folder, and return the folder."""
    for split, own in rows.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")
    return folder
