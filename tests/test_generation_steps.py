"""The prompted steps: what is asked, and what is kept of the answer."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.records import Completion, Example, Json, Prompt, Sampling, TeacherRecord
from distillrun.stages.generate import chosen_steps
from tests.leaves import EXAMPLE, leaf, made, options

OTHER = Example("q2", "What keeps milk cold?", ("fridge", "lamp", "Fridge", "road", "drum"), 0)
PROMPTED = ("few_shot_rationale", "critique", "revision", "counterfactual")


class EchoTeacher:
    """Answers every prompt with its number and remembers it; answers backwards, as a concurrent one may."""

    def __init__(self, text: str = "reply") -> None:
        self.text = text
        self.prompts: list[Prompt] = []
        self.samplings: list[Sampling] = []

    def check(self, task: Task) -> list[str]:
        return []

    def identity(self) -> Mapping[str, Json]:
        return {"name": "echo"}

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, tuple[Completion, ...]]]:
        self.prompts += prompts
        self.samplings.append(sampling)
        for index in reversed(range(len(prompts))):
            yield index, (Completion(f"{self.text} {index}", "stop", 1, 1),)


def empty(examples: Sequence[Example]) -> list[TeacherRecord]:
    return [TeacherRecord(example.id, (), {}) for example in examples]


def run(
    name: str, records: Sequence[TeacherRecord] | None = None, text: str = "reply"
) -> tuple[EchoTeacher, list[TeacherRecord]]:
    teacher, examples = EchoTeacher(text), [EXAMPLE, OTHER]
    task = made("task", "multiple_choice", folder="unused")
    step = made("generation", name)
    return teacher, list(step.run(examples, records or empty(examples), task, teacher, 5))


def last(prompt: Prompt) -> str:
    return prompt.messages[-1].content


def test_the_right_answer_is_given_and_explained() -> None:
    teacher, records = run("few_shot_rationale")
    assert [(r.rationales[0].text, r.rationales[0].supports) for r in records] == [("reply 0", 1), ("reply 1", 0)]
    assert "Where would you borrow a novel?" in last(teacher.prompts[0])
    assert "The answer is library." in last(teacher.prompts[0])
    assert teacher.samplings[0].seed == 5
    shown = leaf("generation", "few_shot_rationale")["demonstrations"]
    assert [m.role for m in teacher.prompts[0].messages] == ["system", *["user", "assistant"] * len(shown), "user"]


def test_a_demonstration_is_never_the_question_itself() -> None:
    shown = leaf("generation", "few_shot_rationale")["demonstrations"][0]
    example = Example("x", shown["question"], tuple(shown["choices"]), 0)
    step = made("generation", "few_shot_rationale")
    prompt = step.prompt(example, 0, made("task", "multiple_choice", folder="unused"))
    assert sum(shown["question"] in message.content for message in prompt.messages) == 1


def test_every_wrong_choice_is_argued_for_and_no_right_one() -> None:
    teacher, records = run("counterfactual")
    assert [[r.supports for r in record.rationales] for record in records] == [[0, 2, 3, 4], [1, 3, 4]]
    assert [r.text for record in records for r in record.rationales] == [f"reply {n}" for n in range(7)]
    assert "The answer is oven." in last(teacher.prompts[0])
    assert teacher.prompts[0].request.choice == 0


def test_the_revision_answers_the_critique_and_its_own_request() -> None:
    _, drafts = run("few_shot_rationale", text="a draft")
    teacher, critiques = run("critique", drafts, text="a flaw\nQuestion: run-on")
    requests = {pair["critique"]: pair["revision"] for pair in leaf("generation", "critique")["requests"]}
    asked = [next(c for c in requests if c in last(prompt)) for prompt in teacher.prompts]
    assert [record.trace["revision_request"] for record in critiques] == [requests[c] for c in asked]
    given = [
        TeacherRecord(draft.example_id, draft.rationales, critique.trace)
        for draft, critique in zip(drafts, critiques, strict=True)
    ]
    teacher, revisions = run("revision", given, text="better")
    for prompt, record, critique in zip(teacher.prompts, given, asked, strict=True):
        assert requests[critique] in last(prompt)
        assert record.rationales[0].text in last(prompt)
        assert "a flaw" in last(prompt)
        assert "run-on" not in last(prompt)
    assert [(r.rationales[0].text, r.rationales[0].version) for r in revisions] == [
        ("better 0", "revised"),
        ("better 1", "revised"),
    ]


def test_the_raw_text_is_kept_beside_the_cleaned_one() -> None:
    _, records = run("few_shot_rationale", text="It lends.\nQuestion: Who?\n")
    assert records[0].rationales[0].text == "It lends."
    assert records[0].rationales[0].raw == "It lends.\nQuestion: Who?\n 0"


def test_a_step_names_what_it_builds_on_where_it_is_missing() -> None:
    with pytest.raises(ValueError, match="q1 has no initial rationale"):
        run("critique")


def test_a_demonstration_that_is_not_whole_is_refused() -> None:
    bad = {"question": "Who?", "choices": ["a", "b"], "answer": "c", "rationale": "r"}
    with pytest.raises(ConfigError, match="'c' of 'Who\\?' is not among"):
        made("generation", "few_shot_rationale", demonstrations=[bad])


def test_only_the_steps_that_something_needs_are_run() -> None:
    steps = {name: made("generation", name) for name in PROMPTED}
    assert set(PROMPTED) <= set(options("generation"))
    teacher = EchoTeacher()
    assert list(chosen_steps(steps, teacher, {"initial"})) == ["few_shot_rationale"]
    assert list(chosen_steps(steps, teacher, {"counterfactual"})) == ["counterfactual"]
    assert list(chosen_steps(steps, teacher, {"revised"})) == ["few_shot_rationale", "critique", "revision"]
    assert list(chosen_steps(steps, teacher, set())) == []
