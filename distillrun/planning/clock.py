"""The expected times of stages, from those of stored stages."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.artifacts import ArtifactStore, Made, Stage
from distillrun.files.json import read_json
from distillrun.files.jsonl import read_records
from distillrun.pipeline.experiment import Experiment
from distillrun.planning.forecast import Forecast
from distillrun.planning.timing import Span, Timed, span_of
from distillrun.records import Example, Json
from distillrun.report.run.values import finite, mapping
from distillrun.sweep.machine_share import gpus
from distillrun.text.display import duration, number

WARM = 20
"""Steps after which a training no longer shows that its first ones are slow."""


class Clock:
    """The times of stages in the store. They are of this machine, as busy as it was then.

    Args:
        store: where the stages are.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._made: dict[str, list[Made]] = {}
        self._weights: dict[int, float | None] = {}
        self._sizes: dict[str, tuple[int, float] | None] = {}

    def loading(self, stage: Stage, examples: Sequence[Example]) -> Span | None:
        """Return how long a split takes to load."""
        count = float(len(examples))
        return span_of(self._loaded(stage.name), {"questions": count, "characters": count * _length(examples)})

    def asking(self, stage: Stage, forecast: Forecast | None, examples: Sequence[Example]) -> Span | None:
        """Return how long a generation step takes; that of the same teacher with the same settings is a measure."""
        asked = forecast is not None and forecast.most.requests > 0
        most, least = (forecast.most, forecast.expected) if forecast else (None, None)
        work = {"rows": float(len(examples))} if not asked else {}
        if asked and most and least:
            work = {"requests": float(least.requests), "requests at most": float(most.requests)}
        return span_of(self._asked(stage, asked), work)

    def reading(self, stage: Stage, pairs: int) -> Span | None:
        """Return how long a teacher's distributions take to read; the same teacher with the same request counts."""
        same = ("teacher", "request", "student")
        timed = [
            Timed(made.seconds, 0.0, {"texts": count}, f"{number(int(count))} texts, {duration(made.seconds)}")
            for made in self._stages(stage.name)
            if all(made.stage.config.get(name) == stage.config.get(name) for name in same)
            and (count := finite(_noted(made.folder / "logits.json").get("pairs")))
        ]
        return span_of(timed, {"texts": float(pairs)})

    def training(self, stage: Stage, experiment: Experiment) -> Span | None:
        """Return how long a training takes; one of the same kind of objective is a measure, whatever its student."""
        weights = self.weights(stage, experiment)
        examples = experiment.examples
        if weights is None:
            return None
        work = _training_work(
            mapping(stage.config["training"]),
            experiment.config.training.max_steps,
            weights,
            _length(examples["train"]),
            len(examples["dev"]),
        )
        return span_of(self._trained(stage, experiment.config.runtime.device), work)

    def answering(self, stage: Stage, trained: Stage | None, experiment: Experiment) -> Span | None:
        """Return how long a rule or a measure takes; the same of a student with the same kind of objective counts."""
        weights = None if trained is None else self.weights(trained, experiment)
        if trained is None or weights is None:
            return None
        count = float(len(experiment.examples["test"]))
        return span_of(self._answered(stage, trained), {"questions": count, "weights": count * weights})

    def any_other(self, stage: Stage) -> Span | None:
        """Return how long a stage takes by its name alone: as long as the last stages of that name."""
        timed = (Timed(made.seconds, 0.0, {"stages": 1.0}, duration(made.seconds)) for made in self._stages(stage.name))
        return span_of(timed, {"stages": 1.0})

    def weights(self, trained: Stage, experiment: Experiment) -> float | None:
        """Return how many weights the student of a training has; None where nothing tells it."""
        student = experiment.parts.student
        if id(student) not in self._weights:
            told = student.weights()
            same = (
                finite(_noted(made.folder / "training.json").get("parameters"))
                for made in self._stages(trained.name)
                if made.stage.config.get("student") == trained.config["student"]
            )
            self._weights[id(student)] = float(told) if told is not None else next(same, None)
        return self._weights[id(student)]

    def _stages(self, name: str) -> list[Made]:
        if name not in self._made:
            self._made[name] = self._store.made(name)
        return self._made[name]

    def _loaded(self, name: str) -> Iterator[Timed]:
        for made in self._stages(name):
            if (size := self._size(made.stage.name, made.stage.fingerprint)) is not None:
                count, length = size
                what = f"{count:,} questions, {duration(made.seconds)}"
                yield Timed(made.seconds, 0.0, {"questions": count, "characters": count * length}, what)

    def _asked(self, stage: Stage, asked: bool) -> Iterator[Timed]:
        same = ("teacher", "step", "own teachers")
        for made in self._stages(stage.name):
            if any(made.stage.config.get(name) != stage.config.get(name) for name in same):
                continue
            requests = finite(_noted(made.folder / "usage.json").get("requests")) or 0.0
            if asked and requests:
                what = f"{number(int(requests))} requests, {duration(made.seconds)}"
                yield Timed(made.seconds, 0.0, {"requests": requests, "requests at most": requests}, what)
            elif not asked and not requests:
                rows = float(_lines(made.folder / "records.jsonl"))
                yield Timed(made.seconds, 0.0, {"rows": rows}, f"{rows:,.0f} rows, {duration(made.seconds)}")

    def _trained(self, stage: Stage, device: str) -> Iterator[Timed]:
        precision = mapping(stage.config["training"]).get("precision")
        for made in self._stages(stage.name):
            settings, noted = mapping(made.stage.config.get("training")), _noted(made.folder / "training.json")
            steps, weights, seconds = (finite(noted.get(name)) for name in ("step", "parameters", "seconds"))
            train, dev = (self._size(name, made.stage.upstream.get(name, "")) for name in ("load/train", "load/dev"))
            is_alike = _kind(made.stage) == _kind(stage) and settings.get("precision") == precision
            is_alike = is_alike and _fits(noted.get("device"), device)
            if not (is_alike and steps and weights and seconds and train and dev):
                continue
            work = _training_work(settings, steps, weights, train[1], dev[0])
            if steps < WARM:
                work["once"] = 1.0
            each = number(settings.get("examples_per_step"))
            what = f"{number(int(steps))} steps of {each} with {number(int(weights))} weights, {duration(seconds)}"
            yield Timed(seconds, max(0.0, made.seconds - seconds), work, what)

    def _answered(self, stage: Stage, trained: Stage) -> Iterator[Timed]:
        by = {made.stage.fingerprint: made for made in self._stages(trained.name)}
        for made in self._stages(stage.name):
            student = by.get(made.stage.upstream.get("train", ""))
            test = self._size("load/test", made.stage.upstream.get("load/test", ""))
            if made.stage.config != stage.config or student is None or test is None:
                continue
            weights = finite(_noted(student.folder / "training.json").get("parameters"))
            if weights is None or _kind(student.stage) != _kind(trained):
                continue
            count = float(test[0])
            what = f"{count:,.0f} questions with {number(int(weights))} weights, {duration(made.seconds)}"
            yield Timed(made.seconds, 0.0, {"questions": count, "weights": count * weights}, what)

    def _size(self, name: str, fingerprint: str) -> tuple[int, float] | None:
        """Return how many questions a loaded split has, and how long they are; None where it is not there any more."""
        if fingerprint not in self._sizes:
            found = (one.folder for one in self._stages(name) if one.stage.fingerprint == fingerprint)
            folder = next(found, None)
            examples = [] if folder is None else read_records(folder / "examples.jsonl", Example)
            self._sizes[fingerprint] = (len(examples), _length(examples)) if examples else None
        return self._sizes[fingerprint]


