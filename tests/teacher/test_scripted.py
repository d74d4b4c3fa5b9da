"""The scripted teacher: true rationales, real flaws named, revisions that mend them, arguments for wrong choices."""

from dataclasses import replace

import pytest

from distillrun.errors import ConfigError
from distillrun.everyday.base import KIND_RELATION, Fact, read_base
from distillrun.everyday.critique import names
from distillrun.everyday.question import fact_of
from distillrun.everyday.wording import read_wording
from distillrun.interfaces import Teacher
from distillrun.records import Completion, Draw, Example, Json, Message, Prompt, Request, Sampling, Split, place
from distillrun.task.everyday import Everyday
from distillrun.teacher.scripted import Scripted
from tests.asking import Unlimited
from tests.leaves import made

BASE, WORDING = read_base(), read_wording()
GREEDY = Sampling(100, 0.0, 1.0, 1, ())
ROBIN = Example("everyday/robin/has/0", "What does a robin have?", ("fins", "feathers", "wheels", "a roof", "pages"), 1)
TASK = Everyday("{question} {choices}", "{choice}", " | ", "{choice}", 0, None, False)


def scripted(flawed_share: float) -> Scripted:
    teacher: Scripted = made("teacher", "scripted", flawed_share=flawed_share)
    return teacher


def ask(request: Request, sampling: Sampling = GREEDY, flawed_share: float = 0.0) -> tuple[Completion, ...]:
    prompt = Prompt((Message("user", "one two three"),), request)
    draws = [Draw(prompt, sample, 0) for sample in range(sampling.samples)]
    answers = list(scripted(flawed_share).complete(draws, sampling, Unlimited()))
    assert [index for index, _ in answers] == list(range(sampling.samples))
    return tuple(completion for _, completion in answers)


def told(request: Request, flawed_share: float = 0.0) -> str:
    return ask(request, flawed_share=flawed_share)[0].text


def critique(draft: str, choice: int = 1) -> str:
    return told(Request("critique", ROBIN, choice, draft=draft))


def known(example: Example) -> Fact:
    fact = fact_of(example.id, BASE)
    assert fact is not None
    return fact


def right(example: Example) -> int:
    assert example.answer is not None
    return place(example.answer)


@pytest.fixture(scope="module")
def train() -> list[Example]:
    return TASK.examples("train")


def test_it_is_a_teacher() -> None:
    assert isinstance(scripted(0.3), Teacher)


def test_a_true_rationale_states_the_kind_and_what_holds_for_it(train: list[Example]) -> None:
    for example in train:
        fact = known(example)
        text = told(Request("rationale", example, right(example))).casefold()
        kind = BASE.kind_of[fact.thing]
        assert WORDING.clause(fact.thing, KIND_RELATION, kind) in text
        if fact.relation != KIND_RELATION:
            subject = kind if fact.by_kind else fact.thing
            assert WORDING.clause(subject, fact.relation, fact.value) in text


def test_every_unseen_fact_is_covered_by_first_drafts_even_with_their_flaws(train: list[Example]) -> None:
    teacher = scripted(0.3)
    draws = [Draw(Prompt((), Request("rationale", example, right(example))), 0, 0) for example in train]
    texts = [completion.text.casefold() for _, completion in teacher.complete(draws, GREEDY, Unlimited())]
    stated = {part.strip(" .") for text in texts for part in text.replace(", and ", ". ").split(". ")}
    for example in (*TASK.examples("dev"), *TASK.examples("test")):
        if example.group == "unseen":
            fact = known(example)
            kind = BASE.kind_of[fact.thing]
            assert WORDING.clause(fact.thing, KIND_RELATION, kind) in stated
            if fact.relation != KIND_RELATION:
                assert WORDING.clause(kind, fact.relation, fact.value) in stated


def test_about_the_asked_share_of_drafts_is_flawed_and_all_name_the_answer(train: list[Example]) -> None:
    flawed = 0
    for example in train[:1000]:
        fact = known(example)
        draft = told(Request("rationale", example, right(example)), flawed_share=0.3)
        assert names(draft, fact.value) or fact.value in draft
        found = told(Request("critique", example, right(example), draft=draft))
        assert "says nothing of" in found
        flawed += not found.startswith("The draft says nothing of")
    assert 0.26 < flawed / 1000 < 0.34


