"""The order of training is a pure function of seed and step."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from distillrun.records import place
from distillrun.training.order import derive, examples_of_step, shuffle_choices
from tests.leaves import EXAMPLE, RECORD


@given(count=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 5), epochs=st.integers(1, 3))
def test_every_epoch_holds_every_example_once(count: int, size: int, seed: int, epochs: int) -> None:
    steps = -(-count * epochs // size)
    seen = [place for step in range(steps) for place in examples_of_step(count, seed, size, step)]
    for epoch in range(epochs):
        assert sorted(index for of, index in seen if of == epoch) == list(range(count))


def test_a_step_does_not_depend_on_the_steps_before_it() -> None:
    alone = examples_of_step(100, 3, 16, 17)
    for step in range(40):
        examples_of_step(100, 3, 16, step)
    assert examples_of_step(100, 3, 16, 17) == alone
    assert examples_of_step(100, 4, 16, 17) != alone


def test_shuffled_choices_keep_their_answer_and_their_rationales() -> None:
    orders = set()
    for epoch in range(50):
        example, record = shuffle_choices(EXAMPLE, RECORD, seed=0, epoch=epoch)
        assert record is not None
        assert example.answer is not None
        assert example.choices[place(example.answer)] == "library"
        for rationale, before in zip(record.rationales, RECORD.rationales, strict=True):
            assert example.choices[place(rationale.supports)] == EXAMPLE.choices[place(before.supports)]
        orders.add(example.choices)
    assert len(orders) > 30
    assert shuffle_choices(EXAMPLE, None, 0, 1) == (shuffle_choices(EXAMPLE, RECORD, 0, 1)[0], None)


def test_no_index_of_a_record_is_left_behind_when_choices_are_shuffled() -> None:
    """What a record says by an index, it says of the same text afterwards, or no more."""
    told = replace(RECORD, answer=3, agreement=0.5, choice_log_probs=(-5.0, -4.0, -3.0, -2.0, -1.0))
    for epoch in range(20):
        example, record = shuffle_choices(EXAMPLE, told, seed=0, epoch=epoch)
        assert record is not None
        assert (record.answer, record.agreement) == (None, None)
        assert record.choice_log_probs is not None
        assert dict(zip(example.choices, record.choice_log_probs, strict=True)) == dict(
            zip(EXAMPLE.choices, (-5.0, -4.0, -3.0, -2.0, -1.0), strict=True)
        )
        assert replace(record, rationales=(), choice_log_probs=None) == replace(
            RECORD, rationales=(), answer=None, agreement=None, choice_log_probs=None
        )


def test_choices_that_are_spoken_of_by_letter_keep_their_order() -> None:
    for text in ("So (b) it is.", "Option B lends.", "The choices a and c fail."):
        named = replace(RECORD, rationales=(replace(RECORD.rationales[0], text=text),))
        assert [shuffle_choices(EXAMPLE, named, 0, epoch)[0] for epoch in range(20)] == [EXAMPLE] * 20
    free = replace(RECORD, rationales=(replace(RECORD.rationales[0], text="A library (of books) lends."),))
    assert any(shuffle_choices(EXAMPLE, free, 0, epoch)[0] != EXAMPLE for epoch in range(20))


def test_the_place_of_the_answer_is_uniform_after_shuffling() -> None:
    places = Counter(shuffle_choices(EXAMPLE, None, 0, epoch)[0].answer for epoch in range(5000))
    assert len(places) == 5
    chi_square = sum((count - 1000) ** 2 / 1000 for count in places.values())
    assert chi_square < 18.47  # 0.1 % point of chi square with 4 degrees of freedom


def test_derived_seeds_differ_by_every_part() -> None:
    seeds = {derive(seed, name, step) for seed in range(5) for name in ("dropout", "objective") for step in range(100)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive(0, "dropout", 12) != derive(0, "dropout1", 2)
