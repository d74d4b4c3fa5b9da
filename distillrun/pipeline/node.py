"""A node of a run's graph: one stage, declared once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from weakref import proxy

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.config.schema import Until
from distillrun.interfaces import ChoiceModel
from distillrun.pipeline.experiment import Experiment, student_loader
from distillrun.pipeline.outcome import Outcome
from distillrun.records import Split

EMBED = "embed/{}"
"""The name of the node of a split's vectors. What is trained and tested hashes the texts and the encoder itself."""

Report = Callable[[Mapping[str, float], int], None]
"""Takes metrics of a training and the optimizer step that they belong to."""


@dataclass(slots=True)
class Seen:
    """The part of a graph that a walk has passed.

    Attributes:
        stages: what each node hashes, by the node's name; nodes of which that is not known yet are missing.
        artifacts: of the nodes that are made, by the node's name.
    """

    stages: dict[str, Stage] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)

    def upstream(self, names: Iterable[str]) -> dict[str, str]:
        """Return the fingerprints of some nodes by the names of their stages; vectors of texts add nothing to them."""
        hashed = [self.stages[name] for name in names if not name.startswith(EMBED.format(""))]
        return {stage.name: stage.fingerprint for stage in hashed}


@dataclass(frozen=True)
class Node:
    """One stage of a run: what it hashes, which nodes it needs, and how it is made.

    A new stage is one subclass, and one function in `graph.DECLARATIONS` that yields it: runs make it, plans list it,
    `until` cuts it off, the store keeps it, and the report shows it.

    Attributes:
        name: unique in the graph, such as `train` or `untrained/evaluate/generated_answer`.
        until: a run with an earlier `until` ends before this node.
        needs: the names of the nodes whose artifacts it reads; they come before it.
        on_demand: it is made only where a node that needs it asks for it.
    """

    name: str
    until: Until
    needs: tuple[str, ...] = ()
    on_demand: bool = False

    def known(self, seen: Seen) -> Stage | None:
        """Return the stage of the node; None where that of a node that it needs is not known, or its own is not."""
        return self.stage(seen) if all(name in seen.stages for name in self.needs) else None

    def stage(self, seen: Seen) -> Stage | None:
        """Return what the node hashes, given what it needs; None where that depends on texts that are not there yet."""
        raise NotImplementedError

    def make(self, stage: Stage, making: "Making") -> Artifact:
        """Make the node's artifact, or find it made."""
        raise NotImplementedError

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note in the outcome what was made, beyond the artifact itself."""


@dataclass(slots=True, weakref_slot=True)
class Making:
    """A run under way: what its nodes are made with.

    Attributes:
        graph: the nodes by their names, in their order.
        store: where artifacts are.
        outcome: takes note of what was made.
        report: is given the metrics of the training.
        seen: the nodes so far.
    """

    graph: Mapping[str, Node]
    store: ArtifactStore
    outcome: Outcome
    report: Report
    seen: Seen = field(default_factory=Seen)
    _student: tuple[str | None, Callable[[], ChoiceModel]] | None = None

    def go(self) -> Iterator[tuple[str, Artifact]]:
        """Make the nodes one after the other, or find them made, and yield each one's name and artifact."""
        for name, node in self.graph.items():
            stage = node.known(self.seen)
            assert stage is not None, f"{name} is not known though everything before it is made"
            self.seen.stages[name] = stage
            if not node.on_demand:
                yield name, self.made(name)

    def made(self, name: str) -> Artifact:
        """Return the artifact of a node that the run has reached, made if it is not yet."""
        if name not in self.seen.artifacts:
            artifact = self.graph[name].make(self.seen.stages[name], self)
            self.seen.artifacts[name] = self.outcome.stages[name] = artifact
            self.graph[name].note(artifact, self.outcome)
        return self.seen.artifacts[name]

    def embeddings(self, *splits: Split) -> list[Path]:
        """Return the folders of the vectors of some splits, made if they are not yet; none where no node makes them."""
        nodes = [name for name in map(EMBED.format, splits) if name in self.graph]
        return [self.made(name).folder for name in nodes if name in self.seen.stages]

    def student(self, experiment: Experiment, trained: str | None) -> Callable[[], ChoiceModel]:
        """Return what loads a student; one at a time stays in memory.

        Args:
            experiment: whose student it is.
            trained: the name of the node that trained it; None for the student before its training.
        """
        if self._student is None or self._student[0] != trained:
            artifact = self.seen.artifacts[trained] if trained else None
            making = proxy(self)  # a run that is over must not keep its student until garbage is collected
            self._student = trained, student_loader(experiment, artifact, lambda: making.embeddings("dev", "test"))
        return self._student[1]
