"""SIGKILL at random moments of every stage: the bytes of an undisturbed run, and nothing asked twice."""

import random
import re
import signal
import time
from itertools import count

from fault_suite.suite import Suite
from fault_suite.tally import Tally
from fault_suite.world import STAGES, World


def kills(suite: Suite) -> Tally:
    """Kill runs as often as asked, each time inside the next stage, and let each run end some time.

    What was under way when a run was killed may be asked again: at most the teacher's concurrency for each kill.
    """
    tally = Tally("SIGKILL")
    rng = random.Random(suite.seed)
    wanted, killed, again = suite.pick(7, 100), 0, 0
    for number in count():
        world, own = suite.world(f"kills-{number}"), 0
        for stage in STAGES * suite.pick(1, 2):
            if killed + own < wanted:
                own += _killed_in(world, stage, rng, own=(killed + own) % 10 == 0)
        ended = world.run()
        killed, again = killed + own, again + world.asked_again()
        tally.tried += max(0, own - 3)
        tally.expect(ended.code == 0, f"after {own} kills the run ended with {ended.code}: {ended.last}")
        tally.expect(world.results() == suite.reference, f"after {own} kills other bytes: {suite.differing(world)}")
        tally.expect(
            world.asked_again() <= 4 * own, f"after {own} kills {world.asked_again()} requests were sent again"
        )
        if killed >= wanted:
            break
    tally.notes = [f"{killed} kills in {number + 1} runs, {again} requests sent again (under way at a kill)"]
    return tally


def _killed_in(world: World, stage: str, rng: random.Random, own: bool) -> bool:
    """Start a run and kill it inside a stage; return False where it was past that stage already."""
    running = world.start(own=own)
    if running.wait_for(rf"{re.escape(stage)}: (making|resuming)"):
        time.sleep(rng.random() * (0.8 if stage.startswith("generate") else 1.5))
        running.send(signal.SIGKILL)
    return running.end().code == -signal.SIGKILL
