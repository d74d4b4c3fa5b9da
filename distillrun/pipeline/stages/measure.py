"""The metric stage: each metric of a student is an artifact of its own."""

from collections.abc import Mapping
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.schema import Progress
from distillrun.files.jsonl import read_records, write_records
from distillrun.interfaces import Metric, MetricContext
from distillrun.process.progress import at_work
from distillrun.records import Json, MetricResult

VERSION = 1


def measuring_stage(name: str, config: Json, upstream: Mapping[str, str]) -> Stage:
    """Return the stage of a measure.

    Args:
        name: of the measure in the config.
        config: its config.
        upstream: stage name -> fingerprint of whatever it looks at.
    """
    return Stage(f"evaluate/{name}", VERSION, {"measure": with_meanings(config)}, upstream)


def measure(store: ArtifactStore, stage: Stage, wanted: Metric, answered: MetricContext, shown: Progress) -> Artifact:
    """Take a measure, or find it taken; `shown` says whether the log tells that it is at work."""

    def make(work: Path) -> None:
        with at_work(stage.name, shown):
            write_records(work / "finding.jsonl", [wanted.measure(answered)])

    return store.get_or_make(stage, make)


def finding_of(artifact: Artifact) -> MetricResult:
    """Return what a measure found."""
    (found,) = read_records(artifact.folder / "finding.jsonl", MetricResult)
    return found
