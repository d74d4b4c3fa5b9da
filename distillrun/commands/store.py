"""`distillrun store`: shows what finished stages take up, or frees it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.errors import ConfigError


def store(arguments: Sequence[str]) -> int:
    """Show what finished stages take up, or free it; a run that needs it again computes it again."""
    given = store_parser().parse_args(arguments)
    from distillrun.artifacts import prune, stored_artifacts

    if not given.store.is_dir():
        raise ConfigError(f"--store {given.store}: there is no such folder")
    if given.action == "prune" and given.older_than is not None and not given.older_than >= 0:
        raise ConfigError(f"--older-than {given.older_than:g}: the number of days must be 0 or more")
    if given.action == "list":
        verb, stored = "stored", list(stored_artifacts(given.store))
    elif given.all or given.stage or given.older_than is not None or given.unfinished:
        verb = "would be freed" if given.dry_run else "freed"
        stored = prune(
            given.store,
            stage=given.stage,
            older_than_days=given.older_than,
            unfinished=given.unfinished,
            dry_run=given.dry_run,
        )
    else:
        raise ConfigError("say what to delete: --older-than DAYS, --stage NAME, --unfinished or --all")
    for artifact in stored:
        used = f"{artifact.last_used:%Y-%m-%d %H:%M}"
        state = "" if artifact.complete else "  unfinished"
        line = f"{artifact.stage:<16} {artifact.fingerprint[:16]} {_size(artifact.bytes):>9}  used {used}{state}"
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{_size(sum(artifact.bytes for artifact in stored))} {verb} in {len(stored)} artifacts\n")
    return 0


def store_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun store", description=store.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    told = "List the stored artifacts, one per line."
    everything = actions.add_parser("list", help=told, description=told)
    told = "Delete the artifacts that the flags select."
    freeing = actions.add_parser("prune", help=told, description=told)
    for action in (everything, freeing):
        action.add_argument(
            "--store",
            type=Path,
            default=Path("artifacts"),
            metavar="DIR",
            help="the folder of paths.store (default: artifacts)",
        )
    freeing.add_argument("--stage", help="only artifacts of this stage, such as train")
    freeing.add_argument(
        "--older-than", type=float, metavar="DAYS", help="only artifacts that were last used longer ago than this"
    )
    freeing.add_argument("--unfinished", action="store_true", help="what interrupted stages left behind")
    freeing.add_argument("--all", action="store_true", help="all finished artifacts")
    freeing.add_argument("--dry-run", action="store_true", help="only list what would be deleted")
    return parser


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
