"""A disk that is full or read-only, and files that may not grow."""

import shutil
import subprocess
from pathlib import Path

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import TRACEBACK
from tests.command_line import Ended

RUN_KILOBYTES = 160
"""About what a run's folder takes."""


def disk(suite: Suite) -> Tally:
    """A full disk at every stage, a read-only one, a limit on files: one sentence, exit code 2, resumed afterwards."""
    tally = Tally("full and read-only disks")
    size = sum(file.stat().st_size for file in (suite.finished.folder / "store").rglob("*") if file.is_file()) // 1024
    shares = (0.2, 0.7) if suite.short else (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
    for part in ("store", "runs"):
        for share in shares[: suite.pick(2 if part == "store" else 1, len(shares))]:
            kilobytes = max(8, int((size if part == "store" else RUN_KILOBYTES) * share))
            world = suite.world(f"full-{part}-{kilobytes}")
            with _Mounted(world.folder / part, kilobytes) as mounted:
                if not mounted:
                    tally.skipped.append(f"mounting a small disk for {part} ({kilobytes} kB)")
                    continue
                ended = world.run()
                _expect_a_sentence(tally, ended, f"{part} on a disk of {kilobytes} kB")
                mounted.grow()
                again = world.run()
                tally.expect(again.code == 0, f"{part} after more room: exit code {again.code}: {again.last}")
                tally.expect(world.results() == suite.reference, f"{part}: other bytes: {suite.differing(world)}")
    for kilobytes in (16,) if suite.short else (1, 4, 16, 64, 256):
        world = suite.world(f"limit-{kilobytes}")
        _expect_a_sentence(tally, world.run(file_bytes=kilobytes * 1024), f"no file above {kilobytes} kB")
        again = world.run()
        tally.expect(
            again.code == 0 and world.results() == suite.reference, f"after a limit: {again.code} {again.last}"
        )
    _read_only(suite, tally)
    return tally


def _read_only(suite: Suite, tally: Tally) -> None:
    world = suite.world("read-only")
    with _Mounted(world.folder / "store", 64 * 1024) as mounted:
        if not mounted:
            tally.skipped.append("mounting a read-only disk")
            return
        shutil.copytree(suite.finished.folder / "store", world.folder / "store", symlinks=True, dirs_exist_ok=True)
        mounted.read_only()
        ended = world.run()
        tally.expect(ended.code == 0, f"a read-only store that holds everything: {ended.code}: {ended.last}")
        tally.expect(world.results() == suite.reference, "a read-only store: other bytes")
        ended = world.run("training.seed=5")
        _expect_a_sentence(tally, ended, "a read-only store that does not hold everything")


def _expect_a_sentence(tally: Tally, ended: Ended, what: str) -> None:
    if ended.code == 0:
        tally.skipped.append(f"{what}: there was room enough")
        return
    tally.expect(ended.code == 2, f"{what}: exit code {ended.code}: {ended.last}")
    tally.expect(TRACEBACK not in ended.said, f"{what}: a traceback: {ended.last}")


class _Mounted:
    """A small disk of its own at a folder, while it is entered; false where mounts are not permitted."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self._folder = folder
        self._kilobytes = kilobytes
        self._mounted = False

    def __enter__(self) -> "_Mounted":
        self._folder.mkdir(parents=True, exist_ok=True)
        size = f"size={self._kilobytes}k"
        self._mounted = self._done("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self._folder))
        return self

    def __exit__(self, *error: object) -> None:
        if self._mounted:
            self._done("umount", str(self._folder))

    def __bool__(self) -> bool:
        return self._mounted

    def grow(self) -> None:
        self._done("mount", "-o", "remount,size=64m", str(self._folder))

    def read_only(self) -> None:
        self._done("mount", "-o", "remount,ro", str(self._folder))

    def _done(self, *command: str) -> bool:
        if shutil.which(command[0]) is None:
            return False
        return subprocess.run(command, capture_output=True).returncode == 0
