"""Records in which thinking was taken for what a teacher said: earlier versions made them, and they are made again."""

import re
from dataclasses import replace

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.text.thinking import has_tags

_RAW = re.compile(r'"raw": "(?:[^"\\]|\\.)*"')
"""What a recording holds in full, thinking among it, today as well."""


def renewed(store: ArtifactStore, stage: Stage) -> Stage:
    """Return a generation stage or, where the store holds it with thinking in it, the stage that takes its place.

    All other results of earlier versions stay valid: nothing of a teacher that does not think is made again.
    """
    found = store.find(stage)
    file = found.folder / "records.jsonl" if found is not None else None
    if file is None or not file.is_file():
        return stage
    text = file.read_text(encoding="utf-8", errors="replace")
    if not has_tags(text) or not has_tags(_RAW.sub("", text)):
        return stage
    return replace(stage, config={**stage.config, "thinking": "taken off"})
