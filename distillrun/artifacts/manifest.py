"""The manifest of a finished artifact: what made it, and the digest of every file."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from distillrun.artifacts.sealed import flush
from distillrun.artifacts.stage import Stage
from distillrun.names.parts import with_names
from distillrun.records import Json

MANIFEST = "manifest.json"
SCRATCH = "scratch"
"""A folder of the work folder that is not part of the artifact: journals and checkpoints to resume from."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Digest and size of one file."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`seconds` is the wall time of the call that finished the artifact; `created` is UTC in ISO form."""

    stage: Stage
    fingerprint: str
    files: Mapping[str, StoredFile]
    created: str
    seconds: float
    versions: Mapping[str, str]


def make_manifest(stage: Stage, folder: Path, seconds: float) -> Manifest:
    """Bring every file of a folder to the disk and return its manifest.

    Raises:
        ValueError: the stage left a symbolic link, or a file with the manifest's own name.
    """
    names = _file_names(folder)
    for name in names:
        if (folder / name).is_symlink():
            raise ValueError(f"stage {stage.name} left a symbolic link, {name}; an artifact holds its own files only")
    if MANIFEST in names:
        raise ValueError(f"stage {stage.name} wrote {MANIFEST}, a name that the store needs for itself")
    for name in names:
        flush(folder / name)
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        flush(inner)
    return Manifest(
        stage=stage,
        fingerprint=stage.fingerprint,
        files={name: _stored_file(folder / name) for name in names},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        versions=_versions(),
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest and bring it to the disk; the artifact is published by renaming its folder afterwards."""
    text = json.dumps(
        {
            "stage": manifest.stage.name,
            "version": manifest.stage.version,
            "fingerprint": manifest.fingerprint,
            "config": dict(manifest.stage.config),
            "upstream": dict(manifest.stage.upstream),
            "created": manifest.created,
            "seconds": manifest.seconds,
            "versions": dict(manifest.versions),
            "files": {name: asdict(file) for name, file in manifest.files.items()},
        },
        indent=1,
        allow_nan=False,
    )
    path = folder / MANIFEST
    path.write_text(text + "\n", encoding="utf-8")
    flush(path)
    flush(folder)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder; None where it is missing, torn, or not one of ours.

    One that calls parts by the Python paths that they had calls them by their names.
    """
    try:
        value: dict[str, Json] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest = _from_json(value)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    named = replace(manifest.stage, config=with_names(manifest.stage.config))
    known = (stage for stage in (named, manifest.stage) if stage.fingerprint == manifest.fingerprint)
    stage = next(known, None)
    return None if stage is None else replace(manifest, stage=stage)


def first_problem(folder: Path, manifest: Manifest) -> str | None:
    """Return what is wrong with the first broken file of an artifact; None when every digest is right."""
    present = set(_file_names(folder))
    for name, expected in manifest.files.items():
        if name not in present:
            return f"{name} is missing"
        if (folder / name).stat().st_size != expected.bytes:
            return f"{name} has a different size than when it was made"
        if _stored_file(folder / name).sha256 != expected.sha256:
            return f"{name} has different bytes than when it was made"
    return None


def _from_json(value: dict[str, Json]) -> Manifest:
    config, upstream, files, versions = (value[key] for key in ("config", "upstream", "files", "versions"))
    number, seconds = value["version"], value["seconds"]
    if not (isinstance(config, dict) and isinstance(upstream, dict)):
        raise TypeError("config and upstream are mappings")
    if not (isinstance(files, dict) and isinstance(versions, dict)):
        raise TypeError("files and versions are mappings")
    if not (isinstance(number, int) and isinstance(seconds, int | float)):
        raise TypeError("version and seconds are numbers")
    return Manifest(
        stage=Stage(str(value["stage"]), number, config, {name: str(digest) for name, digest in upstream.items()}),
        fingerprint=str(value["fingerprint"]),
        files=dict(_stored_files(files)),
        created=datetime.fromisoformat(str(value["created"])).isoformat(timespec="seconds"),
        seconds=float(seconds),
        versions={name: str(number) for name, number in versions.items()},
    )


def _stored_files(files: dict[str, Json]) -> Iterator[tuple[str, StoredFile]]:
    for name, file in files.items():
        if not isinstance(file, dict) or not isinstance(file["bytes"], int):
            raise TypeError(f"{name} needs a digest and a size")
        yield name, StoredFile(sha256=str(file["sha256"]), bytes=file["bytes"])


def _file_names(folder: Path) -> list[str]:
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in names if name.parts[0] != SCRATCH)


def _stored_file(path: Path) -> StoredFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return StoredFile(sha256=digest, bytes=path.stat().st_size)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("distillrun", "torch", "transformers"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions
