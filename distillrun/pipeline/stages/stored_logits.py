"""The stored distributions of a teacher, as a reading left them, by the texts of a pair."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from distillrun.artifacts import Artifact
from distillrun.files.json import read_json
from distillrun.loss.distribution import StoredDistribution
from distillrun.records import Json, TargetPair

PARTS, SUMMARY = "parts", "logits.json"
KEY_BYTES = 16

Key = bytes
"""Tells a pair's texts from all others."""


def pair_key(pair: TargetPair) -> Key:
    """Return the key of a pair; its view does not matter to a teacher."""
    read = [[(one.text, one.learn, one.cut) for one in segments] for segments in (pair.source, pair.target)]
    return hashlib.sha256(json.dumps(read).encode()).digest()[:KEY_BYTES]


def summary_of(artifact: Artifact) -> dict[str, Json]:
    """Return what a reading stored, and how much of the teacher's mass lies outside the kept ids."""
    return read_json(artifact.folder / SUMMARY)


class StoredLogits:
    """The distributions of a reading; a file's pages are read when they are needed.

    Args:
        folder: of the artifact.
    """

    def __init__(self, folder: Path) -> None:
        self._vocabulary = int(str(read_json(folder / SUMMARY)["vocabulary"]))
        self._places: dict[Key, tuple[Any, int, int]] = {}
        for file in sorted((folder / PARTS).glob("*.safetensors")):
            stored: Any = safe_open(file, "pt")
            keys, starts = stored.get_tensor("keys").numpy().tobytes(), stored.get_tensor("starts").tolist()
            tensors = {name: stored.get_slice(name) for name in stored.keys() if name not in ("keys", "starts")}  # noqa: SIM118
            for number, (begin, end) in enumerate(pairwise(starts)):
                key = keys[KEY_BYTES * number : KEY_BYTES * (number + 1)]
                self._places[key] = (tensors, begin, end)

    def of(self, pairs: Sequence[TargetPair], places: Tensor) -> StoredDistribution:
        """Return the distributions of pairs, at `places`. Raises KeyError if one was not read."""
        found: dict[str, list[Tensor]] = {}
        for pair in pairs:
            tensors, begin, end = self._places[pair_key(pair)]
            for name, tensor in tensors.items():
                found.setdefault(name, []).append(tensor[begin:end])
        whole = {name: torch.cat(parts).to(places.device) for name, parts in found.items()}
        if len(whole["log_probs"]) != len(places):
            raise ValueError(f"{len(whole['log_probs'])} positions were read of pairs that have {len(places)}")
        return StoredDistribution(places, whole.get("ids"), whole["log_probs"], whole.get("rest"), self._vocabulary)
