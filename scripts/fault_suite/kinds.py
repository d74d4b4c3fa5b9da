"""Every kind of fault, in the order in which they are made."""

from collections.abc import Callable, Mapping

from fault_suite.damage import damage, leftovers
from fault_suite.disk import disk
from fault_suite.fuzz import fuzz
from fault_suite.kills import kills
from fault_suite.places import places
from fault_suite.processes import caps, processes, sweeps
from fault_suite.servers import servers
from fault_suite.signals import signals
from fault_suite.strangers import strangers
from fault_suite.suite import Suite
from fault_suite.tally import Tally

KINDS: Mapping[str, Callable[[Suite], Tally]] = {
    "kills": kills,
    "signals": signals,
    "processes": processes,
    "caps": caps,
    "damage": damage,
    "leftovers": leftovers,
    "disk": disk,
    "servers": servers,
    "places": places,
    "sweeps": sweeps,
    "strangers": strangers,
    "fuzz": fuzz,
}
