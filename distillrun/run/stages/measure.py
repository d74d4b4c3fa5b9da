"""What is measured of a student beside how often it is right: each measure an artifact of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.schema import Progress
from distillrun.files.jsonl import read_records, write_records
from distillrun.interfaces import Answered, Measure
from distillrun.process.progress import at_work
from distillrun.records import Finding, Json

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
        return Stage(f"evaluate/{self.name}", VERSION, {"measure": with_meanings(self.leaf)}, self.upstream)


def measure(store: ArtifactStore, measuring: Measuring, answered: Answered, shown: Progress) -> Artifact:
    """Take a measure, or find it taken; `shown` says whether the log tells that it is at work."""

    def make(work: Path) -> None:
        with at_work(measuring.stage.name, shown):
            write_records(work / "finding.jsonl", [measuring.measure.measure(answered)])

    return store.get_or_make(measuring.stage, make)


def finding_of(artifact: Artifact) -> Finding:
    """Return what a measure found."""
    (found,) = read_records(artifact.folder / "finding.jsonl", Finding)
    return found
