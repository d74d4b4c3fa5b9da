"""The student learns what the teacher itself writes, its own answers among it."""

import random
from collections.abc import Mapping, Sequence
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.rationale_answer import RationaleAnswer
from distillrun.objective.shared.view import weighted_views
from distillrun.records import Example, Query, Reply, Segment, TargetPair, TeacherRecord


class SequenceLevel:
    """Cross-entropy on the teacher's decodes, right or wrong; the labels of the data play no part.

    A decode is a rationale with the answer that it argues for: of `chain_of_thought`, `self_consistency` or `star`,
    where the teacher answers itself, or of any other step that makes initial rationales. It is the forward KL to a
    teacher of which only samples are known.

    Args:
        texts: templates, as of `rationale_answer`.
        decodes: one: each step learns one of a question's decodes, drawn uniformly; all: all of them, each as a pair of
            its own.

    Source: Kim & Rush 2016, https://arxiv.org/abs/1606.07947, section 3.2.
    """

    def __init__(self, texts: RationaleAnswer, decodes: Literal["one", "all"]) -> None:
        self._texts = texts
        self._decodes = decodes
        self.weights: Mapping[str, float] = {"predict": 1.0}
        if texts.needs != {"initial"}:
            raise ConfigError("objective.texts.rationale must be initial: a decode is what the teacher wrote at first")

    @property
    def needs(self) -> frozenset[str]:
        return self._texts.needs

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        own = [
            one for one in (record.rationales if record else ()) if one.kind == "factual" and one.version == "initial"
        ]
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

    def continuation(self, example: Example, choice: int, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._texts.continuation(example, choice, task, rationale)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)
