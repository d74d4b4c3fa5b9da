"""The teacher is given the right answer and explains it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from distillrun.cleaning import clean
from distillrun.generation.asking import Demonstration, ask_all, chat
from distillrun.interfaces import RecordedTeacher, Task, Teacher
from distillrun.records import Example, Prompt, Rationale, Request, Sampling, TeacherRecord, gold
from distillrun.template import Template


class FewShotRationale:
    """Asks for an answer-conditioned rationale after a few solved questions; makes the initial rationale.

    Args:
        instruction: the system message.
        ask: what is asked of each question; fields {question} and {answer}.
        demonstrations: solved questions, each with question, choices, answer and rationale.
        max_new_tokens, temperature, top_p: sampling; temperature 0 is greedy.
        stop: texts at which a completion ends.

    Source: few-shot rationales of arXiv:2504.16056, after the rationalisation of STaR, https://arxiv.org/abs/2203.14465.
    """

    needs: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset({"initial"})

    def __init__(
        self,
        instruction: str,
        ask: str,
        demonstrations: Sequence[Demonstration],
        max_new_tokens: int,
        temperature: float,
        top_p: float,
        stop: Sequence[str],
    ) -> None:
        self._instruction = instruction
        self._ask = Template(ask, {"question", "answer"}, "generation.steps.few_shot_rationale.ask")
        self._demonstrations = demonstrations
        self.sampling = Sampling(max_new_tokens, temperature, top_p, 1, 0, tuple(stop))

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        prompts = [self.prompt(example, gold(example), task) for example in examples]
        answers = ask_all(teacher, prompts, replace(self.sampling, seed=seed))
        for example, completions in zip(examples, answers, strict=True):
            raw = completions[0].text
            made = Rationale(clean(raw), raw, gold(example), "factual", "initial")
            yield TeacherRecord(example.id, (made,), {})

    def prompt(self, example: Example, choice: int, task: Task) -> Prompt:
        """Return the prompt that asks to argue for a choice."""
        turns = [
            (self._asked(shown.example, gold(shown.example), task), shown.rationale)
            for shown in self._demonstrations
            if shown.example.question != example.question
        ]
        messages = chat(self._instruction, turns, self._asked(example, choice, task))
        return Prompt(messages, Request("rationale", example, choice))

    def _asked(self, example: Example, choice: int, task: Task) -> str:
        return self._ask.render({"question": task.question(example), "answer": task.answer(example, choice)})
