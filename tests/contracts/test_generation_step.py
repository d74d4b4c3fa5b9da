"""What every generation step must obey; a new one is found by its config."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from omegaconf import OmegaConf

from distillrun.config.build import build
from distillrun.config.compose import compose_first
from distillrun.files.jsonl import write_records
from distillrun.interfaces import (
    Account,
    AnyTeacher,
    ExpansionStep,
    GenerationContext,
    GenerationStep,
    RecordedTeacher,
    Tag,
    Task,
)
from distillrun.pipeline.stages.step_outputs import StepOutput, joined, makes_of
from distillrun.records import (
    WRONG_DECODES,
    Completion,
    Draw,
    Example,
    Prompt,
    Sampling,
    ScoredContinuation,
    TeacherRecord,
    is_of,
    kind_of,
)
from tests.altered import altered
from tests.asking import context
from tests.leaves import made, options

SMALLER: dict[str, dict[str, Any]] = {"expansion": {"count": 4, "max_requests": 12}}
"""Settings that take long as they are shipped."""

EARLIER = ("few_shot_rationale", "critique", "revision", "counterfactual", "self_consistency", "choice_scores")
"""Steps that make all that any step needs."""


def steps_of(option: str) -> dict[str, dict[str, Any]]:
    """Return the settings of the steps that an option brings in, by name."""
    composed: Any = OmegaConf.to_container(compose_first([f"generation=[{option}]"]).generation.steps)
    return {name: {**node, **SMALLER.get(name, {})} for name, node in composed.items()}


STEPS = [(option, name) for option in options("generation") for name in steps_of(option)]


@dataclass
class Workplace:
    """A few questions, a teacher that knows them and notes what it is asked for, and what earlier steps made."""

    folder: Path
    task: Task = field(default_factory=lambda: made("task", "everyday", limit=5))
    asked: set[str] = field(default_factory=set)
    earlier: list[StepOutput] = field(default_factory=list)
    stores: int = 0

    def __post_init__(self) -> None:
        self.examples: Sequence[Example] = self.task.examples("train")
        self.teacher: AnyTeacher = self._noting()
        for name in EARLIER:
            self.keep(made("generation", name))
        self.keep(made("generation", "self_evaluation"))

    def keep(self, step: GenerationStep) -> None:
        """Run a step and hand on what it makes."""
        found = {one.example_id: one for one in step.run(self.examples, self.given(step.needs), self.context())}
        self.earlier.append(StepOutput(found, step.makes))

    def given(self, kinds: frozenset[str]) -> list[TeacherRecord]:
        """Return what earlier steps made of these kinds, by the last step that makes each."""
        outputs = []
        for place, output in enumerate(self.earlier):
            later = frozenset().union(*(other.kinds for other in self.earlier[place + 1 :]))
            outputs.append(StepOutput(output.records, (output.kinds & kinds) - later))
        return joined([example.id for example in self.examples], outputs)

    def context(self) -> GenerationContext:
        """Return a context with an empty journal."""
        self.stores += 1
        return context(self.folder / str(self.stores), self.teacher, self.task, held_out=self.task.examples("dev"))

    def recorded(self) -> AnyTeacher:
        """Return a teacher that replays what earlier steps made."""
        folder = self.folder / "recordings"
        folder.mkdir(exist_ok=True)
        said = self.given(frozenset({"initial", "revised", "counterfactual"}))
        plain = [replace(one, rationales=tuple(replace(own, verdict=None) for own in one.rationales)) for one in said]
        write_records(folder / "records.jsonl", plain)
        found: AnyTeacher = made("teacher", "recorded", folder=str(folder))
        return found

    def _noting(self) -> AnyTeacher:
        scripted: Any = made("teacher", "scripted")

        def complete(
            _: object, draws: Sequence[Draw], sampling: Sampling, account: Account
        ) -> Iterator[tuple[int, Completion]]:
            self.asked |= {"complete"} | ({"contrast"} if any(draw.prompt.contrast for draw in draws) else set())
            found: Iterator[tuple[int, Completion]] = scripted.complete(draws, sampling, account)
            return found

        def score(
            _: object, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
        ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
            self.asked.add("score")
            found: Iterator[tuple[int, tuple[ScoredContinuation, ...]]] = scripted.score(
                prompts, continuations, account
            )
            return found

        noting: AnyTeacher = altered(scripted, complete=complete, score=score)
        return noting


def made_kinds(records: Sequence[TeacherRecord]) -> set[str]:
    """Return the kinds of what records hold."""
    rationales = [one for record in records for one in record.rationales]
    found = {kind_of(one) for one in rationales}
    found |= {WRONG_DECODES} if any(is_of(one, {WRONG_DECODES}) for one in rationales) else set()
    found |= {"verdicts"} if any(one.verdict for one in rationales) else set()
    for record in records:
        answered = (record.answer, record.agreement, record.answers)
        found |= {"answers"} if any(one is not None for one in answered) else set()
        found |= {"label_shares"} if record.label_shares is not None else set()
        found |= {"choice_scores"} if record.choice_log_probs is not None else set()
        found |= {"critique"} if "revision_request" in record.trace else set()
    return found


def faults(step: GenerationStep, place: Workplace) -> list[str]:
    """Return what a step does that its protocol forbids."""
    given, examples = place.given(step.needs), place.examples
    place.asked.clear()
    random.seed(0)
    records = list(step.run(examples, given, place.context()))
    found = []
    if [record.example_id for record in records] != [example.id for example in examples]:
        return ["it does not yield one record for each example, in order"]
    if undeclared := made_kinds(records) - makes_of(step, place.teacher) - made_kinds(given):
        found.append(f"it makes {sorted(undeclared)} and does not declare it")
    random.seed(1)
    if list(step.run(examples, given, place.context())) != records:
        found.append("the same seed gives two outputs")
    if list(step.run(examples[::-1], given[::-1], place.context()))[::-1] != records:
        found.append("what it makes of an example depends on the order of the examples")
    if isinstance(step, ExpansionStep):
        found += faults_of_expansion(step, place, records)
    elif missing := makes_of(step, place.teacher) - made_kinds(records):
        found.append(f"it declares {sorted(missing)} and makes none of it")
    if undeclared := place.asked - step.asks:
        found.append(f"it asks for {sorted(undeclared)} and does not declare it")
    if not step.tags or not set(step.tags) <= set(get_args(Tag)):
        found.append(f"tags={step.tags} are no ways of elicitation")
    return found


def faults_of_expansion(step: ExpansionStep, place: Workplace, records: Sequence[TeacherRecord]) -> list[str]:
    found = []
    new, counts = step.expand(place.examples, place.context())
    random.seed(2)
    again, counts_again = step.expand(place.examples, place.context())
    if (list(new), dict(counts)) != (list(again), dict(counts_again)):
        found.append("the same seed gives other examples")
    known = [example.id for example in (*new, *place.examples, *place.task.examples("dev"))]
    if not new or len(set(known)) < len(known):
        found.append("new examples have no ids of their own")
    if any(record != TeacherRecord(record.example_id, (), {}) for record in records):
        found.append("its run adds something")
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("steps"))


def test_there_are_steps() -> None:
    assert {option for option, _ in STEPS} == set(options("generation"))


@pytest.mark.parametrize(("option", "name"), STEPS)
def test_a_step_keeps_its_protocol(option: str, name: str, place: Workplace) -> None:
    step = build(steps_of(option)[name], "generation")
    assert isinstance(step, GenerationStep)
    here = replace_teacher(place, place.recorded()) if name == "recorded" else place
    here = with_rationales(place) if name == "gold_rationale" else here
    assert faults(step, here) == []


def with_rationales(place: Workplace) -> Workplace:
    """Return the place with a task whose files hold rationales."""
    told = altered(place.task, rationale=lambda _, example: f"It is known of {example.id}.")
    return replace(place, folder=place.folder / "told", task=told, earlier=[])


def replace_teacher(place: Workplace, teacher: AnyTeacher) -> Workplace:
    assert isinstance(teacher, RecordedTeacher)
    other = replace(place, folder=place.folder / "recorded", earlier=[])
    other.teacher, other.earlier = teacher, place.earlier
    return other


Run = Callable[[list[TeacherRecord]], list[TeacherRecord]]


def running(change: Run) -> Any:
    """Return a `run` that changes what the step yields."""

    def run(self: Any, *given: Any) -> Iterator[TeacherRecord]:
        yield from change(list(super(type(self), self).run(*given)))

    return run


def with_text(record: TeacherRecord, text: str) -> TeacherRecord:
    return replace(record, rationales=tuple(replace(one, text=one.text + text) for one in record.rationales))


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "backwards": ({"run": running(lambda made: made[::-1])}, "one record for each example, in order"),
    "one is missing": ({"run": running(lambda made: made[1:])}, "one record for each example, in order"),
    "for others": (
        {"run": running(lambda made: [replace(one, example_id=f"other {one.example_id}") for one in made])},
        "one record for each example, in order",
    ),
    "makes another kind": (
        {"run": running(lambda made: [replace(one, choice_log_probs=(0.0,)) for one in made])},
        "it makes ['choice_scores'] and does not declare it",
    ),
    "makes nothing": (
        {"run": running(lambda made: [replace(one, rationales=()) for one in made])},
        "it declares ['initial'] and makes none of it",
    ),
    "draws from nowhere": (
        {"run": running(lambda made: [with_text(one, f"{random.random()}") for one in made])},
        "the same seed gives two outputs",
    ),
    "counts": (
        {"run": running(lambda made: [with_text(one, f"{n}") for n, one in enumerate(made)])},
        "depends on the order of the examples",
    ),
    "asks in secret": ({"asks": frozenset()}, "it asks for ['complete'] and does not declare it"),
    "has no tag": ({"tags": ()}, "tags=() are no ways of elicitation"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_step_is_found(fault: str, place: Workplace) -> None:
    changes, expected = BROKEN[fault]
    broken = altered(build(steps_of("few_shot_rationale")["few_shot_rationale"], "generation"), **changes)
    assert any(expected in one for one in faults(broken, place))


def test_a_broken_expansion_is_found(place: Workplace) -> None:
    step = build(steps_of("expansion")["expansion"], "generation")
    numbers = iter(range(100))

    def known_ids(self: Any, examples: Sequence[Example], asking: GenerationContext) -> Any:
        return examples[:2], {"kept": 2}

    def by_chance(self: Any, examples: Sequence[Example], asking: GenerationContext) -> Any:
        return [replace(examples[0], id=f"new {next(numbers)}")], {"kept": 1}

    assert "new examples have no ids of their own" in faults(altered(step, expand=known_ids), place)
    assert "the same seed gives other examples" in faults(altered(step, expand=by_chance), place)
    talks = running(lambda made: [replace(one, trace={"x": "y"}) for one in made])
    assert "its run adds something" in faults(altered(step, run=talks), place)
