"""The store: one folder per fingerprint, made once, published with one rename, checked on every read."""

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from distillrun.artifacts.guard import locked
from distillrun.artifacts.listing import BROKEN, PARTIAL, safe_name, stored_stages
from distillrun.artifacts.manifest import (
    MANIFEST,
    SCRATCH,
    Manifest,
    first_problem,
    make_manifest,
    read_manifest,
    write_manifest,
)
from distillrun.artifacts.pruning import CURE
from distillrun.artifacts.sealed import flush
from distillrun.artifacts.sharing import share_files
from distillrun.artifacts.stage import Stage, explain_miss, news
from distillrun.errors import ConfigError
from distillrun.files.disk import REFUSED, writing
from distillrun.files.inside import refuse_links

log = logging.getLogger("distillrun")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished stage.

    Attributes:
        cached: it was there already.
        seconds: wall time of this call, also of a hit.
        made_in_s: wall time of the call that finished it, whenever that was.
    """

    stage: str
    fingerprint: str
    folder: Path
    cached: bool
    seconds: float
    made_in_s: float


@dataclass(frozen=True, slots=True)
class Made:
    """A stage in the store: what it depended on, where it lies, and how long the call took that finished it."""

    stage: Stage
    folder: Path
    seconds: float


class ArtifactStore:
    """Stage outputs under `root/<stage>/<16 digits of the fingerprint>`, shared by runs and by processes."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def get_or_make(self, stage: Stage, make: Callable[[Path], None]) -> Artifact:
        """Return the stage's artifact, calling `make(work)` if it is not there.

        The work folder of a fingerprint is always the same one: what an interrupted call left in `work/scratch`, the
        next call finds, and checks itself (see `sealed.py`); it is deleted when everything else is safe. Anything else
        that was left is deleted first, since nobody knows what it is. Only one process makes an artifact; others wait.

        Raises:
            ConfigError: the store cannot be written, or the disk is full.
        """
        started = time.perf_counter()
        with writing("paths.store", self.root, CURE):
            folder = self._stage_folder(stage.name) / stage.fingerprint[:16]
            with locked(folder, stage.name) as may_write:
                manifest, cached = self._find_or_make(folder, stage, make) if may_write else self._read(folder, stage)
        seconds = time.perf_counter() - started
        return Artifact(stage.name, stage.fingerprint, folder, cached, seconds, manifest.seconds)

    def find(self, stage: Stage) -> Artifact | None:
        """Return the stage's artifact if it is there; its files are not read, so a broken one is found all the same."""
        folder = self.root / safe_name(stage.name) / stage.fingerprint[:16]
        manifest = read_manifest(folder)
        if manifest is None or manifest.fingerprint != stage.fingerprint:
            return None
        return Artifact(stage.name, stage.fingerprint, folder, True, 0.0, manifest.seconds)

    def is_begun(self, stage: Stage) -> bool:
        """Return whether an interrupted call left something of the stage."""
        return _work_of(self.root / safe_name(stage.name) / stage.fingerprint[:16]).exists()

    def made(self, name: str) -> list[Made]:
        """Return the finished artifacts of a stage's name, the newest first; their files are not read."""
        folders = [file.parent for file in (self.root / safe_name(name)).glob(f"*/{MANIFEST}")]
        found = [(manifest, folder) for folder in folders if (manifest := read_manifest(folder)) is not None]
        newest_first = sorted(found, key=lambda each: each[0].created, reverse=True)
        return [Made(manifest.stage, folder, manifest.seconds) for manifest, folder in newest_first]

    def _read(self, folder: Path, stage: Stage) -> tuple[Manifest, bool]:
        """Return what a store that may only be read holds of a stage."""
        manifest = read_manifest(folder)
        if manifest is None or manifest.fingerprint != stage.fingerprint:
            stored = stored_stages(folder.parent) if folder.parent.is_dir() else []
            problem: str | None = f"holds no {stage.name} stage with these settings ({explain_miss(stage, stored)})"
        else:
            problem = first_problem(folder, manifest)
        if problem is not None:
            cure = "set paths.store to a folder that you may write"
            raise ConfigError(f"paths.store={self.root} is read-only, and {problem}; {cure}")
        assert manifest is not None
        _say_reused(stage, manifest)
        return manifest, True

    def _find_or_make(self, folder: Path, stage: Stage, make: Callable[[Path], None]) -> tuple[Manifest, bool]:
        manifest = self._intact(folder, stage) or self._left_ready(folder, stage)
        if manifest is None:
            return self._make(folder, stage, make), False
        with suppress(OSError):
            os.utime(folder / MANIFEST)
        _say_reused(stage, manifest)
        return manifest, True

    def _make(self, folder: Path, stage: Stage, make: Callable[[Path], None]) -> Manifest:
        work = _work_of(folder)
        refuse_links(folder.parent, [work.name])
        if work.exists():
            log.info("%s: resuming from what an interrupted run left", stage.name)
        else:
            stored = stored_stages(folder.parent)
            log.info("%s: making%s", stage.name, news(stage, stored))
            log.debug("%s: fingerprint %s: %s", stage.name, stage.fingerprint, explain_miss(stage, stored))
        (work / SCRATCH).mkdir(parents=True, exist_ok=True)
        _clear(work)
        started = time.perf_counter()
        make(work)
        manifest = make_manifest(stage, work, time.perf_counter() - started)
        share_files(work, manifest, (inner for inner in folder.parent.iterdir() if inner != work))
        write_manifest(manifest, work)
        _publish(folder)
        return manifest

    def _left_ready(self, folder: Path, stage: Stage) -> Manifest | None:
        """Publish what a job left that died after its manifest and before its rename; None where there is nothing."""
        work = _work_of(folder)
        manifest = read_manifest(work)
        if manifest is None or manifest.fingerprint != stage.fingerprint or first_problem(work, manifest) is not None:
            return None
        _publish(folder)
        return manifest

    def _intact(self, folder: Path, stage: Stage) -> Manifest | None:
        if not folder.exists():
            return None
        manifest = read_manifest(folder)
        if manifest is None or manifest.fingerprint != stage.fingerprint:
            problem: str | None = f"{MANIFEST} is missing or broken"
        else:
            problem = first_problem(folder, manifest)
        if problem is None:
            return manifest
        aside = folder.with_name(folder.name + BROKEN)
        log.warning("%s: %s in %s; set aside as %s and made again", stage.name, problem, folder, aside.name)
        if aside.exists():
            shutil.rmtree(aside)
        folder.rename(aside)
        return None

    def _stage_folder(self, name: str) -> Path:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.root / safe_name(name)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            if error.errno not in REFUSED:
                raise
            return folder
        if folder.resolve().parent != self.root.resolve():
            raise ConfigError(f"paths.store: {folder} leads out of the store; remove that link")
        return folder


def _say_reused(stage: Stage, manifest: Manifest) -> None:
    made = datetime.fromisoformat(manifest.created).astimezone()
    log.info("%s: reused (made %s in %.0f s)", stage.name, made.strftime("%Y-%m-%d %H:%M"), manifest.seconds)
    log.debug("%s: fingerprint %s", stage.name, stage.fingerprint)


def _work_of(folder: Path) -> Path:
    return folder.with_name(folder.name + PARTIAL)


def _clear(work: Path) -> None:
    """Delete what an interrupted call left, except what the next one resumes from."""
    for left in work.iterdir():
        if left.name == SCRATCH:
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def _publish(folder: Path) -> None:
    work = _work_of(folder)
    shutil.rmtree(work / SCRATCH, ignore_errors=True)
    work.rename(folder)
    flush(folder.parent)
