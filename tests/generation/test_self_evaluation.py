"""A teacher's judgements of its own rationales."""

from dataclasses import replace
from pathlib import Path

import pytest

from distillrun.generation.shared.verdict import majority, verdict_of
from distillrun.records import Completion, Draw, Rationale, TeacherRecord
from distillrun.report.data_card.answers import verdicts
from distillrun.report.data_card.rationales import Row
from tests.asking import Told, context
from tests.leaves import EXAMPLE, leaf, made

DRAFTS = (
    Rationale("It lends novels.", "", 1, "factual", "initial"),
    Rationale("Ovens hold novels.", "", 0, "counterfactual", "initial"),
)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("It is so. Verdict: right", "right"),
        ("It is so. Verdict: **Wrong**.", "wrong"),
        ("It is so.\n**Verdict:** Correct.", "right"),
        ("The verdict is uncertain, since nothing says so.", "uncertain"),
        ("Verdict: right? No. Verdict: incorrect", "wrong"),
        ("Verdict: right. Wrong would be the desert.", "right"),
        ("Verdict: right, since it is wrong to think otherwise", "right"),
        ("Verdict: not right", "wrong"),
        ("Verdict: not sure", "uncertain"),
        ('{"verdict": "wrong"}', "wrong"),
        ("It is right that ice is cold. Verdict: mostly wrong", None),
        ("Verdict: right/wrong/uncertain", None),
        ("Verdict: right, wrong or uncertain", None),
        ("A reason.\nRight.", "right"),
        ("Wrong.", "wrong"),
        ("This is correct.", "right"),
        ("This isn’t correct.", "wrong"),
        ("That is clearly wrong, since soap joins nothing.", "wrong"),
        ("I am not sure.", "uncertain"),
        ("The first step is right, but the answer is wrong.", None),
        ("The right answer is nail.", None),
        ("Nail is the right answer.", None),
        ("Right or wrong, who knows.", None),
        ("It lends novels.", None),
        ("Verdict: r\u0130ght", None),
        ("It is inco\u0131rect.\nr\u0131ght", None),
        ("Verdict: un\u017fure", "uncertain"),  # a long s is an s
        ("", None),
    ],
)
def test_a_verdict_is_read_by_ordered_rules(text: str, verdict: str | None) -> None:
    assert verdict_of(text) == verdict


def test_every_rationale_is_judged_without_telling_the_answer(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        return "Verdict: right" if draw.prompt.request.choice == 1 else "Verdict: wrong"

    teacher = Told(reply)
    step = made("generation", "self_evaluation", kinds=["initial", "counterfactual"])
    record = TeacherRecord("q1", DRAFTS, {})
    asking = context(tmp_path, teacher, made("task", "multiple_choice", folder="unused"))
    (judged,) = step.run([EXAMPLE], [record], asking)
    assert [one.verdict for one in judged.rationales] == ["right", "wrong"]
    assert [replace(one, verdict=None) for one in judged.rationales] == list(DRAFTS)
    last = [prompt.messages[-1].content for prompt in teacher.prompts]
    assert "It lends novels. So the answer is library." in last[0]
    assert "Ovens hold novels. So the answer is oven." in last[1]
    assert judged.trace["self_evaluation/1"] == "Verdict: wrong"
    assert step.needs == {"initial", "counterfactual"}
    assert step.makes == {"initial", "counterfactual", "verdicts"}


def test_the_right_answer_is_not_told_apart(tmp_path: Path) -> None:
    def asked(answer: int | None) -> list[str]:
        teacher = Told("Verdict: right")
        asking = context(tmp_path / str(answer), teacher, made("task", "multiple_choice", folder="unused"))
        example = replace(EXAMPLE, answer=answer)
        list(made("generation", "self_evaluation").run([example], [TeacherRecord("q1", DRAFTS[:1], {})], asking))
        return [message.content for prompt in teacher.prompts for message in prompt.messages]

    assert asked(0) == asked(1) == asked(None)


def test_several_judgements_of_several_rationales_stay_with_their_own(tmp_path: Path) -> None:
    said = {"one": ["right", "right", "wrong"], "two": ["wrong", "uncertain", "wrong"], "three": ["no idea"] * 3}

    def reply(draw: Draw) -> str:
        verdicts = next(verdicts for name, verdicts in said.items() if draw.prompt.request.draft == f"Reason {name}.")
        return f"Verdict: {verdicts[draw.sample]}"

    sampling = {**leaf("generation", "self_evaluation")["sampling"], "samples": 3, "temperature": 0.7}
    step = made("generation", "self_evaluation", sampling=sampling)
    rationales = tuple(Rationale(f"Reason {name}.", "", 1, "factual", "initial") for name in said)
    examples = [EXAMPLE, replace(EXAMPLE, id="q2")]
    records = [TeacherRecord("q1", rationales[:2], {}), TeacherRecord("q2", rationales[2:], {})]
    task = made("task", "multiple_choice", folder="unused")
    asking = context(tmp_path, Told(reply), task, max_failed_share=0.4, attempts=1)
    first, second = step.run(examples, records, asking)
    assert [one.verdict for one in (*first.rationales, *second.rationales)] == ["right", "wrong", None]
    assert list(first.trace) == [f"self_evaluation/{place}" for place in range(6)]
    assert [failure.reason for failure in second.failures] == ["no verdict"] * 3


def test_a_judgement_without_a_verdict_is_a_failure(tmp_path: Path) -> None:
    step, teacher = made("generation", "self_evaluation"), Told("Who knows?")
    asking = context(tmp_path, teacher, made("task", "multiple_choice", folder="unused"), max_failed_share=1.0)
    (judged,) = step.run([EXAMPLE], [TeacherRecord("q1", DRAFTS[:1], {})], asking)
    assert judged.rationales[0].verdict is None
    assert [failure.reason for failure in judged.failures] == ["no verdict"]


def test_most_judgements_decide_and_a_tie_is_uncertain() -> None:
    def of(*texts: str) -> str | None:
        return majority([Completion(f"Verdict: {text}", "stop", 1, 1) for text in texts])

    assert of("right", "wrong", "right") == "right"
    assert of("right", "wrong") == "uncertain"
    assert of("nothing") is None


def test_the_confusion_counts_right_and_wrong_rationales_by_verdict() -> None:
    judged = ["right", "right", "wrong", "uncertain"]
    rows = [
        Row(replace(DRAFTS[n % 2], verdict=verdict), EXAMPLE)  # type: ignore[arg-type]
        for n, verdict in enumerate(judged)
    ]
    assert verdicts([*rows, Row(DRAFTS[0], EXAMPLE)]) == {
        "judged right": {"argue for the right choice": 1, "for a wrong one": 1},
        "judged wrong": {"argue for the right choice": 1, "for a wrong one": 0},
        "judged uncertain": {"argue for the right choice": 0, "for a wrong one": 1},
    }


def test_the_judgements_shown_give_all_three_verdicts() -> None:
    shown = leaf("generation", "self_evaluation")["shown"]
    assert {verdict_of(one["judgement"]) for one in shown} == {"right", "wrong", "uncertain"}


def test_what_was_cut_off_inside_a_sentence_gives_no_verdict() -> None:
    def cut(text: str) -> Completion:
        return Completion(text, "length", 1, 1)

    assert majority([cut("The reason fits. This is correct")]) is None  # only if the choice were another one
    assert majority([cut("This is not correct. The reason")]) == "wrong"
    assert majority([cut("Verdict: right\nIt fits bec"), cut("It is wro")]) == "right"
