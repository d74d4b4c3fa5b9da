"""Logit supervision: distributions that are read before training, or the teacher itself in memory."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.config.schema import RuntimeConfig, TrainingConfig
from distillrun.interfaces import (
    ActiveObjective,
    ChoiceModel,
    LanguageModel,
    LogitTeacher,
    ServedTeacher,
    StudentObjective,
    Task,
    TokenTeacher,
    WritingStudent,
    requirements_of,
)
from distillrun.pipeline.stages.pair_reader import MemoryReader, PairReader, ServedReader
from distillrun.pipeline.stages.read_logits import logits_stage, read_logits
from distillrun.pipeline.stages.stored_logits import Key, StoredLogits, pair_key
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.records import Json, LogitRequest, TargetPair, TeacherRecord
from distillrun.training.supervision import LiveSupervision, StoredSupervision, Supervision
from distillrun.training.visits import shuffles, visits_of_step

log = logging.getLogger("distillrun")


@dataclass(frozen=True)
class LogitSupervision:
    """An objective that wants more of a teacher than texts, with the teacher and the student.

    Attributes:
        objective, teacher, student, task: the parts.
        data: what is trained on.
        training, runtime: the settings.
    """

    objective: ActiveObjective
    teacher: TokenTeacher
    student: WritingStudent
    task: Task
    data: TrainingData
    training: TrainingConfig
    runtime: RuntimeConfig

    @property
    def request(self) -> LogitRequest:
        """The settings with which distributions are read before training."""
        request = self.objective.requirements.logits
        if request is None:
            raise TypeError("an objective whose teacher's distributions are stored says how they are read")
        return request

    @cached_property
    def pairs(self) -> dict[Key, TargetPair]:
        """The pairs whose distributions are wanted, in the order of their keys.

        Where neither the order of the choices nor a target is drawn again for each visit, they are those of all
        training examples: all seeds, and all lengths of training, share them. Otherwise they are those that this
        training will see, which is known from its seed.
        """
        examples = self.data.train
        records: Sequence[TeacherRecord | None] = self.data.records or [None] * len(examples)
        rows = list(zip(examples, records, strict=True))
        targets = self.objective.targets
        why = "training.shuffle_choices=true" if shuffles(self.task, self.training) else ""
        if not why:
            made, other = ([targets(example, record, self.task, seed) for example, record in rows] for seed in (0, 1))
            why = "targets are drawn afresh" if made != other else ""
        if why:
            steps = range(self.training.max_steps)
            visits = (visits_of_step(examples, self.data.records, self.task, self.training, step) for step in steps)
            made = [targets(one.example, one.record, self.task, one.seed) for some in visits for one in some]
            log.info("read_logits: the pairs that this training will see, since %s; other seeds see others", why)
        found = {pair_key(pair): pair for own in made for pair in own if self.objective.is_taught(pair)}
        return dict(sorted(found.items()))

    def stage(self) -> Stage:
        """Return the stage of the reading."""
        student: dict[str, Json] = {
            "tokens": digest(dict(self.student.tokens())),
            "max_source_tokens": self.student.max_source_tokens,
            "max_target_tokens": self.student.max_target_tokens,
            **self._ends(),
        }
        return logits_stage(list(self.pairs), self.request, self.teacher.reading(), student)

    def read(self, store: ArtifactStore, stage: Stage) -> Artifact:
        """Read the distributions, or find them read; the teacher is in memory no longer than that."""

        def opened() -> PairReader:
            student = self.student.build(self.training.seed)
            if isinstance(self.teacher, ServedTeacher):
                return ServedReader(student, self.teacher, self.request, self.student.max_source_tokens, store.root)
            return MemoryReader(student, self._beside(student), self.request, self.runtime.tokens_per_batch)

        made = read_logits(store, stage, self.pairs, self.request, opened, self.runtime)
        if isinstance(self.teacher, ServedTeacher):
            self.teacher.release()
        return made

    def asked_tokens(self) -> list[int]:
        """Return how many tokens each text has that is asked of a teacher behind a server; none of one in memory."""
        if not isinstance(self.teacher, ServedTeacher):
            return []
        read, cut = self.teacher.source, self.student.cut
        return [
            len(read(pair, self.student.max_source_tokens)) + len(cut("".join(one.text for one in pair.target)))
            for pair in self.pairs.values()
        ]

    def model(self) -> LanguageModel:
        """Return the teacher in memory, as it reads what the student reads."""
        if not isinstance(self.teacher, LogitTeacher):
            raise TypeError("preflight lets no teacher behind a server through where one is wanted in memory")
        return self.teacher.language_model(self.student.max_source_tokens, self.student.max_target_tokens)

    def _beside(self, student: LanguageModel) -> LanguageModel:
        """Return the teacher in memory, token by token with the student where the objective compares tokens."""
        from distillrun.language_model.aligned import aligned

        teacher = self.model()
        return aligned(teacher, student) if self.objective.requirements.same_tokenizer else teacher

    def _ends(self) -> dict[str, Json]:
        """Return which of the student's settings decide how its targets end; nothing where they are the teacher's."""
        end = self.student.cut("")[-1]
        chat = self.student.identity().get("chat")
        own: dict[str, Json] = {} if end == self.teacher.cut("")[-1] else {"end": end}
        return own if chat is None else {**own, "chat": chat}

    def supervise(
        self, stored: Artifact | None
    ) -> Callable[[ChoiceModel], tuple[Supervision | None, LanguageModel | None]]:
        """Return what brings the teacher's part to a student that is about to be trained."""

        def supervise(student: ChoiceModel) -> tuple[Supervision | None, LanguageModel | None]:
            if stored is not None:
                return StoredSupervision(StoredLogits(stored.folder), self.objective), None
            if not isinstance(student, LanguageModel):
                raise TypeError(f"{type(student).__name__} writes no texts")
            teacher = self._beside(student)
            return LiveSupervision(student, teacher, self.objective), teacher

        return supervise


def wants_teacher(objective: StudentObjective) -> bool:
    """Return whether an objective wants a teacher whose distributions can be read."""
    return requirements_of(objective).teacher in ("stored", "live")
