import errno
import hashlib
import json
import logging
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from distillrun.artifacts import ArtifactStore, Stage, canonical_json, stored_artifacts
from distillrun.artifacts import store as store_module
from distillrun.errors import ConfigError
from distillrun.records import Json
from tests.artifacts.making import STAGE, never, start_worker, writes


def test_a_stage_is_made_once_and_then_reused(store: ArtifactStore, caplog: pytest.LogCaptureFixture) -> None:
    first = store.get_or_make(STAGE, writes())
    second = store.get_or_make(STAGE, never)
    assert (first.cached, second.cached) == (False, True)
    assert first.folder == second.folder
    assert (second.folder / "student" / "model.bin").read_text() == "weights"
    assert second.made_in_s == pytest.approx(first.made_in_s)
    assert caplog.messages[0] == "train: making"
    assert caplog.messages[1].startswith("train: reused (made 20")


def test_the_manifest_describes_the_artifact(store: ArtifactStore) -> None:
    folder = store.get_or_make(STAGE, writes()).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["fingerprint"] == STAGE.fingerprint
    assert manifest["config"] == STAGE.config
    assert manifest["upstream"] == STAGE.upstream
    assert set(manifest["versions"]) == {"python", "distillrun", "torch", "transformers"}
    digest = hashlib.sha256(b"weights").hexdigest()
    assert manifest["files"] == {"student/model.bin": {"sha256": digest, "bytes": len("weights")}}


@pytest.mark.parametrize(
    "changed",
    [
        replace(STAGE, name="evaluate"),
        replace(STAGE, version=2),
        replace(STAGE, config={**STAGE.config, "seed": 0}),
        replace(STAGE, config={"training": STAGE.config["training"]}),
        replace(STAGE, upstream={"generate": "cd" * 32}),
        replace(STAGE, upstream={"load": "ab" * 32}),
    ],
)
def test_the_fingerprint_depends_on_each_field(changed: Stage) -> None:
    assert changed.fingerprint != STAGE.fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    turned: dict[str, Json] = {
        "objective": {"name": "multitask"},
        "training": {"max_steps": 50, "learning_rate": 0.001},
    }
    assert replace(STAGE, config=turned).fingerprint == STAGE.fingerprint


def test_canonical_json_tells_1_from_1_0_and_refuses_what_is_not_json() -> None:
    assert canonical_json({"b": 1, "a": [1.0, None, "é"]}) == '{"a":[1.0,null,"\\u00e9"],"b":1}'
    for value in (float("nan"), float("inf"), {1, 2}, Path("x")):
        with pytest.raises(ValueError, match="no canonical JSON"):
            canonical_json({"x": value})


