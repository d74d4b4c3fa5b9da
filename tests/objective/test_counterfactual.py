"""The wrong choice of the counterfactual view: uniform over the wrong ones, by seed, never the right one."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.tensors import Count
from distillrun.objective.counterfactual import draw_counterfactual
from distillrun.records import Example, Rationale, TeacherRecord, place
from tests.leaves import EXAMPLE, RECORD, made


def test_every_wrong_choice_is_drawn_equally_often() -> None:
    drawn = Counter(
        rationale.supports for seed in range(4000) if (rationale := draw_counterfactual(EXAMPLE, RECORD, seed))
    )
    assert set(drawn) == {0, 2, 3, 4}
    chi_square = sum((count - 1000) ** 2 / 1000 for count in drawn.values())
    assert chi_square < 16.27  # 0.1 % point of chi square with 3 degrees of freedom


@given(
    choices=st.lists(st.sampled_from(["bank", "Bank", "river", "shop"]), min_size=2, max_size=6),
    answer=st.integers(0, 5),
    seed=st.integers(),
)
def test_what_reads_like_the_right_choice_is_never_drawn(choices: list[str], answer: int, seed: int) -> None:
    example = Example("q", "?", tuple(choices), answer % len(choices))
    rationales = tuple(Rationale("r", "r", place, "counterfactual", "initial") for place in range(len(choices)))
    drawn = draw_counterfactual(example, TeacherRecord("q", rationales, {}), seed)
    right = choices[answer % len(choices)].casefold()
    if all(choice.casefold() == right for choice in choices):
        assert drawn is None
    else:
        assert drawn is not None
        assert choices[place(drawn.supports)].casefold() != right


def test_the_draw_depends_on_the_seed_alone() -> None:
    draws = [draw_counterfactual(EXAMPLE, RECORD, seed) for seed in range(50)]
    assert draws == [draw_counterfactual(EXAMPLE, RECORD, seed) for seed in range(50)]
    assert len(set(draws)) == 4


@pytest.mark.parametrize(
    ("prefix", "source", "target"),
    [
        ("decoder", "[counterfactual] {q}", "[counterfactual] Answer: {r} So the answer is {c}."),
        ("encoder", "[counterfactual] {q} Rationale: {r}", "[counterfactual] So the answer is {c}."),
    ],
)
def test_the_two_readings_put_the_wrong_rationale_where_they_say(prefix: str, source: str, target: str) -> None:
    task = made("task", "multiple_choice", folder="unused")
    objective = made("objective", "counterfactual", prefix=prefix)
    pair = objective.targets(EXAMPLE, RECORD, task, seed=3)[1]
    drawn = draw_counterfactual(EXAMPLE, RECORD, 3)
    assert drawn is not None
    values = {"q": task.question(EXAMPLE), "r": drawn.text, "c": EXAMPLE.choices[place(drawn.supports)]}
    assert "".join(segment.text for segment in pair.source) == source.format(**values)
    assert "".join(segment.text for segment in pair.target) == target.format(**values)
    learnt = "".join(segment.text for segment in pair.target if segment.learn)
    assert learnt == (f"{values['c']}." if prefix == "decoder" else target.format(**values))


def test_with_the_rationale_in_the_decoder_the_loss_is_scott_s() -> None:
    """Its data_helper.py (wangpf3/consistent-CoT-distillation, 1b294e6) masks as many ids as the text before the answer
    has, stripped; with the tokenizer here it leaves " river" and the end, 769 and 1.
    """
    model: TransformerModel = made("student", "tiny_t5", dropout=0.0).build(seed=0)
    text = "[counterfactual] {rationale} So the answer is {answer}"
    objective = made("objective", "counterfactual", decoder_target=text, factual_weight=0.0)
    task = made("task", "multiple_choice", folder="unused")
    pair = objective.targets(EXAMPLE, RECORD, task, seed=3)[1]
    drawn = draw_counterfactual(EXAMPLE, RECORD, 3)
    assert drawn is not None
    assert EXAMPLE.choices[place(drawn.supports)] == "river"
    tokenizer = model.text.tokenizer
    whole = text.format(rationale=drawn.text, answer="river")
    ids = [*tokenizer(whole, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    masked = len(tokenizer(whole.removesuffix("river").strip(), add_special_tokens=False)["input_ids"])
    assert ids[masked:] == [769, 1]
    source = torch.tensor([model.text.source(pair.source)])
    labels = torch.tensor([[-100] * masked + ids[masked:]])
    entered = torch.tensor([[tokenizer.pad_token_id, *ids[:-1]]])
    with torch.no_grad():
        expected = model.module(input_ids=source, decoder_input_ids=entered, labels=labels).loss
        outputs = model.forward(model.encode([pair], [0]))
        found = objective.loss(outputs, {"counterfactual": Count(2, 1)}).total
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


def test_an_example_without_wrong_rationales_has_the_factual_view_alone() -> None:
    task = made("task", "multiple_choice", folder="unused")
    factual_only = replace(RECORD, rationales=RECORD.rationales[:2])
    pairs = made("objective", "counterfactual").targets(EXAMPLE, factual_only, task, seed=0)
    assert [pair.view for pair in pairs] == ["factual"]
