"""The deletion of artifacts that nobody needs any more."""

import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import Timeout

from distillrun.artifacts.guard import lock_of
from distillrun.artifacts.listing import BROKEN, StoredArtifact, safe_name, stored_artifacts
from distillrun.files.disk import writing

log = logging.getLogger("distillrun")

CURE = "free some with `distillrun store prune`"
"""What to do where the disk is full."""


def prune(
    root: Path, *, stage: str | None, older_than_days: float | None, unfinished: bool, dry_run: bool
) -> list[StoredArtifact]:
    """Delete stored artifacts and return them; with `dry_run` only return them.

    Args:
        root: of the store.
        stage: only those of this stage; None = of all.
        older_than_days: only those last used longer ago; None = of any age.
        unfinished: only what interrupted stages left and broken artifacts that were set aside, instead of only
            finished artifacts.
        dry_run: delete nothing.
    """
    oldest = None if older_than_days is None else datetime.now(UTC) - timedelta(days=older_than_days)
    chosen = [
        stored
        for stored in stored_artifacts(root)
        if stored.complete is not unfinished
        and (stage is None or safe_name(stage) == stored.folder.parent.name)
        and (oldest is None or stored.last_used < oldest)
    ]
    with writing("paths.store", root, CURE):
        return [stored for stored in chosen if dry_run or _delete(stored)]


def _delete(stored: StoredArtifact) -> bool:
    """Delete one folder unless some process is making it; an interrupted deletion never looks finished."""
    key = stored.folder.name[:16]
    try:
        with lock_of(stored.folder.with_name(key)).acquire(timeout=0):
            aside = stored.folder.with_name(key + BROKEN)
            if stored.folder != aside:
                if aside.exists():
                    shutil.rmtree(aside)
                stored.folder.rename(aside)
            shutil.rmtree(aside)
    except Timeout:
        log.warning("%s: kept %s, which another process is using", stored.stage, stored.folder)
        return False
    return True
