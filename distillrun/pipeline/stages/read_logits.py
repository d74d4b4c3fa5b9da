"""The read_logits stage: a teacher's next-token distributions for the pairs that a student will learn, read once."""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
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
from distillrun.interfaces import LanguageModel
from distillrun.language_model.batching import micro_batches
from distillrun.loss.distribution import teacher_rows
from distillrun.loss.tensors import IGNORE, TeacherRows
from distillrun.loss.token_loss import learnt_places
from distillrun.pipeline.stages.stored_logits import KEY_BYTES, PARTS, SUMMARY, Key
from distillrun.process.progress import Bar
from distillrun.records import Json, LogitRequest, TargetPair
from distillrun.training.supervision import check_labels, shared_ids

log = logging.getLogger("distillrun")

VERSION = 1
CHUNK = 1024
"""Pairs that are read, and kept, at once: what a kill can lose."""
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
    models: Callable[[], tuple[LanguageModel, LanguageModel]],
    runtime: RuntimeConfig,
) -> Artifact:
    """Read the teacher's distributions at every learnt position of the pairs, or find them read.

    Args:
        store: where artifacts are.
        stage: see `logits_stage`.
        pairs: by key, in the order of the keys.
        request: how they are read.
        models: loads student, whose tokens count, and teacher; called only where something is read.
        runtime: the size of batches, and when bars are drawn.
    """

    def make(work: Path) -> None:
        student, teacher = models()
        vocabulary = shared_ids(student, teacher)
        keys = list(pairs)
        parts = {
            work / SCRATCH / f"{number:06d}": keys[begin : begin + CHUNK]
            for number, begin in enumerate(range(0, len(keys), CHUNK))
        }
        left = {part: own for part, own in parts.items() if not _is_read(part, own)}
        done = len(keys) - sum(map(len, left.values()))
        with Bar("read_logits", len(keys), done, runtime.progress, "texts") as bar:
            for part, own in left.items():
                texts = [pairs[key] for key in own]
                made = _read(student, teacher, vocabulary, texts, request, runtime.tokens_per_batch)
                tensors = {**made, "keys": _as_tensor(own)}
                with sealing(part, sum(tensor.nbytes for tensor in tensors.values())) as folder:
                    save_file(tensors, folder / ROWS)
                bar.advance(units=len(own))
        (work / PARTS).mkdir()
        files = [_linked(part / ROWS, work / PARTS / f"{part.name}.safetensors") for part in parts]
        write_json(work / SUMMARY, _summary(files, vocabulary, request))

    return store.get_or_make(stage, make)


def _is_read(part: Path, keys: Sequence[Key]) -> bool:
    """Return whether an interrupted reading left these pairs in a part's folder."""
    if not is_sealed(part):
        return False
    with safe_open(part / ROWS, "pt") as stored:
        if torch.equal(stored.get_tensor("keys"), _as_tensor(keys)):
            return True
    set_aside(part, "it holds other pairs")
    return False


def _as_tensor(keys: Sequence[Key]) -> Tensor:
    return torch.from_numpy(np.frombuffer(b"".join(keys), dtype=np.uint8).copy()).view(-1, KEY_BYTES)


def _linked(part: Path, name: Path) -> Path:
    """Give a part a second name, so that it is still there where this call is interrupted before it ends."""
    try:
        os.link(part, name)
    except OSError:  # a file system without links
        shutil.copyfile(part, name)
    return name


def _read(
    student: LanguageModel,
    teacher: LanguageModel,
    vocabulary: int,
    pairs: Sequence[TargetPair],
    request: LogitRequest,
    tokens_per_batch: int,
) -> dict[str, Tensor]:
    """Return the distributions of pairs, one pair after the other, and where each pair's begin."""
    dtype = torch.float16 if request.dtype == "float16" else torch.float32
    lengths = [(source, target) for source, target, _ in teacher.lengths(pairs)]
    found: list[dict[str, Tensor]] = [{}] * len(pairs)
    with torch.inference_mode():
        for group in micro_batches(lengths, tokens_per_batch):
            chosen = [pairs[row] for row in group]
            outputs = teacher.forward(teacher.encode(chosen, group))
            check_labels(student.encode(chosen, group).labels, outputs.labels, chosen)
            read = [
                _stored(teacher_rows(outputs.logits.at(some), vocabulary, request), dtype)
                for some in torch.split(learnt_places(outputs.labels), outputs.logits.positions_at_once())
            ]
            counts = (outputs.labels != IGNORE).sum(dim=1).tolist()
            whole = {name: torch.split(torch.cat([one[name] for one in read]), counts) for name in read[0]}
            for number, row in enumerate(group):
                found[row] = {name: own[number] for name, own in whole.items()}
    starts = torch.tensor([0, *(len(one["log_probs"]) for one in found)]).cumsum(0)
    return {name: torch.cat([one[name] for one in found]) for name in found[0]} | {"starts": starts}


def _stored(rows: TeacherRows, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return distributions as they are stored: ids in 4 bytes, log-probs in 2 or 4, the rest's mass in float32."""
    tensors = {"log_probs": rows.log_probs.clamp(min=torch.finfo(dtype).min).to(dtype).cpu()}
    if rows.ids is not None and rows.rest is not None:
        tensors |= {"ids": rows.ids.int().cpu(), "rest": rows.rest.float().cpu()}
    return tensors


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
