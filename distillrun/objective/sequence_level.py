"""Sequence-level distillation: the student is trained on the teacher's texts."""

import random
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.rationale_answer import RationaleAnswer
from distillrun.objective.shared.view import weighted_views
from distillrun.records import (
    WRONG_DECODES,
    Answer,
    Example,
    Json,
    Query,
    Rationale,
    Reply,
    Segment,
    TargetPair,
    TeacherRecord,
    is_of,
)


class SequenceLevel:
    """Cross-entropy on the teacher's decodes: the forward KL to a teacher of which only samples are known.

    A decode is a rationale with the answer that it argues for, of any step that makes initial rationales. Steps in
    which the teacher answers by itself (`chain_of_thought`, `self_consistency`, `star`) keep those decodes whose answer
    is the label, and the student learns these alone, unless `wrong` is true and the step keeps the others too.

    Args:
        texts: templates, as of `rationale_answer`.
        wrong: learn decodes with a wrong answer too, as the source does, so that the labels play no part. It needs a
            step that keeps them: `generation.steps.chain_of_thought.wrong=keep`.
        decodes: one: each step learns one of a question's decodes, drawn uniformly; all: all of them, each as a pair of
            its own.

    Source: Kim & Rush 2016, https://arxiv.org/abs/1606.07947, section 3.2.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"wrong": False}

    def __init__(self, texts: RationaleAnswer, wrong: bool, decodes: Literal["one", "all"]) -> None:
        self._texts = texts
        self._wrong = wrong
        self._decodes = decodes
        self.weights: Mapping[str, float] = {"predict": 1.0}
        if texts.needs != {"initial"}:
            raise ConfigError("objective.texts.rationale must be initial: a decode is what the teacher wrote at first")

    @property
    def needs(self) -> frozenset[str]:
        return self._texts.needs | ({WRONG_DECODES} if self._wrong else set())

    def can_learn(self, record: TeacherRecord) -> bool:
        return bool(self._decodes_of(record))

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        own = self._decodes_of(record)
        if not own:
            raise ValueError(f"example {example.id} has no decode of the teacher")
        chosen = own if self._decodes == "all" else [random.Random(seed).choice(own)]
        return [
            TargetPair(
                self.query(example, task).answer,
                self._texts.written(task.answer(example, one.supports), one.text),
                "predict",
            )
            for one in chosen
        ]

    def query(self, example: Example, task: Task) -> Query:
        return self._texts.query(example, task)

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        return self._texts.read(answer_text, explain_text)

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._texts.continuation(example, choice, task, rationale)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)

    def _decodes_of(self, record: TeacherRecord | None) -> list[Rationale]:
        """Return what the teacher wrote; arguments for a choice that it was given are not its own."""
        return [one for one in (record.rationales if record else ()) if is_of(one, self.needs)]
