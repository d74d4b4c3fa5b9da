"""Signals that ask a run to stop: it saves, says so, and goes on from there."""

import json
import random
import signal
import time

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import TRACEBACK, World

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
MOMENTS = ("generate/revision: making", "read_logits: making", "train: making")


def signals(suite: Suite) -> Tally:
    """SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2: saved, exit code 130, "interrupted", the same bytes afterwards."""
    tally = Tally("signals that ask to stop")
    rng = random.Random(suite.seed)
    chosen = [(number, MOMENTS[place % 3]) for place, number in enumerate(SIGNALS)]
    if not suite.short:
        chosen = [(number, moment) for number in SIGNALS for moment in MOMENTS]
    for number, moment in chosen:
        name = f"{number.name} in {moment.partition(':')[0]}"
        world = suite.world(f"signal-{number.name}-{moment.partition(':')[0].replace('/', '-')}")
        running = world.start()
        running.wait_for(moment)
        time.sleep(rng.random() * 0.3)
        running.send(number)
        ended = running.end()
        tally.expect(ended.code == 130, f"{name}: exit code {ended.code} and not 130: {ended.last}")
        tally.expect(TRACEBACK not in ended.said, f"{name}: a traceback: {ended.last}")
        tally.expect(_status(world) == "interrupted", f"{name}: the run says {_status(world)}")
        again = world.run()
        tally.expect(again.code == 0, f"{name}: the same command again ended with {again.code}: {again.last}")
        tally.expect(world.results() == suite.reference, f"{name}: other bytes: {suite.differing(world)}")
        tally.expect(not world.asked_again(), f"{name}: {world.asked_again()} requests were sent again")
    return tally


def _status(world: World) -> str:
    found = sorted(world.folder.glob("runs/*/result.json"))
    return json.loads(found[-1].read_text())["status"] if found else "nothing"
