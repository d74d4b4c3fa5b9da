"""The names of the store's folders, and what each of them holds."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from distillrun.artifacts.manifest import MANIFEST, read_manifest
from distillrun.artifacts.stage import Stage

PARTIAL = ".partial"
BROKEN = ".broken.partial"
_FOLDER = re.compile(r"(?P<key>[0-9a-f]{16})(?P<unfinished>\.partial|\.broken\.partial)?")


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A folder of the store. Of an unfinished one, only the first 16 digits of the fingerprint are known."""

    stage: str
    fingerprint: str
    folder: Path
    bytes: int
    created: datetime
    last_used: datetime
    complete: bool


def safe_name(name: str) -> str:
    """Return a stage's name as one safe folder name. `a/b` and `a-b` may share it: fingerprints keep them apart."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "stage"


def stored_stages(folder: Path) -> list[Stage]:
    """Return what made each artifact in a stage's folder, the newest first."""
    manifests = [read_manifest(inner) for inner in folder.iterdir() if _FOLDER.fullmatch(inner.name)]
    known = [manifest for manifest in manifests if manifest is not None]
    return [manifest.stage for manifest in sorted(known, key=lambda known: known.created, reverse=True)]


def describe(folder: Path) -> StoredArtifact | None:
    """Return what a folder of the store is; None for any other folder, so that it is never listed or deleted."""
    match = _FOLDER.fullmatch(folder.name)
    if match is None or folder.is_symlink() or not folder.is_dir():
        return None
    complete = match["unfinished"] is None
    manifest = read_manifest(folder)
    if complete and (manifest is None or not manifest.fingerprint.startswith(match["key"])):
        return None
    try:
        changed = datetime.fromtimestamp((folder / MANIFEST if complete else folder).stat().st_mtime, UTC)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except FileNotFoundError:  # another process renamed or deleted it just now
        return None
    return StoredArtifact(
        stage=manifest.stage.name if manifest else folder.parent.name,
        fingerprint=manifest.fingerprint if manifest else match["key"],
        folder=folder,
        bytes=size,
        created=datetime.fromisoformat(manifest.created) if manifest else changed,
        last_used=changed,
        complete=complete,
    )


def stored_artifacts(root: Path) -> tuple[StoredArtifact, ...]:
    """Return every folder of the store that is ours, by stage, the oldest first."""
    if not root.is_dir():
        return ()
    folders = [folder for stage in sorted(root.iterdir()) if stage.is_dir() for folder in stage.iterdir()]
    found = [stored for folder in folders if (stored := describe(folder)) is not None]
    return tuple(sorted(found, key=lambda stored: (stored.stage, stored.created)))
