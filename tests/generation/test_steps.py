"""The prompted steps: what is asked, and what is kept of the answer."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from distillrun.errors import ConfigError
from distillrun.pipeline.stages.step_outputs import chosen_steps
from distillrun.records import Completion, Draw, Example, Prompt, TeacherRecord
from tests.asking import Told, context
from tests.leaves import EXAMPLE, leaf, made, options

OTHER = Example("q2", "What keeps milk cold?", ("fridge", "lamp", "Fridge", "road", "drum"), 0)
PROMPTED = ("few_shot_rationale", "critique", "revision", "counterfactual")
Reply = str | Callable[[Draw], str | Completion]


def task() -> Any:
    return made("task", "multiple_choice", folder="unused")


def run(
    store: Path, name: str, records: Sequence[TeacherRecord] | None = None, reply: Reply = "reply", **changes: Any
) -> tuple[Told, list[TeacherRecord]]:
    teacher, examples = Told(reply), [EXAMPLE, OTHER]
    given = records or [TeacherRecord(example.id, (), {}) for example in examples]
    step = made("generation", name, **changes)
    return teacher, list(step.run(examples, given, context(store, teacher, task(), name)))


def last(prompt: Prompt) -> str:
    return prompt.messages[-1].content


def text(prompt: Prompt) -> str:
    return "\n".join(message.content for message in prompt.messages)


def merged(*parts: Sequence[TeacherRecord]) -> list[TeacherRecord]:
    return [
        TeacherRecord(
            row[0].example_id,
            tuple(rationale for record in row for rationale in record.rationales),
            {key: value for record in row for key, value in record.trace.items()},
        )
        for row in zip(*parts, strict=True)
    ]


def test_the_right_answer_is_given_and_explained(tmp_path: Path) -> None:
    teacher, records = run(tmp_path, "few_shot_rationale", reply=lambda draw: f"for {draw.prompt.request.example.id}")
    assert [(r.rationales[0].text, r.rationales[0].supports) for r in records] == [("for q1", 1), ("for q2", 0)]
    assert "Where would you borrow a novel?" in last(teacher.prompts[0])
    assert last(teacher.prompts[0]).endswith("The answer is library.")
    assert all(draw.seed == 5 for draw in teacher.draws)
    assert [m.role for m in teacher.prompts[0].messages] == ["system", *["user", "assistant"] * 7, "user"]


def test_an_adjective_pair_stands_in_every_demonstration_and_in_the_question(tmp_path: Path) -> None:
    teacher, _ = run(tmp_path, "few_shot_rationale")
    words = leaf("generation", "few_shot_rationale")["adjectives"]
    for prompt in teacher.prompts:
        pair = last(prompt).split("Assistant (")[1].split(")")[0]
        assert text(prompt).count(f"({pair})") == 8
        first, second = pair.split(" and ")
        assert first != second
        assert {first, second} <= set(words["positive"])


def test_adjective_pairs_are_drawn_evenly_and_by_seed_alone() -> None:
    adjectives = made("generation", "few_shot_rationale").adjectives
    pairs = [adjectives.pair(0, replace(EXAMPLE, id=f"q{n}")) for n in range(18 * 17 * 20)]
    counts = Counter(pairs)
    assert len(counts) == 18 * 17
    assert stats.chisquare(list(counts.values())).pvalue > 0.001
    assert pairs[:50] == [adjectives.pair(0, replace(EXAMPLE, id=f"q{n}", question="Who?")) for n in range(50)]
    assert pairs[:50] != [adjectives.pair(1, replace(EXAMPLE, id=f"q{n}")) for n in range(50)]


def test_a_negative_tone_draws_from_the_negative_words(tmp_path: Path) -> None:
    words = leaf("generation", "few_shot_rationale")["adjectives"]
    teacher, _ = run(tmp_path, "few_shot_rationale", adjectives={**words, "tone": "negative"})
    pair = last(teacher.prompts[0]).split("Assistant (")[1].split(")")[0].split(" and ")
    assert set(pair) <= set(words["negative"])


def test_zero_shot_shows_no_demonstration(tmp_path: Path) -> None:
    teacher, records = run(tmp_path, "zero_shot_rationale")
    assert [m.role for m in teacher.prompts[0].messages] == ["system", "user"]
    assert records[0].rationales[0].kind == "factual"


def test_a_demonstration_is_never_the_question_itself(tmp_path: Path) -> None:
    shown = leaf("generation", "few_shot_rationale")["prompt"]["demonstrations"][0]
    example = Example("x", shown["question"], tuple(shown["choices"]), shown["choices"].index(shown["answer"]))
    step = made("generation", "few_shot_rationale")
    prompt = step.ask(example, 0, task(), 0)
    assert sum(shown["question"] in message.content for message in prompt.messages) == 1
    critic, teacher = made("generation", "critique"), Told("a flaw")
    draft = run(tmp_path, "few_shot_rationale", reply="a draft")[1][0]
    list(critic.run([example], [replace(draft, example_id="x")], context(tmp_path, teacher, task())))
    assert text(teacher.prompts[0]).count(shown["question"]) == 1


def test_every_wrong_choice_is_argued_for_and_no_right_one(tmp_path: Path) -> None:
    teacher, records = run(tmp_path, "counterfactual", reply=lambda draw: f"for {draw.prompt.request.choice}")
    assert [[r.supports for r in record.rationales] for record in records] == [[0, 2, 3, 4], [1, 3, 4]]
    assert [[r.text for r in record.rationales] for record in records] == [
        [f"for {choice}" for choice in choices] for choices in ([0, 2, 3, 4], [1, 3, 4])
    ]
    assert last(teacher.prompts[0]).endswith("The answer is oven.")


def test_the_prompt_for_a_wrong_choice_differs_from_that_for_the_right_one_in_the_answer_alone() -> None:
    right, wrong = made("generation", "few_shot_rationale"), made("generation", "counterfactual")
    asked = right.ask(EXAMPLE, 1, task(), 3)
    other = wrong._asking.ask(EXAMPLE, 0, task(), 3)
    assert text(asked).replace("The answer is library.", "The answer is oven.") == text(other)


def test_wrong_choices_are_drawn_evenly_and_are_never_right() -> None:
    step = made("generation", "counterfactual", choices=1)
    drawn = Counter(choice for n in range(4000) for choice in step.wrong(replace(EXAMPLE, id=f"q{n}"), 0))
    assert set(drawn) == {0, 2, 3, 4}
    assert stats.chisquare(list(drawn.values())).pvalue > 0.001
    assert {choice for n in range(200) for choice in step.wrong(replace(OTHER, id=f"q{n}"), 0)} == {1, 3, 4}


def test_several_samples_give_several_rationales(tmp_path: Path) -> None:
    sampling = {**leaf("generation", "few_shot_rationale")["sampling"], "samples": 3, "temperature": 0.7}
    _, records = run(tmp_path, "few_shot_rationale", sampling=sampling, reply=lambda draw: f"sample {draw.sample}")
    assert [r.text for r in records[0].rationales] == ["sample 0", "sample 1", "sample 2"]


def test_the_revision_answers_the_critique_and_its_own_request(tmp_path: Path) -> None:
    _, drafts = run(tmp_path, "few_shot_rationale", reply="a draft\n\nQuestion: invented?")
    teacher, critiques = run(tmp_path, "critique", drafts, reply="a flaw\nQuestion: run-on")
    requests = {pair["critique"]: pair["revision"] for pair in leaf("generation", "critique")["requests"]}
    asked = [next(c for c in requests if c in last(prompt)) for prompt in teacher.prompts]
    assert [record.trace["revision_request"] for record in critiques] == [requests[c] for c in asked]
    assert not any("invented" in text(prompt) for prompt in teacher.prompts)
    assert [len(prompt.messages) for prompt in teacher.prompts] == [2 + 2 * 6] * 2
    given = merged(drafts, critiques)
    teacher, revisions = run(tmp_path, "revision", given, reply="better")
    for prompt, record, critique in zip(teacher.prompts, given, asked, strict=True):
        assert requests[critique] in last(prompt)
        assert record.rationales[0].text in last(prompt)
        assert "a flaw" in last(prompt)
        assert "run-on" not in last(prompt)
        assert len(prompt.messages) == 2 + 2 * 4
    assert [(r.rationales[0].text, r.rationales[0].version) for r in revisions] == [("better", "revised")] * 2


def test_every_request_for_a_critique_leads_to_its_own_request_for_a_revision() -> None:
    step = made("generation", "critique")
    drawn = {step.pair(replace(EXAMPLE, id=f"q{n}"), 0, 0) for n in range(500)}
    assert drawn == set(step.requests)


def test_a_second_round_criticises_and_revises_what_the_first_one_wrote(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        request = draw.prompt.request
        return f"critique of <{request.draft}>" if request.ask == "critique" else f"revision of <{request.draft}>"

    _, drafts = run(tmp_path, "few_shot_rationale", reply="draft")
    _, critiques = run(tmp_path, "critique", drafts, reply=reply)
    teacher, revisions = run(tmp_path, "revision", merged(drafts, critiques), reply=reply, rounds=2)
    assert [r.rationales[0].text for r in revisions] == ["revision of <revision of <draft>>"] * 2
    assert revisions[0].trace == {
        "critique/2": "critique of <revision of <draft>>",
        "revision/1": "revision of <draft>",
    }
    assert Counter(prompt.request.ask for prompt in teacher.prompts) == {"critique": 2, "revision": 4}


def test_the_whole_line_is_three_calls_for_each_question(tmp_path: Path) -> None:
    asked: list[str] = []

    def echo(draw: Draw) -> str:
        asked.append(draw.prompt.request.ask)
        return last(draw.prompt).replace("\n", " ")

    _, drafts = run(tmp_path, "few_shot_rationale", reply=echo)
    _, critiques = run(tmp_path, "critique", drafts, reply=echo)
    _, revisions = run(tmp_path, "revision", merged(drafts, critiques), reply=echo)
    assert asked == ["rationale"] * 2 + ["critique"] * 2 + ["revision"] * 2
    assert "Critique request:" in revisions[0].rationales[0].text
    assert "Revision request:" in revisions[0].rationales[0].text


def test_critics_and_revisers_may_be_another_teacher() -> None:
    scripted = leaf("teacher", "scripted")
    critic = made("generation", "critique", teacher=scripted)
    assert [teacher.name for teacher in critic.teachers] == ["scripted"]
    reviser = leaf("generation", "revision", rounds=2)
    reviser["critic"]["teacher"] = scripted
    assert len(made("generation", "revision", **reviser).teachers) == 1
    assert made("generation", "revision", **{**reviser, "rounds": 1}).teachers == ()


def test_the_raw_text_is_kept_beside_the_cleaned_one(tmp_path: Path) -> None:
    _, records = run(tmp_path, "few_shot_rationale", reply="It lends.\nQuestion: Who?\n")
    assert records[0].rationales[0].text == "It lends."
    assert records[0].rationales[0].raw == "It lends.\nQuestion: Who?\n"


def test_what_has_no_draft_is_passed_over_and_what_has_one_is_not(tmp_path: Path) -> None:
    _, drafts = run(tmp_path, "few_shot_rationale")
    teacher, critiques = run(tmp_path, "critique", [replace(drafts[0], rationales=()), drafts[1]])
    assert [prompt.request.example.id for prompt in teacher.prompts] == ["q2"]
    assert critiques[0] == TeacherRecord("q1", (), {})
    _, revisions = run(tmp_path, "revision", merged(drafts, critiques))
    assert [len(record.rationales) for record in revisions] == [0, 1]


def test_a_refusal_is_a_failure_and_no_rationale(tmp_path: Path) -> None:
    step = made("generation", "counterfactual")
    teacher = Told(lambda draw: "I'm sorry, but I can't argue for that." if draw.prompt.request.choice == 4 else "Yes.")
    asking = context(tmp_path, teacher, task(), max_failed_share=0.5)
    (record, _) = step.run([EXAMPLE, OTHER], [TeacherRecord(one.id, (), {}) for one in (EXAMPLE, OTHER)], asking)
    assert [rationale.supports for rationale in record.rationales] == [0, 2, 3]
    assert [(failure.step, failure.reason) for failure in record.failures] == [("counterfactual", "refused")]
    assert asking.usage.failures == {"refused": 2}


def test_a_demonstration_that_is_not_whole_is_refused() -> None:
    prompt = leaf("generation", "few_shot_rationale")["prompt"]
    bad = {"question": "Who?", "choices": ["a", "b"], "answer": "c", "rationale": "r"}
    with pytest.raises(ConfigError, match="'c' of 'Who\\?' is not among"):
        made("generation", "few_shot_rationale", prompt={**prompt, "demonstrations": [bad], "demos": 1})
    uncritical = {**bad, "answer": "a"}
    prompt = leaf("generation", "critique")["prompt"]
    with pytest.raises(ConfigError, match="has no critique, which prompt\\.reply shows"):
        made("generation", "critique", prompt={**prompt, "demonstrations": [uncritical], "demos": 1})


@pytest.mark.parametrize("name", PROMPTED)
def test_a_template_with_an_unknown_field_is_refused(name: str) -> None:
    prompt = leaf("generation", name)["prompt"]
    with pytest.raises(ConfigError, match=r"names an unknown field \{anwser\} \(did you mean 'answer'\?\)"):
        made("generation", name, prompt={**prompt, "ask": "{question} {anwser}"})


def test_only_the_steps_that_something_needs_are_run() -> None:
    steps = {name: made("generation", name) for name in PROMPTED}
    assert set(PROMPTED) <= set(options("generation"))
    teacher = Told("reply")
    assert list(chosen_steps(steps, teacher, {"initial"})) == ["few_shot_rationale"]
    assert list(chosen_steps(steps, teacher, {"counterfactual"})) == ["counterfactual"]
    assert list(chosen_steps(steps, teacher, {"revised"})) == ["few_shot_rationale", "critique", "revision"]
    assert list(chosen_steps(steps, teacher, set())) == []
