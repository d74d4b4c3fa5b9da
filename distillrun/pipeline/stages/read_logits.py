"""The read_logits stage: a teacher's next-token distributions for the pairs that a student will learn, read once."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage
from distillrun.artifacts.sealed import is_sealed, sealing, set_aside
from distillrun.config.schema import RuntimeConfig
from distillrun.files.json import write_json
from distillrun.pipeline.stages.pair_reader import PairReader, Rows
from distillrun.pipeline.stages.stored_logits import KEY_BYTES, PARTS, SUMMARY, Key
from distillrun.process.progress import Bar
from distillrun.records import Json, LogitRequest, TargetPair

VERSION = 1
ROWS = "rows.safetensors"


def logits_stage(
    keys: Sequence[Key], request: LogitRequest, teacher: Mapping[str, Json], student: Mapping[str, Json]
) -> Stage:
    """Return the stage of a reading.

    Args:
        keys: of the pairs, sorted.
        request: how the distributions are read.
        teacher: its identity, as a reader of pairs.
        student: the student's tokenizer and lengths: they decide which positions there are.
    """
    config: dict[str, Json] = {
        "pairs": hashlib.sha256(b"".join(keys)).hexdigest(),
        "request": {"top_k": request.top_k, "temperature": request.temperature, "dtype": request.dtype},
        "teacher": dict(teacher),
        "student": dict(student),
    }
    return Stage("read_logits", VERSION, config, {})


def read_logits(
    store: ArtifactStore,
    stage: Stage,
    pairs: Mapping[Key, TargetPair],
    request: LogitRequest,
    opened: Callable[[], PairReader],
    runtime: RuntimeConfig,
) -> Artifact:
    """Read the teacher's distributions at every learnt position of the pairs, or find them read.

    What is read is kept in parts, each sealed when it is whole, or when something ends the reading: what an earlier
    attempt read, and paid for, is not read again.

    Args:
        store: where artifacts are.
        stage: see `logits_stage`.
        pairs: by key, in the order of the keys.
        request: how they are read.
        opened: returns who reads them; called where something is left to be read.
        runtime: when bars are drawn.

    Raises:
        BudgetSpentError, KeyboardInterrupt: the rest may not be read now.
    """

    def make(work: Path) -> None:
        scratch = work / SCRATCH
        parts = {part: keys for part in _parts(scratch) if (keys := _keys_of(part, pairs))}
        known = {key for keys in parts.values() for key in keys}
        left = [key for key in pairs if key not in known]
        reader = opened()
        free = (part for number in count() if (part := scratch / f"{number:06d}") not in parts)
        with Bar("read_logits", len(pairs), len(known), runtime.progress, "texts") as bar:
            answers = reader.read([pairs[key] for key in left])
            while len(known) < len(pairs):
                part = next(free)
                with _kept(part) as found:
                    for index, rows in islice(answers, reader.pairs_at_once):
                        found[left[index]] = rows
                        bar.advance()
                parts[part] = list(found)
                known |= found.keys()
        (work / PARTS).mkdir()
        files = [_linked(part / ROWS, work / PARTS / f"{part.name}.safetensors") for part in sorted(parts)]
        write_json(work / SUMMARY, _summary(files, reader.vocabulary, request))

    return store.get_or_make(stage, make)


def _parts(scratch: Path) -> list[Path]:
    """Return the folders that an earlier attempt sealed, in their order."""
    return sorted(part for part in scratch.glob("[0-9]" * 6) if is_sealed(part))


def _keys_of(part: Path, pairs: Mapping[Key, TargetPair]) -> list[Key]:
    """Return the pairs that an earlier attempt left in a part; none, and it is set aside, where it holds others."""
    with safe_open(part / ROWS, "pt") as stored:
        joined = stored.get_tensor("keys").numpy().tobytes()
    keys = [joined[begin : begin + KEY_BYTES] for begin in range(0, len(joined), KEY_BYTES)]
    if all(key in pairs for key in keys):
        return keys
    set_aside(part, "it holds other pairs")
    return []


@contextmanager
def _kept(part: Path) -> Iterator[dict[Key, Rows]]:
    """Give a mapping of pairs to rows, and seal what it holds at the end, whatever ended it."""
    found: dict[Key, Rows] = {}
    try:
        yield found
    finally:
        if found:
            keys = sorted(found)
            tensors = {**_joined([found[key] for key in keys]), "keys": _as_tensor(keys)}
            with sealing(part, sum(tensor.nbytes for tensor in tensors.values())) as folder:
                save_file(tensors, folder / ROWS)


def _joined(rows: Sequence[Rows]) -> dict[str, Tensor]:
    """Return the distributions of pairs, one pair after the other, and where each pair's begin."""
    starts = torch.tensor([0, *(len(one["log_probs"]) for one in rows)]).cumsum(0)
    return {name: torch.cat([one[name] for one in rows]) for name in rows[0]} | {"starts": starts}


def _as_tensor(keys: Sequence[Key]) -> Tensor:
    return torch.from_numpy(np.frombuffer(b"".join(keys), dtype=np.uint8).copy()).view(-1, KEY_BYTES)


def _linked(part: Path, name: Path) -> Path:
    """Give a part a second name, so that it is still there where this call is interrupted before it ends."""
    try:
        os.link(part, name)
    except OSError:  # a file system without links
        shutil.copyfile(part, name)
    return name


def _summary(files: Sequence[Path], vocabulary: int, request: LogitRequest) -> dict[str, Json]:
    """Return what was stored: how much, and how much of the teacher's mass lies outside the kept ids."""
    pairs = positions = 0
    rest = 0.0
    for file in files:
        with safe_open(file, "pt") as stored:
            pairs += stored.get_slice("keys").get_shape()[0]
            positions += stored.get_slice("log_probs").get_shape()[0]
            if "rest" in stored.keys():  # noqa: SIM118 (no mapping)
                rest += float(stored.get_tensor("rest").double().exp().sum())
    size = sum(file.stat().st_size for file in files)
    return {
        "pairs": pairs,
        "positions": positions,
        "vocabulary": vocabulary,
        "top_k": min(request.top_k or vocabulary, vocabulary),
        "temperature": request.temperature,
        "dtype": request.dtype,
        "mean_rest_mass": rest / positions,
        "bytes": size,
        "bytes_per_position": round(size / positions, 1),
    }
