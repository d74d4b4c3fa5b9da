"""Several objectives at once, on the same step: weighted, with weights that may change while the student trains."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from distillrun.errors import ConfigError, nearest
from distillrun.interfaces import (
    ActiveObjective,
    ChoiceModel,
    ChoiceObjective,
    LanguageModel,
    ObjectiveContext,
    StudentObjective,
    Task,
    requirements_of,
)
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.merged_pairs import counts_of, merged, pairs_of, view_of
from distillrun.objective.shared.part_weight import PartWeight
from distillrun.records import (
    Answer,
    Example,
    Json,
    LogitRequest,
    Query,
    Question,
    Reply,
    Requirements,
    Segment,
    TargetPair,
    TeacherRecord,
    TrainingItem,
)


class Sum:
    """L = sum over parts of weight x L_part, all of them over the examples of one step.

    A pair that several parts learn goes through the student once. Each part is logged under its name.

    Args:
        parts: objectives by name.
        weights: of each part.
        asks: the part whose question the student is asked at test time.

    Source: weighted sums are everywhere; a teacher for the first part of a training alone: SALT, Rawat et al. 2024,
    https://arxiv.org/abs/2410.18779.
    """

    def __init__(self, parts: Mapping[str, StudentObjective], weights: Mapping[str, PartWeight], asks: str) -> None:
        if unknown := sorted(parts.keys() ^ weights.keys()):
            raise ConfigError(
                f"objective.parts and objective.weights must have the same names; they differ in {unknown}"
            )
        if asks not in parts:
            raise ConfigError(
                f"objective.asks={asks} is not a part{nearest(asks, parts)}; the parts are {', '.join(parts)}"
            )
        for name, weight in weights.items():
            if weight.start < 0 or weight.end < 0 or not 0 < weight.until <= 1:
                raise ConfigError(
                    f"objective.weights.{name}: start={weight.start} and end={weight.end} must be 0 or more, and "
                    f"until={weight.until} above 0 and at most 1"
                )
        self._parts = parts
        self._weights = weights
        self._asked = parts[asks]
        self._progress = 0.0
        self._max_steps = 1
        self.requirements = _together({name: part.requirements for name, part in self._active()})

    def _active(self) -> Iterator[tuple[str, ActiveObjective]]:
        for name, part in self._parts.items():
            if isinstance(part, ActiveObjective):
                yield name, part

    def weight(self, name: str) -> float:
        """Return the weight of a part in this step."""
        return self._weights[name].at(self._progress)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset().union(*(part.needs for part in self._parts.values()))

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        return merged({name: part.targets(example, record, task, seed) for name, part in self._parts.items()})

    def query(self, example: Example, task: Task) -> Query:
        return self._asked.query(example, task)

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        return self._asked.read(answer_text, explain_text)

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._asked.continuation(example, choice, task, rationale)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        total = outputs.no_loss().total
        parts: dict[str, Tensor] = {}
        for name, part in self._parts.items():
            own = replace(outputs, views=tuple(view_of(name, view) or "" for view in outputs.views))
            found = part.loss(own, counts_of(name, counts))
            total = total + self.weight(name) * found.total
            parts |= {f"{name}/{key}": value for key, value in found.parts.items()}
        return Loss(total, parts)

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Return the weighted sum of what the parts learn from choices."""
        writes = isinstance(model, LanguageModel)
        found = {
            name: part.choice_loss(model, questions, chosen)
            for name, part in self._parts.items()
            if isinstance(part, ChoiceObjective) and (not writes or requirements_of(part).choices)
        }
        if not found:
            raise ConfigError(
                "no part of objective=sum can train a student that writes nothing; add choice_distillation"
            )
        terms = [self.weight(name) * loss.total for name, loss in found.items()]
        parts = {f"{name}/{key}": value for name, loss in found.items() for key, value in loss.parts.items()}
        return Loss(sum(terms[1:], terms[0]), parts)

    def start(self, context: ObjectiveContext) -> None:
        self._max_steps = context.max_steps
        for _, part in self._active():
            part.start(context)

    def is_taught(self, pair: TargetPair) -> bool:
        return any(
            part.is_taught(replace(pair, view=view))
            for name, part in self._active()
            if part.requirements.teacher != "none" and (view := view_of(name, pair.view)) is not None
        )

    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict({name: part.modules() for name, part in self._active()})

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        self._progress = step / self._max_steps
        made: dict[str, list[list[TargetPair]]] = {}
        for name, part in self._parts.items():
            own = [pairs_of(name, row) for row in pairs]
            made[name] = part.prepare(step, visits, own) if isinstance(part, ActiveObjective) else own
        return [merged({name: own[row] for name, own in made.items()}) for row in range(len(pairs))]

    def end_step(self) -> dict[str, float]:
        found = {f"weight/{name}": self.weight(name) for name in self._parts}
        for name, part in self._active():
            found |= {f"{name}/{key}": value for key, value in part.end_step().items()}
        return found

    def after_check(self, dev_loss: Callable[[], float]) -> None:
        for _, part in self._active():
            part.after_check(dev_loss)

    def state(self) -> Mapping[str, Json]:
        return {name: dict(part.state()) for name, part in self._active()}

    def load_state(self, state: Mapping[str, Json]) -> None:
        for name, part in self._active():
            own = state[name]
            part.load_state(own if isinstance(own, dict) else {})


def _together(requirements: Mapping[str, Requirements]) -> Requirements:
    """Return what several parts want at once. Raises ConfigError where one teacher cannot give it."""
    teachers = {wanted.teacher for wanted in requirements.values()} - {"none"}
    requests = {wanted.logits for wanted in requirements.values()} - {None}
    if len(teachers) > 1 or len(requests) > 1:
        named = ", ".join(
            f"{name} ({_reading(wanted)})" for name, wanted in requirements.items() if wanted.teacher != "none"
        )
        raise ConfigError(
            f"the parts of objective=sum read the teacher in different ways: {named}; set the same teacher, top_k, "
            "temperature and dtype in all of them"
        )
    taught = [wanted for wanted in requirements.values() if wanted.teacher != "none"]
    request: LogitRequest | None = next(iter(requests), None)
    return Requirements(
        next(iter(teachers), "none"),
        request,
        hidden=any(wanted.hidden for wanted in taught),
        same_tokenizer=any(wanted.same_tokenizer for wanted in taught),
        whole_examples=any(wanted.whole_examples for wanted in requirements.values()),
        choices=any(wanted.choices for wanted in requirements.values()),
        encoder=any(wanted.encoder for wanted in requirements.values()),
        heads=any(wanted.heads for wanted in requirements.values()),
    )


def _reading(wanted: Requirements) -> str:
    """Return the settings with which a part reads the teacher, as its config writes them."""
    if wanted.logits is None:
        return f"teacher={wanted.teacher}"
    logits = wanted.logits
    top_k = "null" if logits.top_k is None else logits.top_k
    return f"teacher={wanted.teacher}, top_k={top_k}, temperature={logits.temperature:g}, dtype={logits.dtype}"
