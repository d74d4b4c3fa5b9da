"""Batches that share a prefix, and rows that leave them: every text is what it would be alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from distillrun.language_model.decoding import packed
from distillrun.language_model.shared_prefix import common_prefix, prefix_batches
from distillrun.language_model.stopping import Stops, completing_tokens
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.language_model.token_selection import contrasted_tokens, drawn_tokens, uniform_numbers
from tests.tiny_checkpoints import write_spiece_t5


def test_contrast_prefers_what_only_the_right_answer_makes_likely() -> None:
    gold = torch.tensor([[0.5, 0.3, 0.2]]).log()
    other = torch.tensor([[0.6, 0.1, 0.3]]).log()
    scores = gold - 0.5 * other
    assert scores[0].tolist() == pytest.approx([-0.43773, -0.05268, -1.00745], abs=1e-5)

    def chosen(weight: float, floor: float, against: torch.Tensor = other) -> int:
        return int(contrasted_tokens(gold, against, torch.tensor([weight]), torch.tensor([floor])))

    assert chosen(0.5, 0.1) == 1
    assert chosen(0.0, 0.1) == 0
    assert chosen(0.5, 1.0) == 0
    assert chosen(0.9, 0.0, gold) == 0


def test_a_token_that_is_unlikely_under_both_never_wins() -> None:
    gold = torch.tensor([[0.999999, 1e-9, 1e-6]]).log()
    other = torch.tensor([[0.9, 1e-30, 0.1]]).log()
    assert int(contrasted_tokens(gold, other, torch.tensor([0.5]), torch.tensor([0.1]))) == 0
    assert int(contrasted_tokens(gold, other, torch.tensor([0.5]), torch.tensor([0.0]))) == 1


def test_a_token_that_the_other_prompt_rules_out_is_no_number_less() -> None:
    gold, other = torch.tensor([[0.6, 0.4]]).log(), torch.tensor([[0.0, 1.0]]).log()
    assert int(contrasted_tokens(gold, other, torch.tensor([0.0]), torch.tensor([0.1]))) == 0
    assert int(contrasted_tokens(gold.flip(-1), other, torch.tensor([0.0]), torch.tensor([0.1]))) == 1
    assert int(contrasted_tokens(gold.flip(-1), other, torch.tensor([0.5]), torch.tensor([0.1]))) == 0


def test_draws_follow_the_tempered_distribution_and_its_nucleus() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().repeat(20000, 1)
    uniform = torch.linspace(0, 1, 20001)[:-1]

    def shares(temperature: float, top_p: float) -> list[float]:
        counts = torch.bincount(drawn_tokens(logits, uniform, temperature, top_p), minlength=4)
        return [round(share, 3) for share in (counts / counts.sum()).tolist()]

    assert shares(1.0, 1.0) == [0.5, 0.3, 0.15, 0.05]
    assert shares(1.0, 0.8) == [0.625, 0.375, 0.0, 0.0]
    assert shares(1.0, 0.81) == pytest.approx([0.526, 0.316, 0.158, 0.0], abs=1e-3)
    assert shares(0.5, 1.0) == pytest.approx([0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365], abs=1e-3)
    assert shares(1.0, 0.1) == [1.0, 0.0, 0.0, 0.0]


def test_random_numbers_are_a_seeds_own() -> None:
    together, alone = uniform_numbers([7, 8], 5), uniform_numbers([8], 5)
    assert torch.equal(together[1], alone[0])
    assert not torch.equal(together[0], together[1])


@given(st.sets(st.integers(0, 40), min_size=1))
def test_packing_keeps_every_row_once_and_overwrites_none_too_early(going: set[int]) -> None:
    order = packed(sorted(going))
    assert sorted(order) == sorted(going)
    moved = [(new, old) for new, old in enumerate(order) if new != old]
    assert not {old for _, old in moved} & {new for new, _ in moved}


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=6))
def test_the_common_prefix_leaves_a_token_of_every_row(rows: list[list[int]]) -> None:
    sources = [tuple(row) for row in rows]
    length = common_prefix(sources)
    assert length < min(map(len, sources))
    assert len({source[:length] for source in sources}) == 1
    longer = {source[: length + 1] for source in sources}
    assert len(longer) > 1 or length + 1 == min(map(len, sources))


def test_rows_of_one_prefix_share_batches_within_the_budget() -> None:
    sources = [(1,) * 20 + (9,) * n for n in range(1, 7)] + [(2,) * 30 + (8, n) for n in range(3)] + [(3, 3)]
    groups = ["a"] * 6 + ["b"] * 3 + ["c"]
    batches = prefix_batches(sources, groups, [4] * 10, tokens_per_batch=72, steps=3)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(10))
    for batch in batches:
        longest = max(len(sources[row]) for row in batch.rows)
        assert len(batch.rows) == 1 or len(batch.rows) * (longest + 4) <= 72
        assert len({groups[row] for row in batch.rows}) == 1
        assert batch.prefix == {"a": 20, "b": 31, "c": 0}[groups[batch.rows[0]]]
    sizes = [len(batch.rows) * (max(len(sources[row]) for row in batch.rows) + 4) for batch in batches]
    assert sizes[0] == max(sizes)


def test_a_prefix_of_few_rows_is_not_worth_a_batch_of_its_own() -> None:
    sources = [(7,) * 20 + (group, *([group] * 40), row) for group in range(30) for row in range(2)]
    groups = [row // 2 for row in range(60)]
    (batch,) = prefix_batches(sources, groups, [50] * 60, tokens_per_batch=10**6, steps=50)
    assert batch.prefix == 20
    many = prefix_batches(sources, groups, [3] * 60, tokens_per_batch=10**6, steps=3)
    assert [(len(batch.rows), batch.prefix) for batch in many] == [(2, 61)] * 30


def ends(text: str, stops: Sequence[str], most: int = 200, tokenizer: Any = None) -> Any:
    """Write a text token by token and return where it ends."""
    tokenizer = tokenizer or tiny_tokenizer()
    watch, written = Stops(tokenizer, frozenset({tokenizer.eos_token_id}), tuple(stops)), []
    for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
        written.append(token)
        if (found := watch.finished(written, most)) is not None:
            return found
    return None


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("A beaver builds.\n\nQuestion: what", ("\n\n",), "A beaver builds."),
        ("A beaver builds. Question: what", ("\n\n", "Question:"), "A beaver builds. "),
        ("one two three", ("wo th",), "one t"),
        ("naïve café – 雪が降る。more", ("。",), "naïve café – 雪が降る"),
        ("雪が降る", ("が",), "雪"),
        ("stop at the first. And the second!", ("!", "."), "stop at the first"),
    ],
)
def test_a_text_ends_before_the_first_stop_text_however_it_is_tokenised(
    text: str, stops: tuple[str, ...], expected: str
) -> None:
    found = ends(text, stops)
    assert (found.text, found.finish_reason, found.discarded_tokens) == (expected, "stop", 0)
    whole = tiny_tokenizer()(text, add_special_tokens=False)["input_ids"]
    shorter = tiny_tokenizer().decode(whole[: found.tokens - 1])
    assert not any(stop in shorter for stop in stops)  # no token was written after the stop text was complete


def byte_tokenizer() -> Any:
    """Return a tokenizer as Llama's first one: words begin with a mark, and what is no letter is spelt in bytes."""
    words = ["\u2581", *"abcdefghijklmnopqrstuvwxyz."]
    vocabulary = {token: n for n, token in enumerate(["</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words])}
    backend = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    kind: Any = PreTrainedTokenizerFast
    return kind(tokenizer_object=backend, eos_token="</s>")


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("it ends.\n\nnow", ("\n\n",), "it ends."),
        ("a caf\u00e9 in town", ("\u00e9",), "a caf"),
        ("a caf\u00e9 in town", (" in",), "a caf\u00e9"),
        ("one two three", ("o th",), "one tw"),
        ("\u96ea falls. more", (".",), "\u96ea falls"),
    ],
)
def test_bytes_and_word_marks_hide_no_stop_text(text: str, stops: tuple[str, ...], expected: str) -> None:
    found = ends(text, stops, tokenizer=byte_tokenizer())
    assert (found.text, found.finish_reason, found.discarded_tokens) == (expected, "stop", 0)


@pytest.mark.parametrize(
    ("stop", "expected"), [(" is", "The answer"), ("e s", "The answer is th"), ("sea", "The answer is the ")]
)
def test_a_sentencepiece_tokenizer_hides_no_stop_text(stop: str, expected: str, tmp_path: Path) -> None:
    write_spiece_t5(tmp_path)
    found = ends("The answer is the sea.", (stop,), tokenizer=AutoTokenizer.from_pretrained(tmp_path))
    assert (found.text, found.finish_reason, found.discarded_tokens) == (expected, "stop", 0)


def test_a_text_without_an_end_goes_on_until_enough_is_written() -> None:
    assert ends("one two three", ("four",)) is None
    found = ends("one two three", ("four",), most=2)
    assert (found.finish_reason, found.tokens) == ("length", 2)


def test_an_end_token_is_no_text() -> None:
    tokenizer = tiny_tokenizer()
    watch = Stops(tokenizer, frozenset({tokenizer.eos_token_id}), ())
    found = watch.finished([*tokenizer("done", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id], 99)
    assert found is not None
    assert (found.text, found.finish_reason) == ("done", "stop")


def test_only_tokens_with_the_last_character_can_complete_a_stop_text() -> None:
    tokenizer = tiny_tokenizer()
    found = completing_tokens(tokenizer, ("ab.",))
    dotted = {token for token in range(len(tokenizer)) if "." in tokenizer.decode([token])}
    assert found == dotted
    assert 0 < len(found) < len(tokenizer) / 4
