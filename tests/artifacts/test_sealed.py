"""What an interrupted call goes on from: on the disk before it bears its name, and set aside where it was changed."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from distillrun.artifacts.sealed import SUMS, is_sealed, sealing
from tests.damage import DAMAGES


def sealed(folder: Path) -> Path:
    with sealing(folder) as part:
        (part / "progress.json").write_text('{"step": 5, "seen": [1, 2]}', encoding="utf-8")
        (part / "inner").mkdir()
        (part / "inner" / "weights").write_bytes(bytes(range(256)))
    return folder


def test_what_was_sealed_is_gone_on_from_and_can_be_checked_by_anybody(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "it's here")
    assert is_sealed(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["it's here"]
    checked = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ["inner/weights: OK", "progress.json: OK"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["progress.json", "inner/weights", SUMS])
def test_what_was_changed_is_set_aside_and_named(
    name: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = sealed(tmp_path / "part")
    DAMAGES[damage](folder / name)
    with caplog.at_level("WARNING", logger="distillrun"):
        assert not is_sealed(folder)
    (said,) = caplog.messages
    assert said.startswith(f"{folder}: ")
    assert "set aside as part.damaged and made again" in said
    assert not folder.exists()
    assert (tmp_path / "part.damaged").is_dir()
    assert is_sealed(sealed(folder))


def test_a_file_too_many_or_something_that_is_no_folder_is_set_aside(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "part")
    (folder / "stray").write_text("x")
    assert not is_sealed(folder)
    folder.write_text("no folder")
    assert not is_sealed(folder)
    folder.symlink_to(sealed(tmp_path / "other"))
    assert not is_sealed(folder)
    assert not is_sealed(tmp_path / "never made")


def test_what_ends_half_way_does_not_bear_the_name(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), sealing(tmp_path / "part") as part:
        (part / "half").write_text("x")
        raise KeyboardInterrupt
    assert not is_sealed(tmp_path / "part")
    assert is_sealed(sealed(tmp_path / "part"))
    assert not list((tmp_path / "part").glob("half"))


def test_everything_is_on_the_disk_before_the_name_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename may reach the disk before what it names does, unless that was synced."""
    synced: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noting_fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path).as_posix())
        fsync(descriptor)

    def noting_rename(self: Path, target: Path) -> Path:
        synced.append(f"{self.name} -> {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    sealed(tmp_path / "part")
    before = synced[: synced.index("part.part -> part")]
    assert set(before) == {
        "part.part",
        "part.part/inner",
        "part.part/inner/weights",
        "part.part/progress.json",
        f"part.part/{SUMS}",
    }
    assert synced[-1] == "."
