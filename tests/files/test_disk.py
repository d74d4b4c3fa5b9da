"""Disks that are full or may not be written: one sentence that names path and cure, and nothing half done."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.artifacts.sealed import is_sealed
from distillrun.errors import ConfigError
from distillrun.files.disk import disk_trouble, writing
from distillrun.training.checkpoint import Progress, save_checkpoint
from tests.artifacts.making import STAGE, never, writes
from tests.command_line import Launcher
from tests.disks import read_only, small_disk
from tests.end_to_end.runs import SMALL, run_small, student_bytes

TINY = ("objective=label_only", "student=tiny_t5", "training.save_every=2")


def said(folder: Path, error: Exception) -> str:
    with pytest.raises(ConfigError) as caught, writing("paths.store", folder, "free some"):
        raise error
    return str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_names_the_key_the_path_and_the_cure(number: int, tmp_path: Path) -> None:
    for error in (OSError(number, os.strerror(number)), OSError(number, os.strerror(number), str(tmp_path / "x"))):
        text = said(tmp_path, error)
        assert text.startswith(f"paths.store={tmp_path}: {os.strerror(number)}")
        assert "free some, or set paths.store to a folder on another disk" in text
    assert disk_trouble(OSError(number, os.strerror(number), "/a/b")) is not None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_what_may_not_be_written_is_named(number: int, tmp_path: Path) -> None:
    text = said(tmp_path, OSError(number, os.strerror(number), str(tmp_path / "x")))
    assert text.startswith(f"paths.store={tmp_path} cannot be written ({os.strerror(number)}: {tmp_path / 'x'})")


def test_errors_about_something_else_are_left_alone(tmp_path: Path) -> None:
    for error in (
        OSError(errno.ENOSPC, "full", "/elsewhere/x"),
        FileNotFoundError(errno.ENOENT, "gone", str(tmp_path / "x")),
        ValueError("no number"),
    ):
        with pytest.raises(type(error)) as caught, writing("paths.store", tmp_path):
            raise error
        assert caught.value is error
    assert disk_trouble(ValueError("no number")) is None


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        (tmp_path / "ledger.jsonl").read_bytes()
    said = disk_trouble(caught.value)
    assert said is not None
    assert str(tmp_path / "ledger.jsonl") in said
    assert "a folder is in the place of a file" in said


def test_libraries_that_tell_a_full_disk_in_words_are_understood(tmp_path: Path) -> None:
    """safetensors and tokenizers are written in Rust; a limit on a file's size makes them fail as a full disk does."""
    code = (
        "import resource, sys; import torch; from safetensors.torch import save_file; from pathlib import Path\n"
        "from distillrun.files.disk import named\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    with named(Path('/a/weights')):\n        save_file({'x': torch.zeros(9999)}, 'w')\n"
        "except OSError as error:\n    print(error.errno, error.filename)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() in ([str(errno.EFBIG), "/a/weights"], [str(errno.ENOSPC), "/a/weights"])


def test_a_checkpoint_says_how_much_room_it_needs_and_leaves_the_older_one(tmp_path: Path) -> None:
    module = nn.Linear(300, 300)
    with small_disk(tmp_path / "disk", "600k") as folder:
        optimizer = torch.optim.AdamW(module.parameters())
        save_checkpoint(folder, module, nn.ModuleDict(), optimizer, Progress(step=1))
        with pytest.raises(ConfigError, match=r"[\d.]+ kB are needed and [\d.]+ kB are free"), writing("s", folder):
            save_checkpoint(folder, module, nn.ModuleDict(), optimizer, Progress(step=2))
        assert [path.name for path in folder.iterdir()] == ["checkpoint-00000001"]
        assert is_sealed(folder / "checkpoint-00000001")


def test_a_store_that_may_only_be_read_gives_what_it_holds_and_names_what_it_has_not(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    made = store.get_or_make(STAGE, writes())
    other = Stage("train", 1, {"training": {"max_steps": 7}}, {})
    with read_only(store.root):
        assert store.get_or_make(STAGE, never).folder == made.folder
        with pytest.raises(ConfigError, match=r"read-only, and holds no train stage with these settings \(training\."):
            store.get_or_make(other, never)
        with pytest.raises(ConfigError, match=r"is read-only, and holds no evaluate/x stage with these settings"):
            store.get_or_make(Stage("evaluate/x", 1, {}, {}), never)
    (made.folder / "student" / "model.bin").write_text("other")
    with read_only(store.root), pytest.raises(ConfigError, match=r"is read-only, and student/model.bin has"):
        store.get_or_make(STAGE, never)


def test_a_run_on_a_full_disk_ends_in_one_sentence_and_goes_on_with_room(
    tmp_path: Path, command_lines: Launcher
) -> None:
    """The store has room for the questions and none for a checkpoint."""
    run_small(tmp_path / "undisturbed", *TINY)
    with small_disk(tmp_path / "disk", "2m") as disk:
        words = [*SMALL, *TINY, f"paths.store={disk / 'store'}", f"paths.run={tmp_path / 'run'}"]
        done = command_lines.start((*words,), tmp_path).end(900)
        assert done.code == 2, done.said
        assert "Traceback" not in done.said
        assert f"distillrun: paths.store={disk / 'store'}: No space left on device" in done.said
        assert "are needed" in done.said
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        run_small(tmp_path / "again", *TINY, store=disk / "store")
        assert student_bytes(tmp_path / "again") == student_bytes(tmp_path / "undisturbed")


def test_a_run_folder_that_is_full_ends_in_one_sentence(tmp_path: Path, command_lines: Launcher) -> None:
    with small_disk(tmp_path / "disk", "8k") as disk:
        words = [*SMALL, *TINY, f"paths.store={tmp_path / 'store'}", f"paths.run={disk / 'run'}", "until=load"]
        done = command_lines.start((*words,), tmp_path).end(900)
        assert done.code == 2, done.said
        assert "Traceback" not in done.said
        assert f"distillrun: paths.run={disk / 'run'}: No space left on device" in done.said


def test_output_into_a_full_disk_is_told_of(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "distillrun", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("distillrun: standard output: No space left on device")
    assert "Traceback" not in done.stderr


def test_a_limit_on_the_size_of_files_is_told_of(tmp_path: Path, command_lines: Launcher) -> None:
    """Works where nothing may be mounted: `ulimit -f`."""
    words = [*SMALL, *TINY, f"paths.store={tmp_path / 'store'}", f"paths.run={tmp_path / 'run'}", "until=train"]
    done = command_lines.start((*words,), tmp_path, file_bytes=200_000).end(900)
    assert done.code == 2, done.said
    assert "Traceback" not in done.said
    assert f"distillrun: paths.store={tmp_path / 'store'}: File too large (a limit on the size of a file" in done.said
