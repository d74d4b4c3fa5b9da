"""The scripted teacher's own answers: chains of thought, scores, and that its rationales are what they always were."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import WhiteBoxTeacher
from distillrun.records import (
    Contrast,
    Draw,
    Example,
    Message,
    Prompt,
    Request,
    Sampling,
    ScoredContinuation,
    TeacherRecord,
    gold,
)
from distillrun.task.everyday import Everyday
from tests.asking import Unlimited, context
from tests.leaves import made

GREEDY = Sampling(100, 0.0, 1.0, 1, ())
ROBIN = Example("everyday/robin/has/0", "What does a robin have?", ("fins", "feathers", "wheels", "a roof", "pages"), 1)
TASK = Everyday("{question} {choices}", "{choice}", " | ", "{choice}", 0, None, False)
VAGUE = "A robin somehow has to do with it, so the answer is feathers."


@pytest.fixture(scope="module")
def train() -> list[Example]:
    return TASK.examples("train")


def told(requests: Sequence[Request], sample: int = 0, temperature: float = 0.0, seed: int = 0, **by: Any) -> list[str]:
    teacher = made("teacher", "scripted", **by)
    draws = [Draw(Prompt((), request), sample, seed) for request in requests]
    answers = dict(teacher.complete(draws, replace(GREEDY, temperature=temperature), Unlimited()))
    return [answers[place].text for place in range(len(draws))]


def scores(examples: Sequence[Example], asked: bool = True, **by: Any) -> list[tuple[ScoredContinuation, ...]]:
    teacher = made("teacher", "scripted", **by)
    prompts = [
        Prompt((Message("user", example.question if asked else "Answer:"),), Request("choices", example))
        for example in examples
    ]
    found = dict(teacher.score(prompts, [example.choices for example in examples], Unlimited()))
    return [found[place] for place in range(len(examples))]


@pytest.mark.parametrize(
    ("request_", "sample", "temperature", "seed", "expected"),
    [
        (Request("rationale", ROBIN, 1), 0, 0.0, 0, VAGUE),
        (Request("rationale", ROBIN, 1), 3, 1.0, 7, "A robin is a bird. A bird has feathers."),
        (
            Request("rationale", ROBIN, 2),
            0,
            0.0,
            0,
            "A robin is much the same as a road vehicle. A road vehicle has wheels.",
        ),
        (
            Request("critique", ROBIN, 1, draft=VAGUE),
            0,
            0.0,
            0,
            "The draft is too vague: 'somehow' explains nothing. The draft leaves out a step: a robin is a bird. "
            "The draft says nothing of fins, wheels, a roof, pages.",
        ),
        (
            Request("revision", ROBIN, 1, draft=VAGUE, critique="x"),
            0,
            0.0,
            1,
            "A bird has feathers. A robin is a bird. A fish has fins, a road vehicle has wheels, a building has "
            "a roof, a book has pages, but none of this holds for a robin.",
        ),
    ],
)
def test_rationales_critiques_and_revisions_never_change(
    request_: Request, sample: int, temperature: float, seed: int, expected: str
) -> None:
    assert told([request_], sample, temperature, seed) == [expected]


def test_rationales_never_change_however_many_there_are(train: list[Example]) -> None:
    texts = told([Request("rationale", example, choice) for example in train[:1000] for choice in range(5)])
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] == "bff44951e52295b9"


def test_how_often_it_is_mistaken_has_no_part_in_what_it_is_told_to_argue_for(train: list[Example]) -> None:
    requests = [Request("rationale", example, choice) for example in train[:50] for choice in range(5)]
    assert told(requests, mistaken_share=0.0) == told(requests, mistaken_share=1.0)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_about_the_asked_share_of_its_own_answers_is_wrong(train: list[Example], share: float) -> None:
    texts = told([Request("answer", example) for example in train[:1000]], mistaken_share=share)
    answers = [TASK.parse(text, example) for text, example in zip(texts, train, strict=False)]
    assert None not in answers
    assert all(text.endswith(".") and ". So the answer is " in text for text in texts)
    wrong = sum(answer != gold(example) for answer, example in zip(answers, train, strict=False)) / 1000
    assert abs(wrong - share) < 4 * math.sqrt(share * (1 - share) / 1000) + 1e-9


def test_a_hinted_chain_argues_for_the_choice_that_is_hinted_at(train: list[Example]) -> None:
    asked = [(example, choice) for example in train[:100] for choice in range(5)]
    texts = told([Request("answer", example, choice) for example, choice in asked], mistaken_share=1.0)
    for text, (example, choice) in zip(texts, asked, strict=True):
        assert text.endswith(f" So the answer is {example.choices[choice]}.")


def test_samples_of_a_chain_differ_where_they_are_drawn_and_only_there() -> None:
    drawn = {told([Request("answer", ROBIN)], sample, 1.0)[0] for sample in range(12)}
    assert len(drawn) > 2
    assert len({told([Request("answer", ROBIN)], sample)[0] for sample in range(4)}) == 1


def test_what_it_believes_in_is_likeliest_and_is_wrong_for_the_asked_share(train: list[Example]) -> None:
    assert isinstance(made("teacher", "scripted"), WhiteBoxTeacher)
    for share in (0.0, 0.2, 1.0):
        found = scores(train[:1000], mistaken_share=share)
        best = [max(range(5), key=lambda choice: one[choice].log_prob) for one in found]
        wrong = sum(choice != gold(example) for choice, example in zip(best, train, strict=False)) / 1000
        assert abs(wrong - share) < 4 * math.sqrt(share * (1 - share) / 1000) + 1e-9
        for one in found[:50]:
            assert math.fsum(math.exp(score.log_prob) for score in one) == pytest.approx(1)
    assert scores(train[:20]) == scores(train[:20])


def test_without_the_question_every_choice_is_as_likely(train: list[Example]) -> None:
    for one in scores(train[:20], asked=False):
        assert [math.exp(score.log_prob) for score in one] == pytest.approx([0.2] * 5)


def test_decoding_against_another_answer_gives_the_rationale_of_the_right_one(train: list[Example]) -> None:
    teacher, plain = made("teacher", "scripted"), Prompt((), Request("rationale", train[0], gold(train[0])))
    contrasted = replace(plain, contrast=Contrast((Message("user", "another answer"),), 0.5, 0.1))
    (first, second) = (
        text for _, text in teacher.complete([Draw(p, 0, 0) for p in (plain, contrasted)], GREEDY, Unlimited())
    )
    assert first.text == second.text


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_beyond_all_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"teacher\.mistaken_share"):
        made("teacher", "scripted", mistaken_share=share)


@pytest.mark.parametrize("step", ["chain_of_thought", "self_consistency", "star", "contrastive", "choice_scores"])
def test_each_step_gets_what_it_makes(tmp_path: Path, train: list[Example], step: str) -> None:
    examples = train[:60]
    blank = [TeacherRecord(example.id, (), {}) for example in examples]
    part = made("generation", step)
    records = list(part.run(examples, blank, context(tmp_path, made("teacher", "scripted"), TASK, step)))
    with_rationale = sum(bool(record.rationales) for record in records)
    if "initial" in part.makes:
        assert with_rationale == 60 if step in ("star", "contrastive") else with_rationale >= 40
    assert all(("answers" in part.makes) == (record.answer is not None) for record in records)
    assert all(("choice_scores" in part.makes) == (record.choice_log_probs is not None) for record in records)
    for rationale in (rationale for record in records for rationale in record.rationales):
        assert rationale.text.endswith(".")
        assert "the answer is" not in rationale.text or step == "contrastive"
