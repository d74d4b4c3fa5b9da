"""The teacher is given each wrong answer and argues for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from distillrun.cleaning import clean
from distillrun.generation.asking import Demonstration, ask_all
from distillrun.generation.few_shot_rationale import FewShotRationale
from distillrun.interfaces import RecordedTeacher, Task, Teacher
from distillrun.records import Example, Rationale, TeacherRecord, is_right


class Counterfactual:
    """Asks for one rationale per wrong choice, with the prompt of few_shot_rationale; makes counterfactual rationales.

    A choice that repeats the right one's text is not wrong, and is not argued for.

    Args:
        instruction, ask, demonstrations, max_new_tokens, temperature, top_p, stop: as in few_shot_rationale.

    Source: arXiv:2504.16056; SCOTT, https://arxiv.org/abs/2305.01879.
    """

    needs: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset({"counterfactual"})

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
        self._asking = FewShotRationale(instruction, ask, demonstrations, max_new_tokens, temperature, top_p, stop)

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        wrong = [[c for c in range(len(example.choices)) if not is_right(example, c)] for example in examples]
        prompts = [
            self._asking.prompt(example, choice, task)
            for example, choices in zip(examples, wrong, strict=True)
            for choice in choices
        ]
        answers = ask_all(teacher, prompts, replace(self._asking.sampling, seed=seed))
        for example, choices in zip(examples, wrong, strict=True):
            texts = {choice: next(answers)[0].text for choice in choices}
            made = tuple(
                Rationale(clean(raw), raw, choice, "counterfactual", "initial") for choice, raw in texts.items()
            )
            yield TeacherRecord(example.id, made, {})
