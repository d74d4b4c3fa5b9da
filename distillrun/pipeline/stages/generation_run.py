"""The generation steps of a run in their order: each is given what it needs, and new examples join the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.interfaces import AnyTeacher, ExpansionStep, GenerationStep, is_told_answers, label_source_of
from distillrun.journal.usage import Usage
from distillrun.pipeline.stages.generate import Generating, examples_of, generate, generation_stage, records_of
from distillrun.pipeline.stages.renewing import renewed
from distillrun.pipeline.stages.step_outputs import (
    EXAMPLES,
    StepOutput,
    joined,
    label_kind,
    makers,
    makes_of,
    needs_of,
)
from distillrun.pipeline.stages.usable import check_usable
from distillrun.records import Example, Split, TeacherRecord, content, is_answered, taught


@dataclass(slots=True)
class GenerationRun:
    """Walks through the chosen steps of a run.

    Attributes:
        store: where artifacts are.
        steps: all steps of the config, which decide who makes what.
        chosen: those to run.
        shared: what the steps share.
        questions: whose records are made.
        split: which split they are of.
        wanted: the kinds of what the steps make that measures read.
        records: what the steps made so far, by step and by the example's id.
        asked: what each step asked just now rather than found in the journal.
        added: the questions that expansions added so far.
    """

    store: ArtifactStore
    steps: Mapping[str, GenerationStep]
    chosen: Mapping[str, GenerationStep]
    shared: Generating
    questions: Sequence[Example]
    split: Split = "train"
    wanted: frozenset[str] = frozenset()
    records: dict[str, Mapping[str, TeacherRecord]] = field(default_factory=dict)
    asked: dict[str, Usage] = field(default_factory=dict)
    added: Sequence[Example] = ()
    _stages: dict[str, dict[str, Stage]] = field(default_factory=dict)

    @property
    def examples(self) -> Sequence[Example]:
        """The questions, and those that expansions added so far."""
        return [*self.questions, *self.added] if self.added else self.questions

    @property
    def is_labelled(self) -> bool:
        """True if every question has an answer of its own."""
        return self.split != "train" or label_source_of(self.shared.task) == "gold"

    @property
    def teachers(self) -> list[AnyTeacher]:
        """The run's teacher, and those that steps have of their own."""
        return [self.shared.teacher, *(own for step in self.chosen.values() for own in step.teachers)]

    def make(self, name: str, stage: Stage) -> Artifact:
        """Run the next step, or find it done, and take in what it made."""
        step = self.chosen[name]
        examples, given = self.given(name)
        is_needed = self.split == "train"
        asked = self.asked[name] = Usage()
        made = generate(self.store, stage, name, step, self.shared, examples, given, asked, is_needed)
        records = records_of(made)
        if made.cached and records:  # an earlier version may have ended in silence with nothing
            own = [records[example.id] for example in examples]
            check_usable(name, step, makes_of(step, self.shared.teacher), given, own, is_needed, is_known=True)
        self.add(name, records, examples_of(made))
        return made

    def taken_in(self, made: Mapping[str, Artifact]) -> bool:
        """Take in what steps made that are not known yet; return whether all of them are then."""
        for name in self.chosen:
            if name in made and name not in self.records:
                self.add(name, records_of(made[name]), examples_of(made[name]))
        return self.records.keys() >= self.chosen.keys()

    def fresh(self) -> "GenerationRun":
        """Return the same steps, of which nothing is made."""
        return replace(self, records={}, asked={}, added=())

    def add(self, name: str, records: Mapping[str, TeacherRecord], examples: Sequence[Example]) -> None:
        """Take in what a step made."""
        self.records[name] = records
        self.added = [*self.added, *examples]

    def stages(self, loaded: str) -> dict[str, Stage]:
        """Return the stage of every chosen step; what a stage is does not depend on what earlier ones made.

        Args:
            loaded: the fingerprint of the split.
        """
        if loaded in self._stages:
            return self._stages[loaded]
        held_out = ""  # only expansions depend on it, and it takes a while
        if any(isinstance(step, ExpansionStep) for step in self.chosen.values()):
            held_out = digest([content(example) for example in self.shared.held_out])
        stages: dict[str, Stage] = {}
        for name in self.chosen:
            before = set(self.makers_before(name).values())
            before |= {other for other in stages if EXAMPLES in self.chosen[other].makes}
            upstream = {f"load/{self.split}": loaded}
            upstream |= {stages[other].name: stages[other].fingerprint for other in self.chosen if other in before}
            stage = generation_stage(name, self.chosen[name], self.shared, upstream, held_out)
            stages[name] = renewed(self.store, stage)
        self._stages[loaded] = stages
        return stages

    def makers_before(self, name: str) -> dict[str, str]:
        """Return, for each kind that a step needs, the step that makes it for it."""
        needs = needs_of(name, self.steps, self.shared.teacher, self.is_labelled)
        return makers(self.steps, self.shared.teacher, needs, before=name)

    def given(self, name: str) -> tuple[list[Example], list[TeacherRecord]]:
        """Return the questions that a step is given, and what earlier steps made of them, one record each.

        A step that is told the right answers is given the teacher's own for questions that have none, and those
        questions alone that have either.
        """
        needs = needs_of(name, self.steps, self.shared.teacher, self.is_labelled)
        pairs = list(zip(self.examples, self.handed(needs, before=name), strict=True))
        if is_told_answers(self.chosen[name]):
            labelled = [(taught(example, record), record) for example, record in pairs]
            pairs = [(example, record) for example, record in labelled if is_answered(example)]
        return [example for example, _ in pairs], [record for _, record in pairs]

    def answered(self) -> list[TeacherRecord]:
        """Return what the teacher answered to each question, before any step took answers out; empty if it did not."""
        kind = label_kind(self.steps, self.shared.teacher)
        made = {name: makes_of(self.chosen[name], self.shared.teacher) for name in self.records}
        asking = [name for name, kinds in made.items() if kind in kinds - self.chosen[name].needs]
        if not asking:
            return []
        handed = StepOutput(self.records[asking[-1]], frozenset({kind}))
        return joined([example.id for example in self.examples], [handed])

    def handed(self, kinds: Collection[str], before: str | None = None) -> list[TeacherRecord]:
        """Return one record per example with what the steps made of some kinds, from each kind's last maker."""
        taken: dict[str, set[str]] = {}
        for kind, name in makers(self.steps, self.shared.teacher, kinds, before).items():
            taken.setdefault(name, set()).add(kind)
        handed = [StepOutput(self.records[name], frozenset(taken[name])) for name in self.records if name in taken]
        return joined([example.id for example in self.examples], handed)
