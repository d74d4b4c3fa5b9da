"""Requests for new questions: a whole one as JSON, or its pieces one after the other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.generation.shared.few_shot import chat
from distillrun.generation.shared.new_question import QuestionRules, checked_question, read_question, unlabelled
from distillrun.interfaces import AnyTeacher, GenerationContext
from distillrun.records import Example, Prompt, Request, Sampling, gold_choice, wrong_choices
from distillrun.text.refusal import refusal
from distillrun.text.template import Template

STEP_FIELDS: Mapping[str, tuple[str, ...]] = {
    "question": (),
    "answer": ("question",),
    "wrong": ("question", "answer", "count"),
}
"""The pieces of a question in the order in which they are asked for, and what of it each ask may show."""


@dataclass(frozen=True, slots=True)
class Order:
    """A new question that is asked for: its number, and the training questions that are shown."""

    number: int
    shown: Sequence[Example]


@dataclass(frozen=True)
class QuestionWriter:
    """The prompts for new questions; each depends on its order and, in steps, on the question so far.

    Args:
        instruction: the system message.
        ask: of a whole question; field {number}.
        steps: the asks for its pieces; fields {number} and those of `STEP_FIELDS`.
        rules: what a question must be like.
        sampling: how to draw.
        teacher: who is asked; None = the run's.
    """

    instruction: str
    ask: Template
    steps: Mapping[str, Template]
    rules: QuestionRules
    sampling: Sampling
    teacher: AnyTeacher | None

    def whole(self, orders: Sequence[Order], context: GenerationContext) -> list[Example | str]:
        """Return the question of each order, or why there is none."""
        prompts = []
        for order in orders:
            turns = [(self.ask.render({"number": str(n)}), _as_json(one)) for n, one in enumerate(order.shown, 1)]
            messages = chat(self.instruction, turns, self.ask.render({"number": str(order.number)}))
            prompts.append(Prompt(messages, Request("question", order.shown[-1])))

        def refuse(index: int, text: str) -> str | None:
            return _reason(read_question(text, self.rules))

        answers = context.complete(prompts, self.sampling, self.teacher, refuse, only_one=True)
        return [made.reason or read_question(made.text, self.rules) for (made,) in answers]

    def stepwise(self, orders: Sequence[Order], context: GenerationContext) -> list[Example | str]:
        """Return what `whole` returns, asked for piece by piece; after an unusable piece no further one is asked."""
        pieces: list[dict[str, str]] = [{} for _ in orders]
        failed: dict[int, str] = {}
        for step in STEP_FIELDS:
            going = [place for place in range(len(orders)) if place not in failed]
            prompts = [self._piece_prompt(step, orders[place], pieces[place]) for place in going]

            def refuse(index: int, text: str, step: str = step, going: list[int] = going) -> str | None:
                return self._refuse_piece(step, text, pieces[going[index]])

            answers = context.complete(prompts, self.sampling, self.teacher, refuse, only_one=True)
            for place, (made,) in zip(going, answers, strict=True):
                if made.reason:
                    failed[place] = made.reason
                pieces[place][step] = made.text.strip()
        return [failed.get(place) or self._joined(found) for place, found in enumerate(pieces)]

    def _piece_prompt(self, step: str, order: Order, so_far: Mapping[str, str]) -> Prompt:
        template, count = self.steps[step], {"count": str(self.rules.choices - 1)}
        turns = [
            (template.render({**_pieces(one), **count, "number": str(number)}), _pieces(one)[step])
            for number, one in enumerate(order.shown, 1)
        ]
        asked = template.render({**so_far, **count, "number": str(order.number)})
        request = Request("question", order.shown[-1], draft="\n".join(so_far.values()))
        return Prompt(chat(self.instruction, turns, asked), request)

    def _refuse_piece(self, step: str, text: str, so_far: Mapping[str, str]) -> str | None:
        if reason := refusal(text):
            return reason
        if step == "wrong":
            return _reason(self._joined({**so_far, "wrong": text}))
        return "more than one line" if "\n" in text.strip() else None

    def _joined(self, pieces: Mapping[str, str]) -> Example | str:
        lines = [line for line in pieces["wrong"].splitlines() if line.strip()]
        right, *wrong = map(_without_full_stop, (pieces["answer"], *unlabelled(lines)))
        return checked_question(pieces["question"], [right, *wrong], right, self.rules)


def _reason(read: Example | str) -> str | None:
    return read if isinstance(read, str) else None


def _without_full_stop(text: str) -> str:
    """Return a text without the full stop of a sentence, which would set the right choice apart from the others."""
    text = text.strip()
    return text[:-1] if text.endswith(".") and text.count(".") == 1 else text


def _as_json(example: Example) -> str:
    value = {
        "question": example.question,
        "choices": list(example.choices),
        "answer": example.choices[gold_choice(example)],
    }
    return json.dumps(value, ensure_ascii=False)


def _pieces(example: Example) -> dict[str, str]:
    """Return a training question as the fields and replies of the stepwise form."""
    wrong = [example.choices[choice] for choice in wrong_choices(example)]
    return {"question": example.question, "answer": example.choices[gold_choice(example)], "wrong": "\n".join(wrong)}
