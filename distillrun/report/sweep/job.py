"""One job of a sweep, as its folder holds it; a missing file is not an error."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sys import intern

from distillrun.files.inside import read_text
from distillrun.names.parts import with_names
from distillrun.records import Json
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.tracking.jsonl import METRICS, read_metrics

JOB, RESULT, CONFIG, PREDICTIONS = "job.json", "result.json", "config.yaml", "predictions.jsonl"


@dataclass(frozen=True)
class SweepJob:
    """One job: where it is, what it was asked to do, and what it left.

    Attributes:
        sweep: the folder that it was found in.
        folder: its run folder.
        job: what `job.json` holds; empty while the job runs, and for a single run.
        result: what `result.json` holds; empty where there is none.
    """

    sweep: Path
    folder: Path
    job: Values
    result: Values

    @property
    def name(self) -> str:
        """The job's folder, inside its sweep's."""
        return self.folder.name if self.folder == self.sweep else f"{self.sweep.name}/{self.folder.name}"

    @property
    def overrides(self) -> dict[str, str]:
        """The settings of the job by key."""
        pairs = (str(line).lstrip("+").partition("=") for line in sequence(self.job.get("overrides")))
        return {key: value for key, equals, value in pairs if equals}

    @property
    def state(self) -> str:
        """The state as the sweep wrote it down, or else as the run itself does."""
        if not self.job:
            return str(self.result.get("status") or "not finished")
        state = str(self.job.get("state") or "unknown")
        return "result missing" if state == "done" and not self.result else state

    @property
    def scores(self) -> dict[str, float]:
        """The scores by name."""
        found = {
            name: finite(mapping(score).get("value")) for name, score in mapping(self.result.get("scores")).items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def is_share(self, name: str) -> bool:
        """Return whether a score is a share, and is shown in percent."""
        return self.unit(name) == "share" and 0 <= self.scores.get(name, -1.0) <= 1

    def unit(self, name: str) -> str:
        """Return the unit of a score; of an old run, which told none, that of a share."""
        return str(mapping(mapping(self.result.get("scores")).get(name)).get("unit", "share"))

    @cached_property
    def config(self) -> dict[str, Json]:
        """The leaves of the job's config by their dotted keys; empty where it has none."""
        import yaml

        try:
            values = yaml.safe_load(read_text(self.folder, CONFIG))
        except (OSError, ValueError, yaml.YAMLError):
            return {}
        return dict(_leaves("", with_names(values))) if isinstance(values, dict) else {}

    @cached_property
    def metrics(self) -> list[dict[str, Json]]:
        """The lines of the metrics file."""
        try:
            return read_metrics(self.folder / METRICS)
        except (OSError, ValueError):
            return []

    @cached_property
    def right(self) -> dict[str, dict[str, bool]]:
        """The questions of each scoring rule by their ids, and whether each was answered right."""
        rules: dict[str, dict[str, bool]] = {}
        for row in self.predictions():
            rules.setdefault(str(row.get("evaluator")), {})[intern(str(row.get("id")))] = row.get("right") is True
        return rules

    def answers(self, metric: str) -> dict[str, bool]:
        """Return whether each question was answered right, by the scoring rule whose answers give the metric.

        Empty where no rule's do, such as for a score that is not a fraction of answers.
        """
        value = self.scores.get(metric)
        for found in self.right.values():
            if value is not None and abs(sum(found.values()) / len(found) - value) < 1e-6:
                return found
        return {}

    def predictions(self) -> list[dict[str, Json]]:
        """Return the rows of all scoring rules; read again each time, since a large sweep holds too many to keep."""
        try:
            return read_metrics(self.folder / PREDICTIONS)
        except (OSError, ValueError):
            return []


def _leaves(path: str, value: Json) -> list[tuple[str, Json]]:
    if not isinstance(value, dict) or not value:
        return [(path, value)]
    return [leaf for key, item in value.items() for leaf in _leaves(f"{path}.{key}" if path else str(key), item)]
