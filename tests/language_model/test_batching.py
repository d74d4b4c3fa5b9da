"""Grouping rows by length: pure functions."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.language_model.batching import micro_batches, padded_size

lengths = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), max_size=60)


@given(lengths, st.integers(1, 5000))
def test_every_row_is_in_exactly_one_group_and_groups_fit(rows: list[tuple[int, int]], tokens_per_batch: int) -> None:
    groups = micro_batches(rows, tokens_per_batch)

    assert sorted(row for group in groups for row in group) == list(range(len(rows)))
    for group in groups:
        assert len(group) == 1 or padded_size([rows[row] for row in group]) <= tokens_per_batch


@given(lengths)
def test_grouping_is_never_worse_than_one_forward_for_each_row(rows: list[tuple[int, int]]) -> None:
    groups = micro_batches(rows, tokens_per_batch=10_000, tokens_per_forward=50)

    cost = sum(padded_size([rows[row] for row in group]) + 50 for group in groups)
    assert cost <= sum(source + target + 50 for source, target in rows)


def test_rows_of_one_length_share_a_group_up_to_the_budget() -> None:
    assert sorted(map(len, micro_batches([(6, 4)] * 5, tokens_per_batch=20))) == [1, 2, 2]


def test_a_row_beyond_the_budget_stands_alone() -> None:
    assert sorted(micro_batches([5, 900, 5], tokens_per_batch=100)) == [[0, 2], [1]]


def test_a_single_number_is_a_length_without_target() -> None:
    assert micro_batches([7, 3, 7], 100) == micro_batches([(7, 0), (3, 0), (7, 0)], 100)


def test_the_largest_group_comes_first() -> None:
    rows = [(source, 1) for source in (200, 5, 5, 5, 100)]
    sizes = [padded_size([rows[row] for row in group]) for group in micro_batches(rows, 10_000)]

    assert len(sizes) > 1
    assert sizes == sorted(sizes, reverse=True)


def test_no_rows_give_no_groups() -> None:
    assert micro_batches([], 100) == []


@pytest.mark.parametrize(("examples", "limit"), [(16, 1.2), (64, 1.08)])
def test_four_views_of_unlike_length_pad_little(examples: int, limit: float) -> None:
    rng = random.Random(0)
    real = padded = 0
    for _ in range(10):
        rows = [row for _ in range(examples) for row in _views(rng)]
        groups = micro_batches(rows, tokens_per_batch=16_384)
        real += sum(source + target for source, target in rows)
        padded += sum(padded_size([rows[row] for row in group]) for group in groups)

    assert padded / real < limit


def _views(rng: random.Random) -> list[tuple[int, int]]:
    """Return (source, target) tokens of predict, explain, factual, counterfactual, spread as on CommonsenseQA."""
    question = max(25, round(rng.gauss(47, 11)))
    rationale = max(15, round(rng.gauss(112, 45)))
    wrong = max(10, round(rng.gauss(48, 20)))
    return [
        (question, rng.randint(8, 11)),
        (question, rationale),
        (question, rationale + rng.randint(12, 15)),
        (question + wrong, rng.randint(11, 14)),
    ]


@pytest.mark.realdata
@pytest.mark.parametrize(("examples", "limit"), [(16, 1.2), (64, 1.08)])
def test_padding_on_commonsenseqa_stays_small(shared_data: Path, examples: int, limit: float) -> None:
    rows = _measured(shared_data, examples=640)
    rng = random.Random(0)
    rng.shuffle(rows)
    real = padded = 0
    for begin in range(0, 10 * examples, examples):
        step = [row for views in rows[begin : begin + examples] for row in views]
        real += sum(source + target for source, target in step)
        padded += sum(padded_size([step[row] for row in group]) for group in micro_batches(step, 16_384))

    assert padded / real < limit


def _measured(shared_data: Path, examples: int) -> list[list[tuple[int, int]]]:
    """Return the tokens of the four views of questions with their recorded rationales."""
    from distillrun.language_model.tiny import tiny_tokenizer

    pyarrow: Any = pytest.importorskip("pyarrow")
    tokenizer = tiny_tokenizer()
    shard = shared_data / "llama2-13b-outputs" / "cqa-train" / "shard_0" / "data-00000-of-00001.arrow"
    with (shared_data / "cqa" / "train.jsonl").open(encoding="utf-8") as lines:
        questions = {row["id"]: row for row in map(json.loads, lines)}
    measured = []
    for record in pyarrow.ipc.open_stream(shard).read_all().to_pylist()[:examples]:
        letters = [f"({letter}) {choice}" for letter, choice in zip("abcde", record["choices"], strict=True)]
        texts = [questions[record["id"]]["question"] + " Choices: " + " ".join(letters), record["few_shot_revision"]]
        texts.append(record["counterfactual_prompt_answer_1_rationale"])
        question, rationale, wrong = (len(ids) for ids in tokenizer([text or "" for text in texts])["input_ids"])
        answer = 10
        measured.append(
            [
                (question + 4, answer),
                (question + 4, rationale + 1),
                (question + 4, rationale + answer + 6),
                (question + wrong + 8, answer + 4),
            ]
        )
    return measured
