"""Hard links between equal files of a stage's artifacts, such as the frozen encoder that is saved with every head."""

import filecmp
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from distillrun.artifacts.manifest import Manifest, read_manifest

LEAST_BYTES = 2**20
"""Of a file that is worth it."""

LINKED = ".linked"


def share_files(work: Path, manifest: Manifest, others: Iterable[Path]) -> None:
    """Replace large files by hard links to equal ones of finished artifacts. Whoever reads them sees no difference.

    Bytes are compared, not only digests: a file that a fault changed later is linked to by nobody. Where a file system
    has no hard links, copies stay.

    Args:
        work: the folder that is about to be published.
        manifest: of it.
        others: folders of the same stage.
    """
    due = {(name, file.sha256) for name, file in manifest.files.items() if file.bytes >= LEAST_BYTES}
    for other in others if due else ():
        known = read_manifest(other)
        held = {(name, file.sha256) for name, file in known.files.items()} if known is not None else set()
        for name, digest in due & held:
            with suppress(OSError):
                if _link(other / name, work / name):
                    due.discard((name, digest))


def _link(kept: Path, copy: Path) -> bool:
    """Put a link in the place of a copy; return whether they were equal."""
    if kept.is_symlink() or not filecmp.cmp(kept, copy, shallow=False):
        return False
    aside = copy.with_name(copy.name + LINKED)
    aside.unlink(missing_ok=True)
    os.link(kept, aside)
    aside.replace(copy)
    return True
