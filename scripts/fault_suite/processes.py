"""Several processes on one store at once."""

import json
import signal
import time

from fault_suite.suite import Suite
from fault_suite.tally import Tally


def processes(suite: Suite) -> Tally:
    """2, 4 and 8 processes that need the same artifacts: made once; its maker killed: another one takes over."""
    tally = Tally("processes on one store")
    for together in (4,) if suite.short else (2, 4, 8):
        world = suite.world(f"together-{together}")
        running = [world.start() for _ in range(together)]
        ended = [one.end() for one in running]
        codes = [one.code for one in ended]
        tally.expect(
            not any(codes), f"{together} at once ended with {codes}: {[one.last for one in ended if one.code]}"
        )
        tally.expect(world.results() == suite.reference, f"{together} at once: other bytes: {suite.differing(world)}")
        tally.expect(not world.asked_again(), f"{together} at once sent {world.asked_again()} requests again")
        trained = list(world.folder.glob("store/train/*"))
        tally.expect(len(trained) == 1, f"{together} at once trained {len(trained)} students")
    for moment in ("generate/critique: making", "train: making")[: suite.pick(1, 2)]:
        world = suite.world(f"maker-{moment.partition(':')[0].replace('/', '-')}")
        maker = world.start()
        maker.wait_for(moment)
        waiting = [world.start() for _ in range(2)]
        time.sleep(0.5)
        maker.send(signal.SIGKILL)
        maker.end()
        codes = [one.end().code for one in waiting]
        tally.expect(not any(codes), f"the maker of {moment} killed: those that waited ended with {codes}")
        tally.expect(world.results() == suite.reference, f"the maker of {moment} killed: other bytes")
        tally.expect(world.asked_again() <= 4, f"the maker killed: {world.asked_again()} requests were sent again")
    return tally


def caps(suite: Suite) -> Tally:
    """A cap raced by 4 processes, and a ledger that is deleted, emptied, cut or changed: never more than the cap."""
    tally = Tally("caps on spending")
    cap = 10
    world = suite.world("raced")
    capped = (
        "until=generate",
        "generation=[few_shot_rationale]",
        "objective=multitask",
        f"teacher.budget.requests={cap}",
    )
    running = [
        world.launcher.start((*world.plain, *capped, f"generation.seed={seed}"), world.folder) for seed in range(4)
    ]
    codes = [one.end().code for one in running]
    tally.expect(set(codes) == {3}, f"raced: exit codes {codes}, all should be 3 (the budget is spent)")
    tally.expect(len(world.asked) <= cap, f"raced: {len(world.asked)} requests were sent under a cap of {cap}")
    tally.notes.append(f"{len(world.asked)} of {cap} requests sent by 4 processes")
    ways = {
        "deleted": lambda file: file.unlink(),
        "emptied": lambda file: file.write_bytes(b""),
        "cut to a half": lambda file: file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2]),
        "its first line taken out": lambda file: file.write_bytes(b"\n".join(file.read_bytes().split(b"\n")[1:])),
        "a line of NaN": lambda file: file.write_bytes(file.read_bytes() + b"[0, 0, 0, NaN]\n"),
        "a negative line": lambda file: file.write_bytes(file.read_bytes() + b"[-9, -900, -900, -1.0]\n"),
        "a torn end": lambda file: file.write_bytes(file.read_bytes() + b"[1, 10"),
    }
    for name, change in list(ways.items())[:: suite.pick(3, 1)]:
        own = suite.world(f"ledger-{name.replace(' ', '-')}")
        own.run_plain(*capped, "generation.seed=0")
        sent = len(own.asked)
        (ledger,) = own.folder.glob("store/journal/*/ledger*.jsonl")
        change(ledger)
        ended = own.run_plain(*capped, "generation.seed=1")
        more = len(own.asked) - sent
        tally.expect(more <= cap - sent, f"ledger {name}: {more} more requests were sent after {sent} of {cap}")
        tally.expect(ended.code in (2, 3), f"ledger {name}: exit code {ended.code}: {ended.last}")
        tally.expect("Traceback" not in ended.said, f"ledger {name}: a traceback: {ended.last}")
        ended = own.run_plain(*capped, "generation.seed=1", f"teacher.budget.requests={10 * cap}")
        tally.expect(ended.code == 0, f"ledger {name}: a larger budget does not go on ({ended.code}): {ended.last}")
    return tally


def sweeps(suite: Suite) -> Tally:
    """A sweep that is interrupted, whose job is killed, and whose files are damaged: the same command ends it."""
    tally = Tally("sweeps")
    world = suite.world("sweep")
    words = ("-m", *world.plain, "objective=label_only,multitask", "training.max_steps=4", "hydra.sweep.dir=swept")
    running = world.launcher.start(words, world.folder)
    running.wait_for("train: making")
    running.send(signal.SIGTERM)
    ended = running.end()
    tally.expect(ended.code == 130, f"SIGTERM ended it with {ended.code}: {ended.last}")
    ended = world.launcher.start(words, world.folder).end()
    tally.expect(ended.code == 0, f"the same command ended with {ended.code}: {ended.last}")
    files = sorted(file for file in (world.folder / "swept").rglob("*") if file.is_file() and not file.is_symlink())
    jobs = [
        file for file in files if file.name in ("job.json", "result.json", "command.json", "sweep.json", "config.yaml")
    ]
    for file in jobs[: suite.pick(1, len(jobs))]:
        for change in (file.read_bytes()[:20], b"", b'{"a": [1]}')[: suite.pick(1, 3)]:
            kept = file.read_bytes()
            file.write_bytes(change)
            again = world.launcher.start(words, world.folder).end()
            name = f"{file.relative_to(world.folder)} as {change[:12]!r}"
            tally.expect(again.code in (0, 2), f"{name}: exit code {again.code}: {again.last}")
            tally.expect("Traceback" not in again.said, f"{name}: a traceback: {again.last}")
            if again.code:
                file.write_bytes(kept)
    told = json.loads((world.folder / "swept" / "sweep.json").read_text())
    tally.expect(bool(told), "sweep.json tells nothing")
    return tally
