"""Artifacts of one stage share equal files, and each of them still stands alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.artifacts.sharing import LEAST_BYTES

ENCODER = b"\1" * LEAST_BYTES


def writing(head: bytes, encoder: bytes = ENCODER) -> Callable[[Path], None]:
    def make(work: Path) -> None:
        (work / "student").mkdir()
        (work / "student" / "model.safetensors").write_bytes(encoder)
        (work / "student" / "head.safetensors").write_bytes(head)

    return make


def stage(seed: int) -> Stage:
    return Stage("train", 1, {"seed": seed}, {})


def test_equal_large_files_are_stored_once_and_outlive_each_other(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    first, second, other = (
        store.get_or_make(stage(0), writing(b"a")).folder / "student",
        store.get_or_make(stage(1), writing(b"a")).folder / "student",
        store.get_or_make(stage(2), writing(b"b", ENCODER[:-1] + b"\2")).folder / "student",
    )
    assert (first / "model.safetensors").samefile(second / "model.safetensors")
    assert not (first / "head.safetensors").samefile(second / "head.safetensors")  # small files are copies
    assert not (first / "model.safetensors").samefile(other / "model.safetensors")
    assert {file.name for file in second.iterdir()} == {"model.safetensors", "head.safetensors"}
    for file in first.iterdir():
        file.unlink()
    assert (second / "model.safetensors").read_bytes() == ENCODER
    assert store.get_or_make(stage(1), writing(b"x")).cached


def test_a_file_that_a_fault_changed_is_not_linked_to(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    broken = store.get_or_make(stage(0), writing(b"a")).folder / "student" / "model.safetensors"
    broken.write_bytes(b"\3" + ENCODER[1:])
    made = store.get_or_make(stage(1), writing(b"b"))
    assert (made.folder / "student" / "model.safetensors").read_bytes() == ENCODER
    assert store.get_or_make(stage(1), writing(b"b")).cached


def test_where_there_are_no_hard_links_copies_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no links here")

    store = ArtifactStore(tmp_path)
    store.get_or_make(stage(0), writing(b"a"))
    monkeypatch.setattr(os, "link", refused)
    made = store.get_or_make(stage(1), writing(b"b")).folder / "student"
    assert sorted(file.name for file in made.iterdir()) == ["head.safetensors", "model.safetensors"]
    assert (made / "model.safetensors").stat().st_nlink == 1
