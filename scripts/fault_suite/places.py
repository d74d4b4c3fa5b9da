"""Odd folders, a narrow umask and a clock that was set back."""

import ctypes.util
import os
import shutil
from pathlib import Path

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import FEW, SIZES, TRACEBACK

NAMES = (
    "a blank",
    " leading",
    "quote'd",
    'double"d',
    "new\nline",
    "ünïcödé-名前",
    "comma,equals=1",
    "{braces}",
    "${x}",
    "back\\slash",
    "[a,list]",
    "percent%20s",
    "x" * 200,
    "-dash",
    "$HOME",
    "a;b&c|d",
)


def places(suite: Suite) -> Tally:
    """Folders with odd names for runs and sweeps, umask 077, a clock five years back."""
    tally = Tally("odd places")
    words = (*FEW, *SIZES, "objective=label_only", "until=train", "training.max_steps=2")
    for place, name in enumerate(NAMES[:: suite.pick(8, 1)]):
        folder = suite.folder / "worlds" / f"place-{place}" / name
        folder.mkdir(parents=True)
        ended = suite.launcher.start(words, folder).end()
        tally.expect(ended.code == 0, f"a run in {name[:20]!r}: exit code {ended.code}: {ended.last}")
        tally.expect(TRACEBACK not in ended.said, f"a run in {name[:20]!r}: a traceback: {ended.last}")
        ended = suite.launcher.start(("-m", *words, "training.seed=0,1"), folder).end()
        tally.expect(ended.code in (0, 2), f"a sweep in {name[:20]!r}: exit code {ended.code}: {ended.last}")
        tally.expect(TRACEBACK not in ended.said, f"a sweep in {name[:20]!r}: a traceback: {ended.last}")
    _narrow(suite, tally, words)
    _clock(suite, tally)
    return tally


def _narrow(suite: Suite, tally: Tally, words: tuple[str, ...]) -> None:
    folder = suite.folder / "worlds" / "umask"
    folder.mkdir()
    before = os.umask(0o077)
    try:
        ended = suite.launcher.start(words, folder, own=True).end()
    finally:
        os.umask(before)
    tally.expect(ended.code == 0, f"umask 077: exit code {ended.code}: {ended.last}")
    open_to_others = [file.name for file in folder.rglob("*") if not file.is_symlink() and file.stat().st_mode & 0o077]
    tally.expect(not open_to_others, f"umask 077: others can read {open_to_others[:3]}")


def _clock(suite: Suite, tally: Tally) -> None:
    library = next(Path("/usr/lib").rglob("libfaketime.so.1"), None)
    if library is None or ctypes.util.find_library("c") is None:
        tally.skipped.append("a clock that was set back (libfaketime is not installed)")
        return
    world = suite.copy("clock")
    env = {"LD_PRELOAD": str(library), "FAKETIME": "-5y"}
    ended = world.run(own=True, env=env)
    tally.expect(ended.code == 0, f"a clock five years back: exit code {ended.code}: {ended.last}")
    tally.expect(world.results() == suite.reference, "a clock five years back: other bytes")
    shutil.rmtree(world.folder)