@pytest.mark.parametrize(
    ("draft", "flaw"),
    [
        ("The answer is feathers, because feathers is the right answer.", "is circular"),
        ("A robin is a bird, and that somehow leads to feathers.", "is too vague: 'somehow'"),
        ("A robin is a bird. A robin has pages. So the answer is feathers.", "not true that a robin has pages"),
        ("A robin has feathers.", "leaves out a step: a robin is a bird"),
        ("A robin is a bird. A robin is a bird. A bird has feathers.", "says the same thing twice"),
        ("A robin is a bird, and a bird sings.", "never names the answer, feathers"),
        ("A robin is a bird, and a bird has feathers.", "says nothing of fins, wheels, a roof, pages"),
        ("A robin is a bird, and a bird has feathers, not fins or wheels.", "says nothing of a roof, pages"),
        ("", "never names the answer, feathers"),
    ],
)
def test_a_critique_names_the_flaw_that_the_draft_has(draft: str, flaw: str) -> None:
    assert flaw in critique(draft)


def test_a_critique_of_a_sound_draft_finds_nothing() -> None:
    draft = "A robin is a bird, and a bird has feathers. It has no fins, no wheels, not a roof and no pages."
    assert critique(draft) == "The draft is sound."


def test_a_critique_of_an_argument_for_a_wrong_choice_says_that_it_is_false() -> None:
    assert "not true that a robin has wheels" in critique("A robin is a bird, and a bird has wheels.", choice=2)


@pytest.mark.parametrize("flawed_share", [0.0, 1.0])
def test_a_revision_mends_the_draft_and_names_every_other_choice(train: list[Example], flawed_share: float) -> None:
    for example in train[:300]:
        draft = told(Request("rationale", example, right(example)), flawed_share)
        found = told(Request("critique", example, right(example), draft=draft))
        revision = told(Request("revision", example, right(example), draft=draft, critique=found))
        assert all(names(revision, choice) for choice in example.choices)
        assert told(Request("critique", example, right(example), draft=revision)) == "The draft is sound."


def test_a_revision_keeps_a_draft_without_a_flaw_of_its_own() -> None:
    draft = "Feathers cover a robin, since a robin is a bird."
    assert told(Request("revision", ROBIN, 1, draft=draft)).startswith(draft)


def test_a_counterfactual_argues_for_the_wrong_choice_and_leaves_the_right_one_out(train: list[Example]) -> None:
    for example in train[:400]:
        fact = known(example)
        for choice, wrong in enumerate(example.choices):
            if choice == right(example):
                continue
            text = told(Request("rationale", example, choice), flawed_share=1.0)
            assert names(text, wrong)
            assert names(text, fact.thing)
            assert not names(text, fact.value)


def test_text_holds_no_letters_of_choices(train: list[Example]) -> None:
    for example in train[:200]:
        for choice in range(5):
            assert "(" not in told(Request("rationale", example, choice), flawed_share=0.5)


def test_a_mislabelled_question_gets_an_argument_for_its_label() -> None:
    mislabelled = replace(ROBIN, answer=0)
    assert names(told(Request("rationale", mislabelled, 0)), "fins")


def test_the_same_request_and_seed_give_the_same_text() -> None:
    drawn = replace(GREEDY, temperature=1.0, samples=8)
    request = Request("rationale", ROBIN, 1)
    assert ask(request, drawn) == ask(request, drawn)
    assert len({completion.text for completion in ask(request, drawn)}) > 1
    assert len({completion.text for completion in ask(request, replace(GREEDY, samples=8))}) == 1


def test_a_completion_is_cut_where_the_sampling_says() -> None:
    (short,) = ask(Request("rationale", ROBIN, 1), replace(GREEDY, max_new_tokens=3))
    assert (len(short.text.split()), short.finish_reason, short.prompt_tokens, short.completion_tokens) == (
        3,
        "length",
        3,
        3,
    )
    (stopped,) = ask(Request("rationale", ROBIN, 1), replace(GREEDY, stop=(" is ", " has ")))
    assert " is " not in stopped.text
    assert stopped.finish_reason == "stop"


def test_another_task_is_refused_before_any_work() -> None:
    class Other(Everyday):
        def source(self) -> dict[str, Json]:
            return {"name": "commonsenseqa", "revision": "main"}

        def examples(self, split: Split) -> list[Example]:
            known = super().examples(split)
            return known if split == "train" else [replace(known[0], id="abc", question="Who sings?")]

    assert scripted(0.3).check(TASK) == []
    (problem,) = scripted(0.3).check(Other("{question} {choices}", "{choice}", " | ", "{choice}", 0, None, False))
    assert "teacher=scripted" in problem
    assert "not 'Who sings?' of the task Other" in problem
    assert "choose task=everyday" in problem


def test_an_example_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match="'abc' is not of task=everyday"):
        told(Request("rationale", replace(ROBIN, id="abc", question="Who sings?"), 1))


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_beyond_all_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"teacher\.flawed_share"):
        scripted(share)


def test_identity_names_the_base() -> None:
    assert scripted(0.3).identity() == {
        "name": "scripted",
        "version": 1,
        "flawed_share": 0.3,
        "mistaken_share": 0.2,
        "facts": BASE.digest,
        "wording": WORDING.digest,
    }