def _training_work(
    training: Mapping[str, Any], steps: float, weights: float, characters: float, dev: int
) -> dict[str, float]:
    """Return the work of a training: what each step, token, weight and dev check adds to."""
    visits = steps * float(training["examples_per_step"])
    every = float(training["eval_every"])
    checks = 1 + (steps // every if every > 0 else 0)
    asked = checks * float(dev if training["dev_examples"] is None else min(dev, training["dev_examples"]))
    work = {"steps": steps, "weights": visits * weights, "tokens": visits * weights * characters, "dev": asked}
    return {**work, "dev weights": asked * weights * float(training["dev_new_tokens"])}


def _fits(noted: Json, device: str) -> bool:
    """Return whether a training ran on the kind of device that is asked for; earlier ones did not note theirs."""
    is_gpu = device.startswith("cuda") or (device == "auto" and bool(gpus()))
    return noted is None or str(noted).startswith("cuda") == is_gpu


def _kind(stage: Stage) -> Json:
    return mapping(stage.config.get("objective")).get("_target_")


def _length(examples: Sequence[Example]) -> float:
    """Return how many characters a question has with its choices, on average."""
    return sum(len(one.question) + sum(map(len, one.choices)) for one in examples) / len(examples)


def _noted(file: Path) -> Mapping[str, Json]:
    try:
        return read_json(file)
    except (OSError, ValueError):
        return {}


def _lines(file: Path) -> int:
    try:
        return file.read_bytes().count(b"\n")
    except OSError:
        return 0