def test_a_miss_names_the_first_field_that_differs_from_the_nearest_one(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    far: dict[str, Json] = {"training": {"learning_rate": 0.5, "max_steps": 5}, "objective": {"name": "label_only"}}
    near: dict[str, Json] = {
        "training": {"learning_rate": 0.002, "max_steps": 50},
        "objective": {"name": "multitask"},
    }
    store.get_or_make(replace(STAGE, config=near), writes())
    store.get_or_make(replace(STAGE, config=far), writes())
    store.get_or_make(STAGE, writes())
    assert caplog.messages[-1] == "train: making (training.learning_rate is 0.001, not 0.002)"


def test_a_part_that_means_something_else_by_now_is_named(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    objective: dict[str, Json] = {"_target_": "a.B", "texts": {"_target_": "c.D"}}
    store.get_or_make(replace(STAGE, config={"objective": objective}), writes())
    changed: dict[str, Json] = {**objective, "texts": {"_target_": "c.D", "_meaning_": 2}}
    store.get_or_make(replace(STAGE, config={"objective": changed}), writes())
    assert caplog.messages[-1] == "train: making (objective.texts has changed since, see CHANGELOG.md)"


def test_what_the_log_tells_of_the_store_is_short_and_has_no_digests(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(STAGE, config={**STAGE.config, "student": "ed796c0b" * 8}, upstream={"load": "71f3c309" * 8})
    for stage in (other, STAGE, replace(STAGE, config={"another": 1, "kind": 2, "of": 3, "stage": 4}), STAGE):
        store.get_or_make(stage, writes())
    assert caplog.messages[:3] == ["train: making"] * 3
    assert re.fullmatch(r"train: reused \(made 20\d\d-\d\d-\d\d \d\d:\d\d in 0 s\)", caplog.messages[3])


def damage_bytes(folder: Path) -> None:
    (folder / "student" / "model.bin").write_text("weightz")


def damage_size(folder: Path) -> None:
    (folder / "student" / "model.bin").write_text("")


def remove_file(folder: Path) -> None:
    (folder / "student" / "model.bin").unlink()


def tear_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text[: len(text) // 2])


def forge_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"max_steps": 50', '"max_steps": 51'))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (damage_bytes, "student/model.bin has different bytes"),
        (damage_size, "student/model.bin has a different size"),
        (remove_file, "student/model.bin is missing"),
        (tear_manifest, "manifest.json is missing or broken"),
        (forge_manifest, "manifest.json is missing or broken"),
    ],
)
def test_a_broken_artifact_is_named_set_aside_and_made_again(
    store: ArtifactStore, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None], named: str
) -> None:
    folder = store.get_or_make(STAGE, writes()).folder
    damage(folder)
    again = store.get_or_make(STAGE, writes())
    assert not again.cached
    assert [named in record.message for record in caplog.records if record.levelno == logging.WARNING] == [True]
    assert (again.folder / "student" / "model.bin").read_text() == "weights"
    assert folder.with_name(folder.name + ".broken.partial").is_dir()
    assert store.get_or_make(STAGE, never).cached


def test_a_stage_that_fails_publishes_nothing_and_resumes_in_the_same_folder(store: ArtifactStore) -> None:
    folders = []

    def fail(work: Path) -> None:
        folders.append(work)
        (work / "scratch" / "half").write_text("1")
        (work / "torn").write_text("?")
        raise RuntimeError("out of luck")

    def resume(work: Path) -> None:
        folders.append(work)
        assert not (work / "torn").exists(), "only scratch may be gone on from"
        (work / "whole").write_text((work / "scratch" / "half").read_text() + "2")

    with pytest.raises(RuntimeError, match="out of luck"):
        store.get_or_make(STAGE, fail)
    assert [stored.complete for stored in stored_artifacts(store.root)] == [False]
    artifact = store.get_or_make(STAGE, resume)
    assert folders[0] == folders[1]
    assert (artifact.folder / "whole").read_text() == "12"
    assert [stored.complete for stored in stored_artifacts(store.root)] == [True]


def test_a_job_that_dies_between_manifest_and_rename_publishes_nothing_and_loses_nothing(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_at(store, monkeypatch, Path, "rename")
    assert not any(stored.complete for stored in stored_artifacts(store.root))
    assert store.get_or_make(STAGE, never).cached
    assert [stored.complete for stored in stored_artifacts(store.root)] == [True]


def test_a_job_that_dies_before_its_manifest_still_has_its_scratch(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_at(store, monkeypatch, store_module, "write_manifest")

    def resume(work: Path) -> None:
        assert (work / "scratch" / "journal").read_text() == "asked and paid"
        (work / "records").write_text("all of them")

    artifact = store.get_or_make(STAGE, resume)
    assert not artifact.cached
    assert not (artifact.folder / "scratch").exists()
    assert set(json.loads((artifact.folder / "manifest.json").read_text())["files"]) == {"records"}


def test_what_a_dying_job_left_ready_but_broken_is_made_again(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_at(store, monkeypatch, Path, "rename")
    (left,) = store.root.glob("train/*.partial/records")
    left.write_text("torn")
    assert not store.get_or_make(STAGE, writes()).cached


def dies_at(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    def make(work: Path) -> None:
        (work / "scratch" / "journal").write_text("asked and paid")
        (work / "records").write_text("all of them")

    def die(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        with pytest.raises(KeyboardInterrupt):
            store.get_or_make(STAGE, make)


def test_a_killed_job_frees_its_lock_and_the_next_one_resumes(tmp_path: Path) -> None:
    killed = start_worker(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.wait(60) == -signal.SIGKILL
    assert [stored.complete for stored in stored_artifacts(tmp_path)] == [False]
    assert start_worker(tmp_path, "pass").wait(60) == 0
    (stored,) = stored_artifacts(tmp_path)
    assert stored.complete
    assert (stored.folder / "calls").read_text() == "xx"


def test_two_processes_with_one_key_make_it_once(tmp_path: Path) -> None:
    workers = [start_worker(tmp_path, "time.sleep(0.5)") for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    (stored,) = stored_artifacts(tmp_path)
    assert (stored.folder / "calls").read_text() == "x"


def test_who_waits_for_another_process_says_so(store: ArtifactStore, caplog: pytest.LogCaptureFixture) -> None:
    worker = start_worker(store.root, "time.sleep(1.5)")
    while not list(store.root.glob("train/*.partial/calls")):
        assert worker.poll() is None
        time.sleep(0.02)
    assert store.get_or_make(Stage("train", 1, {}, {}), never).cached
    assert "waiting for" in caplog.messages[0]
    assert worker.wait(60) == 0


def test_use_makes_an_artifact_young_again(store: ArtifactStore) -> None:
    folder = store.get_or_make(STAGE, writes()).folder
    os.utime(folder / "manifest.json", (0, 0))
    assert stored_artifacts(store.root)[0].last_used.year == 1970
    store.get_or_make(STAGE, never)
    assert stored_artifacts(store.root)[0].last_used.year > 2000


def test_names_of_stages_cannot_leave_the_store(store: ArtifactStore) -> None:
    artifact = store.get_or_make(replace(STAGE, name="../../etc/passwd"), writes())
    assert artifact.folder.parent == store.root / "etc-passwd"
    (store.root / "linked").symlink_to(store.root.parent, target_is_directory=True)
    with pytest.raises(ConfigError, match="leads out of the store"):
        store.get_or_make(replace(STAGE, name="linked"), writes())


def test_the_store_is_private(store: ArtifactStore) -> None:
    store.get_or_make(STAGE, writes())
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_a_symbolic_link_in_an_artifact_is_refused(store: ArtifactStore) -> None:
    def link(work: Path) -> None:
        (work / "data").symlink_to("/etc/hostname")

    with pytest.raises(ValueError, match="symbolic link, data"):
        store.get_or_make(STAGE, link)


def test_a_full_disk_names_the_key_and_publishes_nothing(store: ArtifactStore) -> None:
    def fill(work: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ConfigError, match=r"paths\.store=.*No space left.*store prune"):
        store.get_or_make(STAGE, fill)
    assert not any(stored.complete for stored in stored_artifacts(store.root))


def test_a_store_that_is_a_file_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ConfigError, match=r"paths\.store=.*cannot be written"):
            ArtifactStore(root).get_or_make(STAGE, never)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match=r"paths\.store=.*cannot be written"):
        ArtifactStore(tmp_path / "locked" / "store").get_or_make(STAGE, never)


def test_a_refusal_elsewhere_is_not_blamed_on_the_store(store: ArtifactStore) -> None:
    def read(work: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/data/teacher")

    with pytest.raises(PermissionError):
        store.get_or_make(STAGE, read)
    denied = PermissionError(errno.EACCES, "Permission denied", str(store.root / "train"))

    def write(work: Path) -> None:
        raise denied

    with pytest.raises(ConfigError, match=r"paths\.store"):
        store.get_or_make(STAGE, write)
