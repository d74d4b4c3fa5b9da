"""What is measured of a student beside how often it is right: each measure an artifact of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.interfaces import Answered, Measure
from distillrun.journal.context import JournaledContext
from distillrun.jsonl import read_records, write_records
from distillrun.records import Finding, Json
from distillrun.stages.files import write_json
from distillrun.stages.generate import decisive

VERSION = 1


@dataclass(frozen=True, slots=True)
class Measuring:
    """A measure that is about to be taken.

    Attributes:
        name: of the measure in the config.
        measure: itself.
        leaf: its config.
        upstream: stage name -> fingerprint of whatever the measure looks at.
    """

    name: str
    measure: Measure
    leaf: Json
    upstream: Mapping[str, str]

    @property
    def stage(self) -> Stage:
        """The stage, and with it the fingerprint; nothing is measured."""
        judges: list[Json] = [dict(teacher.identity()) for teacher in self.measure.teachers]
        return Stage(
            f"evaluate/{self.name}", VERSION, {"measure": decisive(self.leaf), "judges": judges}, self.upstream
        )


def measure(store: ArtifactStore, measuring: Measuring, answered: Answered) -> Artifact:
    """Take a measure, or find it taken."""

    def make(work: Path) -> None:
        found = measuring.measure.measure(answered)
        write_records(work / "finding.jsonl", [found])
        if isinstance(answered.context, JournaledContext):
            usage = answered.context.usage
            write_json(work / "usage.json", {**usage.as_json(), "failures": dict(usage.failures)})

    return store.get_or_make(measuring.stage, make)


def finding_of(artifact: Artifact) -> Finding:
    """Return what a measure found."""
    (found,) = read_records(artifact.folder / "finding.jsonl", Finding)
    return found
