"""Templates: fields in, fields out, and nothing else reachable."""

import pytest

from distillrun.errors import ConfigError
from distillrun.text.template import Template


def test_what_is_rendered_is_read_back() -> None:
    template = Template("[answer] The answer is {answer}. {rationale}", {"answer", "rationale"}, "objective.target")
    values = {"answer": "st. john's bay", "rationale": "Bays are wide. It is big."}
    assert template.read(template.render({**values, "answer": "bay"})) == {**values, "answer": "bay"}
    assert template.read("  [ANSWER] the  answer is bay.   It is big. ") == {"answer": "bay", "rationale": "It is big."}
    assert template.read("nothing of the kind") is None


def test_the_last_cue_ends_a_rationale() -> None:
    template = Template("{rationale} So the answer is {answer}.", {"answer", "rationale"}, "objective.target")
    text = "One may think so. So the answer is oven. But no. So the answer is library."
    assert template.read(text) == {
        "rationale": "One may think so. So the answer is oven. But no.",
        "answer": "library",
    }


def test_only_a_rationale_may_be_cut_and_what_precedes_the_answer_is_context() -> None:
    template = Template("[x] {rationale} So the answer is {answer}.", {"answer", "rationale"}, "objective.target")
    values = {"rationale": "Because.", "answer": "oven"}
    assert [(s.text, s.learn, s.cut) for s in template.segments(values)] == [
        ("[x] ", True, False),
        ("Because.", True, True),
        (" So the answer is ", True, False),
        ("oven", True, False),
        (".", True, False),
    ]
    assert [(s.text, s.learn) for s in template.answering(values)] == [
        ("[x] ", False),
        ("Because.", False),
        (" So the answer is ", True),
        ("oven", True),
        (".", True),
    ]


def test_a_rationale_after_the_answer_is_left_out_of_the_answer() -> None:
    template = Template("The answer is {answer}. {rationale}", {"answer", "rationale"}, "objective.target")
    answering = template.answering({"rationale": "Because.", "answer": "oven"})
    assert "".join(segment.text for segment in answering) == "The answer is oven"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{anwser}", r"objective\.target='\{anwser\}' names an unknown field \{anwser\} \(did you mean 'answer'\?\)"),
        ("{answer.__class__}", "unknown field"),
        ("{answer[0]}", "unknown field"),
        ("{answer!r}", "unknown field"),
        ("{answer:>10}", "unknown field"),
        ("{}", "unknown field"),
        ("{answer", "is not a valid template"),
        ("{answer} {answer}", "names a field twice"),
    ],
)
def test_a_bad_template_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Template(text, {"answer"}, "objective.target")


def test_a_doubled_brace_is_a_brace() -> None:
    assert Template("{{x}} {answer}", {"answer"}, "k").render({"answer": "y"}) == "{x} y"
