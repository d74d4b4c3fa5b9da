"""Files of a finished or an interrupted run that were flipped, cut, emptied or deleted."""

import os
import random
import re
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import TRACEBACK, World

Change = Callable[[Path, random.Random], object]


def _flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    place = rng.randrange(len(content))
    content[place] ^= 1 << rng.randrange(8)
    file.write_bytes(bytes(content))


CHANGES: Mapping[str, Change] = {
    "flipped": _flip,
    "cut": lambda file, rng: file.write_bytes(file.read_bytes()[: rng.randrange(max(1, file.stat().st_size))]),
    "emptied": lambda file, rng: file.write_bytes(b""),
    "deleted": lambda file, rng: file.unlink(),
}


def damage(suite: Suite) -> Tally:
    """Every file of store, journal, ledger and run folder: the same bytes, or one clear sentence."""
    tally = Tally("damaged files")
    rng = random.Random(suite.seed)
    names = [file.relative_to(suite.finished.folder) for file in _files(suite.finished)]
    chosen = [(name, change) for name in names for change in CHANGES]
    if suite.short:
        chosen = rng.sample(chosen, 10)
    refused = 0
    world = suite.copy("damaged")
    for name, change in chosen:
        file = world.folder / name
        if not file.exists() or not file.stat().st_size:
            world = suite.copy(f"damaged-{tally.tried}")
            file = world.folder / name
        if not file.stat().st_size:
            continue
        CHANGES[change](file, rng)
        ended = world.run()
        what = f"{re.sub('[0-9a-f]{16}', '…', str(name))} {change}"
        held = ended.code == 2 and TRACEBACK not in ended.said
        refused += held
        if ended.code == 0:
            held = world.results() == suite.reference and TRACEBACK not in ended.said
        tally.expect(held, f"{what}: exit code {ended.code}, differing {suite.differing(world)}: {ended.last}")
        if not held or ended.code:
            world = suite.copy(f"damaged-{tally.tried}")
    tally.notes = [f"{refused} refused in a sentence"]
    return tally


def leftovers(suite: Suite) -> Tally:
    """Every file that an interrupted training or reading left: the bytes of an undisturbed run, and no traceback."""
    tally = Tally("damaged leftovers")
    rng = random.Random(suite.seed)
    for stage in ("train", "read_logits"):
        first = _interrupted(suite, stage)
        names = [file.relative_to(first.folder) for file in _left(first, stage)]
        chosen = [(name, change) for name in sorted(names) for change in CHANGES]
        if not chosen:
            tally.skipped.append(f"an interrupted {stage} left nothing this time")
        for place, (name, change) in enumerate(rng.sample(chosen, min(len(chosen), suite.pick(3, 999)))):
            world = suite.world(f"leftover-{stage}-{place}")
            world.take_from(first)
            file = world.folder / name
            if not file.stat().st_size:
                continue
            CHANGES[change](file, rng)
            ended = world.run()
            what = f"{name.name} of an interrupted {stage} {change}"
            tally.expect(ended.code == 0, f"{what}: exit code {ended.code}: {ended.last}")
            tally.expect(TRACEBACK not in ended.said, f"{what}: a traceback: {ended.last}")
            tally.expect(world.results() == suite.reference, f"{what}: other bytes: {suite.differing(world)}")
    return tally


def _interrupted(suite: Suite, stage: str) -> World:
    """Return a world in which a stage was stopped as soon as it had left something; several tries, as it is quick."""
    for attempt in range(8):
        world = suite.world(f"leftover-{stage}-from-{attempt}")
        running = world.start()
        running.wait_for(f"{stage}: making")
        while not _left(world, stage) and running.code() is None:
            time.sleep(0.002)
        running.send(signal.SIGTERM if stage == "train" else signal.SIGKILL)
        running.end()
        if _left(world, stage):
            return world
    return world


def _left(world: World, stage: str) -> list[Path]:
    """Return what a stage resumes from; folders may go while they are read."""
    found = []
    for scratch in (world.folder / "store" / stage).glob("*.partial/scratch"):
        for folder, _, names in os.walk(scratch):
            found += [Path(folder) / name for name in names if not folder.endswith(".part")]
    return sorted(file for file in found if file.is_file())


def _files(world: World) -> list[Path]:
    found = (file for part in ("store", "runs") for file in (world.folder / part).rglob("*"))
    return sorted(file for file in found if file.is_file() and not file.is_symlink() and file.suffix != ".lock")
