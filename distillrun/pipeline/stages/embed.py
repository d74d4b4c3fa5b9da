"""The embed stage: the vectors that a frozen encoder gives to the texts of a split, made once for all trainings."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage, digest
from distillrun.artifacts.sealed import is_sealed, sealing
from distillrun.config.schema import RuntimeConfig
from distillrun.files.json import write_json
from distillrun.interfaces import EmbeddingStudent, StudentObjective, Task
from distillrun.process.progress import Bar
from distillrun.records import Example, Split

log = logging.getLogger("distillrun")

VERSION = 1
CHUNK = 1024
"""Texts that are read, and kept, at once: what a kill can lose."""
PARTS = "parts"


def texts_read(objective: StudentObjective, task: Task, examples: Sequence[Example]) -> list[str]:
    """Return the distinct texts that a student reads of examples, sorted."""
    queries = (objective.query(example, task).answer for example in examples)
    return sorted({"".join(segment.text for segment in source) for source in queries})


def embedding_stage(student: EmbeddingStudent, split: Split, texts: Sequence[str]) -> Stage:
    """Return the stage of a split's vectors: it depends on the encoder and on the texts."""
    return Stage(f"embed/{split}", VERSION, {"encoder": dict(student.embedding()), "texts": digest(list(texts))}, {})


def embed(
    store: ArtifactStore, stage: Stage, student: EmbeddingStudent, texts: Sequence[str], runtime: RuntimeConfig
) -> Artifact:
    """Make the vectors of texts, or find them made; an interrupted making goes on after its last chunk."""

    def make(work: Path) -> None:
        chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        parts = [work / SCRATCH / f"{number:06d}" for number in range(len(chunks))]
        left = [number for number, part in enumerate(parts) if not is_sealed(part)]
        done = len(texts) - sum(len(chunks[number]) for number in left)
        write = student.embedder(runtime.device) if left else None
        with Bar(stage.name, len(texts), done, runtime.progress, "texts") as bar:
            for number in left:
                with sealing(parts[number]) as folder:
                    if write is not None:
                        write(chunks[number], folder)
                bar.advance(units=len(chunks[number]))
        for part in parts:
            shutil.copytree(part, work / PARTS / part.name)
        write_json(work / "embedding.json", {"texts": len(texts), "encoder": dict(student.embedding())})

    return store.get_or_make(stage, make)
