"""Artifacts are deleted where that is asked for, and nothing else."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from distillrun.artifacts import Artifact, ArtifactStore, prune, stored_artifacts
from tests.artifacts.making import STAGE, raises, start_worker, writes


def test_prune_deletes_what_it_is_asked_to_and_nothing_else(store: ArtifactStore) -> None:
    trained = store.get_or_make(STAGE, writes())
    loaded = store.get_or_make(replace(STAGE, name="load"), writes())
    foreign = store.root / "train" / "0123456789abcdef"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("mine")
    with pytest.raises(RuntimeError):
        store.get_or_make(replace(STAGE, version=9), raises)

    def folders(*found: Artifact) -> set[Path]:
        return {artifact.folder for artifact in found}

    listed = prune(store.root, stage=None, older_than_days=None, unfinished=False, dry_run=True)
    assert {stored.folder for stored in listed} == folders(trained, loaded)
    assert trained.folder.exists()
    assert prune(store.root, stage=None, older_than_days=1, unfinished=False, dry_run=False) == []
    (gone,) = prune(store.root, stage="load", older_than_days=None, unfinished=False, dry_run=False)
    assert gone.folder == loaded.folder
    assert not loaded.folder.exists()
    (left,) = prune(store.root, stage=None, older_than_days=None, unfinished=True, dry_run=False)
    assert left.folder.name.endswith(".partial")
    two_days_ago = time.time() - 2 * 86400
    os.utime(trained.folder / "manifest.json", (two_days_ago, two_days_ago))
    assert len(prune(store.root, stage="train", older_than_days=1, unfinished=False, dry_run=False)) == 1
    assert (foreign / "thesis.tex").read_text() == "mine"
    assert stored_artifacts(store.root) == ()


def test_prune_keeps_what_another_process_is_making(store: ArtifactStore) -> None:
    worker = start_worker(store.root, "time.sleep(1.5)")
    while not list(store.root.glob("train/*.partial/calls")):
        assert worker.poll() is None
        time.sleep(0.02)
    assert prune(store.root, stage=None, older_than_days=None, unfinished=True, dry_run=False) == []
    assert worker.wait(60) == 0
