"""Rationale and answer that follow each other, right or wrong, so that the student cannot ignore its own rationale."""

import random
from collections.abc import Mapping, Sequence
from typing import ClassVar

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.view import check_version, check_weight, weighted_views
from distillrun.records import (
    Answer,
    Example,
    Query,
    Rationale,
    Reply,
    Segment,
    TargetPair,
    TeacherRecord,
    factual,
    find_factual,
    gold,
    is_right,
    place,
)
from distillrun.text.template import Template

CHOICES = ("drawn", "first_wrong", "first")


class Counterfactual:
    """The rationale and its answer (factual), and the wrong answer that a wrong rationale leads to (counterfactual).

    L = factual_weight * L_factual + (1 - factual_weight) * L_counterfactual, each the mean over its own tokens.

    With `choice=drawn`, the wrong choice is drawn again in every step: uniform over the counterfactual rationales of
    the example, by the step's seed; a choice that repeats the right one's text is never drawn.

    Args:
        factual_source: field {question}.
        factual_target: fields {rationale} and {answer}, in this order.
        prefix: where the wrong rationale goes. `decoder`: into the target, which is read up to the answer and learnt
            from there, so that the student must answer from what stands where it will later write its own rationale
            (SCOTT). `encoder`: into the source, and the whole target is learnt, as in the code of arXiv:2504.16056.
        decoder_source, decoder_target: the counterfactual view with `prefix=decoder`; fields {question}; {rationale}
            and {answer}.
        encoder_source, encoder_target: the same with `prefix=encoder`; fields {question} and {rationale}; {answer}.
        choice: which choice the counterfactual view argues for: `drawn`; or, as the released code of arXiv:2504.16056
            has it, always `first_wrong`, the first wrong one (in its combined training), or `first`, the first of all,
            right or wrong (in its counterfactual training; where it is right, the initial rationale argues for it
            here). Those have no draw: every step sees the same.
        factual_weight: share of the factual view, 0 to 1.
        rationale: which version of the factual rationale is learnt: initial or revised.

    Source: SCOTT, Wang et al. 2023, https://arxiv.org/abs/2305.01879, section 3.2.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it learns what argues for a wrong choice; use objective=rationale_answer or preference"
    )

    MEANING: ClassVar[Mapping[str, int]] = {"prefix=decoder": 2}

    def __init__(
        self,
        factual_source: str,
        factual_target: str,
        prefix: str,
        decoder_source: str,
        decoder_target: str,
        encoder_source: str,
        encoder_target: str,
        choice: str,
        factual_weight: float,
        rationale: str,
    ) -> None:
        self._factual_source = Template(factual_source, {"question"}, "objective.factual_source")
        self._factual_target = Template(factual_target, {"rationale", "answer"}, "objective.factual_target")
        readings = {
            "decoder": (
                Template(decoder_source, {"question"}, "objective.decoder_source"),
                Template(decoder_target, {"rationale", "answer"}, "objective.decoder_target"),
            ),
            "encoder": (
                Template(encoder_source, {"question", "rationale"}, "objective.encoder_source"),
                Template(encoder_target, {"answer"}, "objective.encoder_target"),
            ),
        }
        if prefix not in readings:
            raise ConfigError(f"objective.prefix={prefix!r} is unknown; choose decoder or encoder")
        self._prefix = prefix
        self._source, self._target = readings[prefix]
        if choice not in CHOICES:
            raise ConfigError(f"objective.choice={choice!r} is unknown; choose {', '.join(CHOICES)}")
        self._choice = choice
        self._version = check_version(rationale)
        share = check_weight("factual_weight", factual_weight)
        self.weights: Mapping[str, float] = {"factual": share, "counterfactual": 1 - share}

    @property
    def needs(self) -> frozenset[str]:
        first = {"initial"} if self._choice == "first" else set()  # what argues for a first choice that is right
        return frozenset({self._version, "counterfactual", *first})

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        question = task.student_question(example)
        right = {
            "rationale": factual(record, self._version).text,
            "answer": task.answer(example, gold(example)),
        }
        source = self._factual_source.segments({"question": question})
        pairs = [TargetPair(source, self._factual_target.segments(right), "factual")]
        chosen = self._chosen(example, record, seed)
        if chosen is not None:
            wrong = {"question": question, "rationale": chosen.text, "answer": task.answer(example, chosen.supports)}
            target = self._target.answer_alone(wrong) if self._prefix == "decoder" else self._target.answering(wrong)
            pairs.append(TargetPair(self._source.segments(wrong), target, "counterfactual"))
        return pairs

    def _chosen(self, example: Example, record: TeacherRecord | None, seed: int) -> Rationale | None:
        """Return the rationale of the counterfactual view; None where the teacher gave none."""
        if self._choice == "drawn":
            return draw_counterfactual(example, record, seed)
        if self._choice == "first" and is_right(example, 0):
            return find_factual(record, "initial")
        arguing = {place(rationale.supports): rationale for rationale in reversed(_counterfactual(example, record))}
        return arguing.get(0) if self._choice == "first" else arguing.get(min(arguing, default=0))

    def query(self, example: Example, task: Task) -> Query:
        return Query(self._factual_source.segments({"question": task.student_question(example)}), rationale="before")

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        fields = self._factual_target.read(answer_text) or {"answer": answer_text, "rationale": ""}
        return Reply(fields["answer"], fields["rationale"])

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._factual_target.answering({"answer": task.answer(example, choice), "rationale": rationale})

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)


def draw_counterfactual(example: Example, record: TeacherRecord | None, seed: int) -> Rationale | None:
    """Return a counterfactual rationale drawn uniformly by seed; None where the teacher gave no usable one."""
    wrong = _counterfactual(example, record)
    return random.Random(seed).choice(wrong) if wrong else None


def _counterfactual(example: Example, record: TeacherRecord | None) -> list[Rationale]:
    """Return the usable counterfactual rationales: none argues for what reads as the right choice."""
    return [
        rationale
        for rationale in (record.rationales if record else ())
        if rationale.kind == "counterfactual" and not is_right(example, rationale.supports)
    ]
