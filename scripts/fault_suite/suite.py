"""The resources that all kinds of faults share: a launcher, a reference run, and worlds to damage."""

from pathlib import Path

from fault_suite.world import Server, World, answered, train_teacher
from tests.command_line import Launcher


class Suite:
    """The faults' common ground.

    Args:
        folder: where everything is written.
        short: the form for CI, in minutes.
        seed: of every random choice.

    Attributes:
        finished: the world of an undisturbed run.
        reference: the digests of its files.
    """

    def __init__(self, folder: Path, short: bool, seed: int) -> None:
        self.folder = folder
        self.short = short
        self.seed = seed
        (folder / "out").mkdir(parents=True)
        self.server = Server()
        self.launcher = Launcher(folder / "out")
        self.teacher = train_teacher(folder / "teacher", self.launcher)
        self.finished = self._undisturbed()
        self.reference = self.finished.results()

    answering = staticmethod(answered)
    """How the server answers where it does not misbehave."""

    def pick(self, short: int, full: int) -> int:
        """Return the number for this form of the suite."""
        return short if self.short else full

    def world(self, name: str) -> World:
        """Return a new world in which nothing was done yet."""
        return World(self.folder / "worlds" / name, self.launcher, self.server, self.teacher)

    def _undisturbed(self) -> World:
        world = self.world("undisturbed")
        ended = world.run(own=True)
        if ended.code:
            raise RuntimeError(f"the undisturbed run failed:\n{ended.said}")
        return world

    def copy(self, name: str) -> World:
        """Return a world with a copy of the undisturbed run's files."""
        world = self.world(name)
        world.take_from(self.finished)
        return world

    def differing(self, world: World) -> str:
        """Return which files of a world differ from the undisturbed run's."""
        found = world.results()
        names = {name for name in {*found, *self.reference} if found.get(name) != self.reference.get(name)}
        return ", ".join(sorted(names)[:4]) or "none"

    def close(self) -> None:
        """End what runs on."""
        self.launcher.close()
        self.server.close()
