"""The generation steps of a run in their order: each is given what it needs, and new examples join the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.interfaces import AnyTeacher, ExpansionStep, GenerationStep
from distillrun.journal.usage import Usage
from distillrun.pipeline.stages.generate import Generating, examples_of, generate, generation_stage, records_of
from distillrun.pipeline.stages.renewing import renewed
from distillrun.pipeline.stages.step_outputs import EXAMPLES, StepOutput, joined, makers, makes_of
from distillrun.pipeline.stages.usable import check_usable
from distillrun.records import Example, Split, TeacherRecord


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
    def teachers(self) -> list[AnyTeacher]:
        """The run's teacher, and those that steps have of their own."""
        return [self.shared.teacher, *(own for step in self.chosen.values() for own in step.teachers)]

    def make(self, name: str, stage: Stage) -> Artifact:
        """Run the next step, or find it done, and take in what it made."""
        step = self.chosen[name]
        given = self.handed(step.needs, before=name)
        is_needed = self.split == "train"
        asked = self.asked[name] = Usage()
        made = generate(self.store, stage, name, step, self.shared, self.examples, given, asked, is_needed)
        records = records_of(made)
        if made.cached and records:  # an earlier version may have ended in silence with nothing
            own = [records[example.id] for example in self.examples]
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
            held_out = digest([asdict(example) for example in self.shared.held_out])
        stages: dict[str, Stage] = {}
        for name, step in self.chosen.items():
            before = set(makers(self.steps, self.shared.teacher, step.needs, before=name).values())
            before |= {other for other in stages if EXAMPLES in self.chosen[other].makes}
            upstream = {f"load/{self.split}": loaded}
            upstream |= {stages[other].name: stages[other].fingerprint for other in self.chosen if other in before}
            stages[name] = renewed(self.store, generation_stage(name, step, self.shared, upstream, held_out))
        self._stages[loaded] = stages
        return stages

    def handed(self, kinds: Collection[str], before: str | None = None) -> list[TeacherRecord]:
        """Return one record per example with what the steps made of some kinds, from each kind's last maker."""
        taken: dict[str, set[str]] = {}
        for kind, name in makers(self.steps, self.shared.teacher, kinds, before).items():
            taken.setdefault(name, set()).add(kind)
        handed = [StepOutput(self.records[name], frozenset(taken[name])) for name in self.records if name in taken]
        return joined([example.id for example in self.examples], handed)
