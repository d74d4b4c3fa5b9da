"""The teacher finds a fault in its first draft."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from distillrun.cleaning import clean
from distillrun.errors import ConfigError
from distillrun.generation.asking import ask_all, chat
from distillrun.interfaces import RecordedTeacher, Task, Teacher
from distillrun.records import Example, Prompt, Request, Sampling, TeacherRecord, factual
from distillrun.template import Template


class Critique:
    """Asks for a critique of the initial rationale; keeps it, and the request for the revision that belongs to it.

    Each request names one defect and comes with its counterpart for the revision; one is drawn per example by seed.

    Args:
        instruction: the system message.
        ask: fields {question}, {answer}, {draft} and {request}.
        requests: pairs of critique and revision requests.
        max_new_tokens, temperature, top_p: sampling; temperature 0 is greedy.
        stop: texts at which a completion ends.

    Source: critique-revision prompting of arXiv:2504.16056, after Bai et al. 2022, https://arxiv.org/abs/2212.08073.
    """

    needs: frozenset[str] = frozenset({"initial"})
    makes: frozenset[str] = frozenset({"critique"})

    def __init__(
        self,
        instruction: str,
        ask: str,
        requests: Sequence[Mapping[str, str]],
        max_new_tokens: int,
        temperature: float,
        top_p: float,
        stop: Sequence[str],
    ) -> None:
        if not requests or any(set(pair) != {"critique", "revision"} for pair in requests):
            raise ConfigError(
                "generation.steps.critique.requests needs pairs, each with a critique and a revision request: "
                f"{list(requests)!r}"
            )
        self._instruction = instruction
        self._ask = Template(ask, {"question", "answer", "draft", "request"}, "generation.steps.critique.ask")
        self._requests = requests
        self._sampling = Sampling(max_new_tokens, temperature, top_p, 1, 0, tuple(stop))

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        pairs = [random.Random(f"{seed}:{example.id}").choice(self._requests) for example in examples]
        drawn = list(zip(examples, records, pairs, strict=True))
        prompts = [self._prompt(example, record, pair["critique"], task) for example, record, pair in drawn]
        answers = ask_all(teacher, prompts, replace(self._sampling, seed=seed))
        for example, pair, completions in zip(examples, pairs, answers, strict=True):
            made = {"critique": completions[0].text, "revision_request": pair["revision"]}
            yield TeacherRecord(example.id, (), made)

    def _prompt(self, example: Example, record: TeacherRecord, request: str, task: Task) -> Prompt:
        draft = factual(record, "initial")
        values = {
            "question": task.question(example),
            "answer": task.answer(example, draft.supports),
            "draft": draft.text,
            "request": request,
        }
        messages = chat(self._instruction, (), self._ask.render(values))
        return Prompt(messages, Request("critique", example, draft.supports, draft=draft.text))


def critique_of(record: TeacherRecord) -> tuple[str, str]:
    """Return the cleaned critique of a record and the revision request that belongs to it."""
    return clean(record.trace["critique"]), record.trace["revision_request"]
