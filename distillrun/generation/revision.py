"""The teacher mends its first draft after the critique."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from distillrun.cleaning import clean
from distillrun.generation.asking import ask_all, chat
from distillrun.generation.critique import critique_of
from distillrun.interfaces import RecordedTeacher, Task, Teacher
from distillrun.records import Example, Prompt, Rationale, Request, Sampling, TeacherRecord, factual
from distillrun.template import Template


class Revision:
    """Asks for a revision of the initial rationale that answers its critique; makes the revised rationale.

    Args:
        instruction: the system message.
        ask: fields {question}, {answer}, {draft}, {critique} and {request}.
        max_new_tokens, temperature, top_p: sampling; temperature 0 is greedy.
        stop: texts at which a completion ends.

    Source: critique-revision prompting of arXiv:2504.16056, after Bai et al. 2022, https://arxiv.org/abs/2212.08073.
    """

    needs: frozenset[str] = frozenset({"initial", "critique"})
    makes: frozenset[str] = frozenset({"revised"})

    def __init__(
        self, instruction: str, ask: str, max_new_tokens: int, temperature: float, top_p: float, stop: Sequence[str]
    ) -> None:
        fields = {"question", "answer", "draft", "critique", "request"}
        self._instruction = instruction
        self._ask = Template(ask, fields, "generation.steps.revision.ask")
        self._sampling = Sampling(max_new_tokens, temperature, top_p, 1, 0, tuple(stop))

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        prompts = [self._prompt(example, record, task) for example, record in zip(examples, records, strict=True)]
        answers = ask_all(teacher, prompts, replace(self._sampling, seed=seed))
        for example, record, completions in zip(examples, records, answers, strict=True):
            raw = completions[0].text
            made = Rationale(clean(raw), raw, factual(record, "initial").supports, "factual", "revised")
            yield TeacherRecord(example.id, (made,), {})

    def _prompt(self, example: Example, record: TeacherRecord, task: Task) -> Prompt:
        draft, (critique, request) = factual(record, "initial"), critique_of(record)
        values = {
            "question": task.question(example),
            "answer": task.answer(example, draft.supports),
            "draft": draft.text,
            "critique": critique,
            "request": request,
        }
        messages = chat(self._instruction, (), self._ask.render(values))
        return Prompt(messages, Request("revision", example, draft.supports, draft=draft.text, critique=critique))
