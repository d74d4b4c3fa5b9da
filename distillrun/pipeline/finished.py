"""A run that is over, read from its folder."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.files.inside import read_text
from distillrun.pipeline.outcome import COLUMNS
from distillrun.pipeline.predict import TrainedStudent, load_student, read_config
from distillrun.records import Json, Score
from distillrun.report.places import position
from distillrun.report.run.values import finite, mapping
from distillrun.tracking.jsonl import METRICS, read_metrics

if TYPE_CHECKING:
    import pandas as pd

RESULT, PREDICTIONS = "result.json", "predictions.jsonl"
MOST_PLACES = 2**31
"""Of a choice among a question's; a greater number is none."""


@dataclass(frozen=True)
class Run:
    """A run, as its folder tells of it. What is not used is not read.

    Attributes:
        folder: its run folder.
        allow: module prefixes of your own classes, without which the student is not built.
    """

    folder: Path
    allow: Sequence[str] = ()

    @cached_property
    def result(self) -> dict[str, Json]:
        """Everything that `result.json` holds: stages, costs, the teacher's data, versions."""
        try:
            found = json.loads(read_text(self.folder, RESULT))
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"{self.folder / RESULT} cannot be read ({error}); give the folder of a run") from error
        return mapping(found)

    @property
    def status(self) -> str:
        """The word for how it ended: done, failed, interrupted, budget spent; or running."""
        return str(self.result.get("status") or "unknown")

    @property
    def scores(self) -> dict[str, Score]:
        """The scores by name, such as `test/accuracy`: value, n, and low and high of the 95 % interval.

        A value whose unit is `share` lies between 0 and 1.
        """
        return _scores(self.result.get("scores"))

    @property
    def baselines(self) -> dict[str, dict[str, Score]]:
        """The scores that the student is compared with, by name; empty without `evaluation.baselines=true`."""
        return {who: _scores(found) for who, found in mapping(self.result.get("baselines")).items()}

    @cached_property
    def config(self) -> Config:
        """The settings of the run, checked."""
        return read_config(self.folder, mapping(self.result.get("selected")))

    @cached_property
    def predictions(self) -> "pd.DataFrame":
        """The answers to the test questions, a row for each question and evaluator; empty where none were asked.

        `answer` and `choice` are places in `choices`, missing where they are not known; `right` says whether they
        agree. In free form they are texts, with a `score` between 0 and 1. Where choices were scored, there are columns
        for their log-likelihoods in nats, too.
        """
        import pandas as pd

        try:
            rows = read_metrics(self.folder / PREDICTIONS)
        except FileNotFoundError:
            rows = []
        frame = pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])))
        free_form = bool(rows) and all(row.get("choices") == [] for row in rows)
        for name in ("answer", "choice"):
            values = [row.get(name) for row in rows]
            if free_form:
                frame[name] = pd.array([value if isinstance(value, str) else None for value in values], dtype="object")
            else:
                frame[name] = pd.array([_place(value) for value in values], dtype="Int64")
        return frame

    @cached_property
    def metrics(self) -> "pd.DataFrame":
        """The metrics of training, a row for each time: `step`, `time` in seconds since 1970, and a column for each."""
        import pandas as pd

        try:
            return pd.DataFrame(read_metrics(self.folder / METRICS))
        except FileNotFoundError:
            return pd.DataFrame()

    @cached_property
    def student(self) -> TrainedStudent:
        """The trained student, loaded when it is first used. Raises ConfigError where the run trained none."""
        return load_student(self.folder, self.allow)


def load_run(folder: str | PathLike[str], *, allow: Sequence[str] = ()) -> Run:
    """Return a run from its folder, which may come from somebody else: nothing in it is run.

    Args:
        folder: of the run, such as the last line of its output names.
        allow: module prefixes of your own classes that it was made with, as `runtime.allow_targets`.

    Raises:
        ConfigError: there is no such folder, or it is not that of a run.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ConfigError(f"{path}: there is no such folder; give the folder of a run (its last line)")
    run = Run(path, tuple(allow))
    if not run.result:
        raise ConfigError(f"{path / RESULT} holds no result; give the folder of a run")
    return run


def _place(value: Json) -> int | None:
    place = position(value)
    return place if place is not None and place < MOST_PLACES else None


def _scores(found: Json) -> dict[str, Score]:
    named: Mapping[str, Json] = mapping(found)
    return {name: _score(name, mapping(values)) for name, values in named.items()}


def _score(name: str, values: Mapping[str, Json]) -> Score:
    value, low, high, n = (finite(values.get(key)) for key in ("value", "low", "high", "n"))
    told = [math.nan if number is None else number for number in (value, low, high)]
    return Score(name, told[0], int(n or 0), told[1], told[2], str(values.get("unit") or ""))
