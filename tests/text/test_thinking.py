"""Thinking is told apart from what is said, wherever a teacher puts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.records import Completion
from distillrun.text.thinking import (
    ENDED_THINKING,
    ONLY_THOUGHT,
    STILL_THINKING,
    first_stop,
    has_tags,
    is_open,
    masked,
    opens_thinking,
    said_in,
    spoken,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>\nHm.\n\nSo?\n</think>\n\nA library lends books.", "A library lends books."),
        ("<think></think>A library.", "A library."),
        ("<think>\n\n</think>\n\nA library.", "A library."),
        ("Hm, a shop sells.\n\nSo no.\n</think>\n\nA library.", "A library."),
        ("A library <think>or a shop?</think>lends books.", "A library lends books."),
        ("<think>a</think>One. <think>b</think>Two.", "One. Two."),
        ("<think>it writes <think> here</think>A library.", "A library."),
        ("<THINK>Hm.</Think> A library.", "A library."),
        ("[THINK]Hm.[/THINK]A library.", "A library."),
        ("◁think▷Hm.◁/think▷A library.", "A library."),
        ("<seed:think>Hm.</seed:think>A library.", "A library."),
        ("<thought>Hm.\n\nSo?</thought>A library.", "A library."),
        ("<|START_THINKING|>Hm.<|END_THINKING|>A library.", "A library."),
        ("<|begin_of_thought|>\n\nHm.\n\n<|end_of_thought|>\n\nA library.", "A library."),
        (
            "<|channel|>analysis<|message|>Hm.\n\nSo?<|end|><|start|>assistant<|channel|>final<|message|>A library.",
            "A library.",
        ),
        ("<|channel|>final<|message|>A library.", "A library."),
        ("<|channel|>analysis<|message|>Hm.", ""),
        ("A library <thinks> lends.", "A library <thinks> lends."),
        (" A library.\n", " A library.\n"),
        ("<think>Hm.</think>", ""),
        ("<think>Hm.", ""),
        ("A library. <think>Or", "A library."),
    ],
)
def test_what_is_said_is_what_is_no_thinking(text: str, said: str) -> None:
    assert said_in(text) == said


def test_a_second_closing_tag_ends_what_came_before_it() -> None:
    assert said_in("a</think>b</think>c") == "c"


@pytest.mark.parametrize(
    ("text", "finish", "reason"),
    [
        ("<think>Hm", "length", STILL_THINKING),
        ("<think>Hm", "stop", ENDED_THINKING),
        ("<think>", "stop", ENDED_THINKING),
        ("<think>Hm.</think> \n", "stop", ONLY_THOUGHT),
        ("<think>Hm.</think> Yes", "length", ""),
        ("Yes", "stop", ""),
    ],
)
def test_a_completion_without_anything_said_has_a_reason(text: str, finish: str, reason: str) -> None:
    made = spoken(Completion(text, finish, 1, 1, log_prob=-1.0))  # type: ignore[arg-type]
    assert made.reason == reason
    assert (made.text == "") == bool(reason)
    assert (made.log_prob is None) == has_tags(text)


def test_a_reason_that_is_there_stays() -> None:
    assert spoken(Completion("<think>", "failed", 1, 1, reason="lost")).reason == "lost"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>a\n\nb</think>\n\nYes.\n\nNo.", "<think>a\n\nb</think>\n\nYes."),
        ("a\n\nb</think>\n\nYes.\n\nNo.", "a\n\nb</think>\n\nYes."),
        ("Yes.\n\n<think>a", "Yes."),
        ("<think>a\n\nb", None),
        ("\n\nYes.", ""),
    ],
)
def test_stop_texts_act_on_what_is_said_alone(text: str, kept: str | None) -> None:
    found = first_stop(text, ("\n\n",))
    assert (None if found is None else text[: found[0]]) == kept


@pytest.mark.parametrize(
    ("prompt", "opens"),
    [("<|assistant|><think>\n", True), ("…<think>", True), ("<think>\n\n</think>\n\n", False), ("Why?", False)],
)
def test_a_prompt_that_ends_in_an_opening_tag_begins_the_thinking(prompt: str, opens: bool) -> None:
    assert opens_thinking(prompt) is opens


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "[THINK]", "a", " ", "\n\n", "é", "<", "think>"]), max_size=12
)


@given(PIECES)
def test_a_mask_keeps_every_place_and_no_tag_survives(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert len(masked(text)) == len(text)
    assert not has_tags(masked(text))
    assert all(own in (other, "\0") for own, other in zip(masked(text), text, strict=True))
    if is_open(text):
        assert masked(text).endswith("\0")
    assert said_in(said_in(text)) == said_in(text)
