"""Chains of thought: what is kept of them, how they vote, and that a hint never gets into what is stored."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from distillrun.config.build import build
from distillrun.config.compose import compose_first
from distillrun.errors import ConfigError
from distillrun.generation.shared.voting import Vote, plurality
from distillrun.records import Completion, Draw, Example, TeacherRecord
from distillrun.text.cleaning import clean_chain
from tests.asking import Told, context
from tests.leaves import EXAMPLE, RECORD, leaf, made

UNKNOWN = replace(EXAMPLE, id="q9", answer=None)


def run(
    store: Path,
    name: str,
    reply: Callable[[Draw], str | Completion],
    examples: tuple[Example, ...] = (EXAMPLE,),
    **changes: Any,
) -> tuple[Told, list[TeacherRecord]]:
    teacher = Told(reply)
    step = made("generation", name, **changes)
    task = made("task", "multiple_choice", folder="unused")
    blank = [TeacherRecord(example.id, (), {}) for example in examples]
    return teacher, list(step.run(examples, blank, context(store, teacher, task, name, max_failed_share=1.0)))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Novels are lent.\nLibraries lend. So the answer is library.", "Novels are lent. Libraries lend."),
        ("They lend, so the answer is library.", "They lend."),
        ("They lend; hence the best choice is library", "They lend."),
        ("They lend. Therefore, the correct answer is (b) library!\n\nQuestion: next?", "They lend."),
        ("The answer is library.", ""),
        ("The answer is not easy. They lend.", "The answer is not easy. They lend."),
        ("Answer: They lend. The answer is library. So the answer is library.", "They lend."),
        ("It is a city.\nSo the answer is St. Louis.", "It is a city."),
        ("It is the seat. So the answer is Washington D.C.", "It is the seat."),
        ("It is long. So the answer is 3.5 metres.", "It is long."),
        ("They lend.\n**So the answer is library.**", "They lend."),
        ('They lend. So the answer is "library."', "They lend."),
        ("They lend\nFinal answer: (b)", "They lend."),
        ("So the answer is b. They lend.", "So the answer is b. They lend."),
        ("So the answer is library, because they lend.", "So the answer is library, because they lend."),
        ("They lend.\n\nQuestion: Who bakes?\nThe baker. So the answer is oven.", "They lend."),
        ("Question: Who bakes?\nThe baker bakes.", ""),
        ("", ""),
    ],
)
def test_the_conclusion_is_taken_off_and_the_lines_are_joined(raw: str, expected: str) -> None:
    assert clean_chain(raw) == expected
    assert clean_chain(clean_chain(raw)) == clean_chain(raw)


PIECES = [
    "They lend",
    ". ",
    ", ",
    "\n",
    "so ",
    "the answer is ",
    "Answer:",
    "Question:",
    "library",
    "because",
    '"',
    "D.C.",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join))
def test_a_chain_that_is_cleaned_twice_is_cleaned_once(raw: str) -> None:
    assert clean_chain(clean_chain(raw)) == clean_chain(raw)
    assert "\n" not in clean_chain(raw)


@pytest.mark.parametrize("piece", ["so the answer is ", "so ", "answer: ", "a.b", "\n", "* "])
def test_a_degenerate_chain_is_cleaned_in_no_time(piece: str) -> None:
    start = time.thread_time()
    clean_chain(piece * 3000 + ". x")
    assert time.thread_time() - start < 2  # of CPU


def test_a_right_chain_is_kept_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    _, (right,) = run(tmp_path / "a", "chain_of_thought", lambda _: "It lends. So the answer is library.")
    (rationale,) = right.rationales
    assert (rationale.text, rationale.supports, rationale.kind, rationale.origin) == (
        "It lends.",
        1,
        "factual",
        "forward",
    )
    assert (right.answer, right.agreement, right.failures) == (1, 1.0, ())
    _, (wrong,) = run(tmp_path / "b", "chain_of_thought", lambda _: "It bakes. So the answer is oven.")
    assert (wrong.rationales, wrong.answer) == ((), 0)
    assert [failure.reason for failure in wrong.failures] == ["no right chain"]
    _, (lost,) = run(tmp_path / "c", "chain_of_thought", lambda _: "Who knows?")
    assert (lost.rationales, lost.answer, lost.agreement) == ((), None, None)
    assert [failure.reason for failure in lost.failures] == ["unparsed", "no right chain"]


def test_what_is_invented_after_the_answer_is_neither_parsed_nor_kept(tmp_path: Path) -> None:
    text = "It lends. So the answer is library.\nQuestion: What bakes?\nSo the answer is oven."
    _, (record,) = run(tmp_path, "chain_of_thought", lambda _: text)
    assert (record.answer, record.rationales[0].text, record.rationales[0].raw) == (1, "It lends.", text)


def test_a_bare_answer_votes_but_is_no_rationale(tmp_path: Path) -> None:
    texts = ["So the answer is library.", "It lends. So the answer is library.", "It lends. So the answer is library!"]
    sampling = {**leaf("generation", "self_consistency")["sampling"], "samples": 3}
    _, (record,) = run(tmp_path, "self_consistency", lambda draw: texts[draw.sample], sampling=sampling, keep_all=False)
    assert (record.answer, record.agreement) == (1, 1.0)
    assert [rationale.text for rationale in record.rationales] == ["It lends."]
    assert [failure.reason for failure in record.failures] == ["no reasoning"]
    _, (all_kept,) = run(tmp_path, "self_consistency", lambda draw: texts[draw.sample], sampling=sampling)
    assert all_kept.rationales == record.rationales  # the third says the same as the second


def test_choices_that_read_alike_vote_as_one(tmp_path: Path) -> None:
    twins = Example("q5", "What keeps milk cold?", ("fridge", "lamp", "Fridge", "road", "drum"), 2)
    letters = "abcca"
    _, (record,) = run(
        tmp_path,
        "self_consistency",
        lambda draw: f"R{draw.sample}. So the answer is ({letters[draw.sample]}).",
        (twins,),
    )
    assert (record.answer, record.agreement) == (0, 0.8)
    assert [(one.text, one.supports) for one in record.rationales] == [("R0.", 2), ("R2.", 2), ("R3.", 2), ("R4.", 2)]


def test_a_wrong_chain_may_be_kept_as_what_it_is(tmp_path: Path) -> None:
    kinds = made("generation", "chain_of_thought", wrong="keep").makes
    assert kinds == {"initial", "answers", "counterfactual", "wrong decodes"}
    _, (record,) = run(tmp_path, "chain_of_thought", lambda _: "It bakes. So the answer is oven.", wrong="keep")
    (rationale,) = record.rationales
    assert (rationale.kind, rationale.supports, rationale.text) == ("counterfactual", 0, "It bakes.")
    _, (unknown,) = run(
        tmp_path, "chain_of_thought", lambda _: "It bakes. So the answer is oven.", (UNKNOWN,), wrong="keep"
    )
    assert [(one.kind, one.supports) for one in unknown.rationales] == [("factual", 0)]


def test_what_was_missed_is_asked_again_with_a_hint_that_is_never_stored(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        hinted = draw.prompt.request.choice is not None
        return "It lends. So the answer is library." if hinted else "It bakes. So the answer is oven."

    other = replace(EXAMPLE, id="q2", question="Who lends?")
    teacher, records = run(tmp_path, "star", reply, (EXAMPLE, other))
    assert [record.rationales[0].origin for record in records] == ["hinted", "hinted"]
    first, second = teacher.prompts[0].messages[-1].content, teacher.prompts[2].messages[-1].content
    assert "(CORRECT)" not in first
    assert "(b) library (CORRECT)" in second
    stored = (tmp_path / "journal").rglob("star.jsonl")
    assert "(CORRECT)" not in "".join(file.read_text() for file in stored)
    assert "(CORRECT)" not in repr(records)
    again, same = run(tmp_path, "star", lambda _: "never said", (EXAMPLE, other))
    assert same == records
    assert again.draws == []


@pytest.mark.parametrize(
    "text", ["It is marked as correct.", "It says (CORRECT).", "The hint says so.", "The given answer lends."]
)
def test_a_chain_that_tells_of_the_hint_is_dropped(tmp_path: Path, text: str) -> None:
    def reply(draw: Draw) -> str:
        hinted = draw.prompt.request.choice is not None
        return f"{text} So the answer is library." if hinted else "So the answer is oven."

    _, (record,) = run(tmp_path, "star", reply)
    assert record.rationales == ()
    assert [failure.reason for failure in record.failures] == ["leaks the hint", "no right chain"]


@pytest.mark.parametrize("wrong", ["drop", "keep"])
@pytest.mark.parametrize("said", ["library", "oven"])
def test_whatever_the_hint_is_it_is_never_stored(tmp_path: Path, wrong: str, said: str) -> None:
    text = f"This one is << see: it lends. So the answer is {said}."
    _, (record,) = run(
        tmp_path, "chain_of_thought", lambda _: text, answer_given=True, hint=" <<", leaks=[], wrong=wrong
    )
    assert record.rationales == ()
    assert record.failures[0].reason == "leaks the hint"


def test_a_forward_chain_may_use_the_words_of_a_leak(tmp_path: Path) -> None:
    _, (record,) = run(tmp_path, "star", lambda _: "Books are marked there. So the answer is library.")
    assert record.rationales[0].text == "Books are marked there."


@pytest.mark.parametrize(
    "changes",
    [
        {"given_ask": "{question}"},
        {"given_ask": "{question} {{answer}}"},
        {"hint": " "},
    ],
)
def test_asking_again_without_telling_the_answer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="does not tell the right answer"):
        made("generation", "star", **changes)
    made("generation", "chain_of_thought", **changes)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"leaks=\['\('\] must hold regular expressions"):
        made("generation", "star", leaks=["("])


def test_demonstrations_carry_the_hint_of_their_own_answers(tmp_path: Path) -> None:
    prompt = {**leaf("generation", "star")["prompt"], "demos": 2}
    teacher, _ = run(tmp_path, "star", lambda _: "It bakes. So the answer is oven.", prompt=prompt)
    first, second = ([m.content for m in prompt.messages if m.role == "user"] for prompt in teacher.prompts)
    assert [text.count("(CORRECT)") for text in first] == [0, 0, 0]
    assert [text.count("(CORRECT)") for text in second] == [1, 1, 1]
    assert [text.replace(" (CORRECT)", "") for text in second] == first


def test_counts_of_star_add_up(tmp_path: Path) -> None:
    examples = tuple(replace(EXAMPLE, id=f"q{n}", question=f"Question {n}?") for n in range(30))

    def reply(draw: Draw) -> str:
        n, hinted = int(draw.prompt.request.example.id[1:]), draw.prompt.request.choice is not None
        right = n % 3 == 0 or (n % 3 == 1 and hinted)
        return f"Reason {n}. So the answer is {'library' if right else 'oven'}."

    _, records = run(tmp_path, "star", reply, examples)
    origins = [record.rationales[0].origin if record.rationales else "dropped" for record in records]
    assert [origins.count(origin) for origin in ("forward", "hinted", "dropped")] == [10, 10, 10]


def test_a_further_round_asks_the_student_as_it_was_trained() -> None:
    task = made("task", "multiple_choice", folder="unused")
    objective = made("objective", "rationale_answer", order="rationale_first")
    pair, *_ = objective.targets(EXAMPLE, RECORD, task, 0)
    source, target = ("".join(segment.text for segment in part) for part in (pair.source, pair.target))
    composed: Any = OmegaConf.to_container(compose_first(["generation=star_student"]).generation.steps.star)
    step = build(composed, "generation")
    (message,) = step._prompt(EXAMPLE, False, task).messages
    separator = leaf("student", "tiny_qwen")["separator"]
    assert (source + separator + target).startswith(message.content + leaf("teacher", "local")["reply_separator"])


def test_the_answer_may_be_given_at_once(tmp_path: Path) -> None:
    teacher, (record,) = run(
        tmp_path,
        "chain_of_thought",
        lambda _: "It lends. So the answer is library.",
        answer_given=True,
        given_ask="{question}\nThe answer is {answer}.",
    )
    assert teacher.prompts[0].messages[-1].content.endswith("The answer is library.")
    assert [rationale.origin for rationale in record.rationales] == ["hinted"]
    assert (record.answer, record.agreement) == (None, None)  # it was told, so this is no answer of its own
    assert made("generation", "chain_of_thought", answer_given=True).makes == {"initial"}


def test_without_a_known_answer_the_vote_stands(tmp_path: Path) -> None:
    answers = ["oven", "library", "library", "river", "library"]
    _, (record,) = run(
        tmp_path,
        "self_consistency",
        lambda draw: f"R{draw.sample}. So the answer is {answers[draw.sample]}.",
        (UNKNOWN,),
    )
    assert (record.answer, record.agreement) == (1, 0.6)
    assert [rationale.text for rationale in record.rationales] == ["R1.", "R2.", "R4."]
    assert record.trace == {"chain_of_thought/distinct": "5"}


def test_right_chains_are_kept_although_they_lost_the_vote(tmp_path: Path) -> None:
    answers = ["oven", "oven", "library", "oven", "nothing at all"]
    _, (record,) = run(
        tmp_path, "self_consistency", lambda draw: f"R{draw.sample}. So the answer is {answers[draw.sample]}."
    )
    assert (record.answer, record.agreement) == (0, 0.75)
    assert [rationale.text for rationale in record.rationales] == ["R2."]


def test_several_greedy_samples_are_refused() -> None:
    sampling = {**leaf("generation", "self_consistency")["sampling"], "temperature": 0.0}
    with pytest.raises(ConfigError, match="set a temperature above 0"):
        made("generation", "self_consistency", sampling=sampling)


def test_no_demonstrations_is_zero_shot(tmp_path: Path) -> None:
    prompt = {**leaf("generation", "chain_of_thought")["prompt"], "demos": 0}
    teacher, _ = run(tmp_path, "chain_of_thought", lambda _: "So the answer is library.", prompt=prompt)
    assert [message.role for message in teacher.prompts[0].messages] == ["system", "user"]


def test_ties_go_to_the_likelier_text_and_then_to_the_lower_index() -> None:
    a, b = Vote(2, -3.0, 4), Vote(1, -2.0, 4)
    assert plurality([a, b]) == (1, 0.5)
    assert plurality([replace(a, log_prob=-1.0), b]) == (2, 0.5)
    assert plurality([Vote(2, None, 4), b]) == (1, 0.5)
    assert plurality([Vote(2, None, 4), Vote(1, None, 4)]) == (1, 0.5)
    assert plurality([Vote(None, -1.0, 4)]) is None
    assert plurality([Vote(None, -1.0, 4), a, a, b]) == (2, 2 / 3)


def test_votes_may_weigh_by_their_probability() -> None:
    votes = [Vote(0, 4 * math.log(0.9), 4), Vote(1, 2 * math.log(0.4), 2), Vote(1, 3 * math.log(0.4), 3)]
    winner, share = plurality(votes, "probability") or (-1, 0.0)
    assert winner == 0
    assert share == pytest.approx(0.9 / 1.7)
    assert plurality(votes) == (1, 2 / 3)
    assert plurality([*votes, Vote(None, None, 9)], "probability") == plurality(votes, "probability")
    with pytest.raises(ConfigError, match="weights=probability needs the log-probs"):
        plurality([*votes, Vote(1, None, 9)], "probability")


def test_votes_of_long_texts_weigh_by_the_token(tmp_path: Path) -> None:
    def reply(draw: Draw) -> Completion:
        said = "oven" if draw.sample == 0 else "library"
        return Completion(
            f"R{draw.sample}. So the answer is {said}.", "stop", 9, 14, 4, [-1.0, -30.0, -30.0][draw.sample]
        )

    sampling = {**leaf("generation", "self_consistency")["sampling"], "samples": 3}
    _, (record,) = run(tmp_path, "self_consistency", reply, weights="probability", sampling=sampling)
    assert record.answer == 0
    assert record.agreement == pytest.approx(math.exp(-0.1) / (math.exp(-0.1) + 2 * math.exp(-3)))


VOTES = st.lists(
    st.builds(Vote, st.one_of(st.none(), st.integers(0, 4)), st.floats(-50, 0), st.integers(1, 30)),
    min_size=1,
    max_size=9,
)


@given(VOTES, st.randoms(), st.sampled_from(["none", "probability"]))
def test_the_order_of_votes_plays_no_part(votes: list[Vote], random: Any, weights: Any) -> None:
    shuffled = random.sample(votes, len(votes))
    found = plurality(votes, weights)
    assert plurality(shuffled, weights) == found
    assert found is None or 1 / len(votes) - 1e-9 <= found[1] <= 1 or weights == "probability"


def test_a_chain_that_was_cut_off_votes_with_its_whole_sentences_alone(tmp_path: Path) -> None:
    said = [
        "It may be an oven. So the answer is libra",  # the last sentence is half, and the one before names an oven
        "Libraries lend. So the answer is library.\n\nQuestion: Who ba",  # what it invents was cut, not its answer
        "So the answer is library. They al",
        "They lend, and so the answer is gar",
    ]
    _, (record,) = run(
        tmp_path,
        "self_consistency",
        lambda draw: Completion(said[draw.sample], "length", 1, 9),
        sampling={**leaf("generation", "self_consistency")["sampling"], "samples": 4},
    )
    assert record.answer == EXAMPLE.choices.index("library")
    assert record.agreement == pytest.approx(2 / 3)
