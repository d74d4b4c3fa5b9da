"""What every language model must obey, whatever its architecture. Tiny models only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from distillrun.interfaces import LanguageModel, WritingStudent
from distillrun.language_model.decoder_only import DecoderOnly
from distillrun.language_model.encoder_decoder import EncoderDecoder
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.tensors import IGNORE, EncodedBatch
from distillrun.loss.token_loss import token_costs
from distillrun.records import Segment, TargetPair
from distillrun.student.checkpoint import Checkpoint
from distillrun.student.tiny import TinyQwen, TinyT5
from distillrun.student.warm_started import WarmStarted
from tests.tiny_checkpoints import write_bert, write_gpt2, write_lfm2, write_llama, write_mamba, write_t5gemma

KINDS = ["tiny_t5", "tiny_qwen", "llama", "gpt2", "warm_started", "mamba", "lfm2", "t5gemma"]


def pair(source: str, *target: Segment) -> TargetPair:
    return TargetPair((Segment(source),), target, "predict")


PAIRS = [
    pair("[predict] Where do fish live? (a) sea (b) sky (c) desk", Segment("[answer] The answer is sea")),
    pair("[explain] Why?", Segment("Fish breathe water, and there is water in the sea but none in the sky.")),
    pair("[predict] What cuts bread?", Segment("[answer] The answer is ", learn=False), Segment("a knife")),
]
LEARNT = PAIRS[:2]
SOURCES = [pair.source for pair in PAIRS]
CONTINUATIONS: list[list[tuple[Segment, ...]]] = [
    [(Segment("The answer is ", learn=False), Segment("the sea")), (Segment("sky"),)],
    [(Segment("because"),)],
    [(Segment("a"),), (Segment("a knife, which is sharp"),), (Segment("a lamp"),)],
]


def student_of(kind: str, folder: Path) -> WritingStudent:
    if kind == "tiny_t5":
        return TinyT5(1, 32, 2, 32, 0.0, 60, 60)
    if kind == "tiny_qwen":
        return TinyQwen(2, 32, 2, 32, 0.02, 0.0, 60, 60, separator="\n")
    if kind == "warm_started":
        return WarmStarted(write_bert(folder), "main", 60, 60, gradient_checkpointing=False)
    write = {
        "llama": write_llama,
        "gpt2": write_gpt2,
        "mamba": write_mamba,
        "lfm2": write_lfm2,
        "t5gemma": write_t5gemma,
    }
    return Checkpoint(write[kind](folder), "main", 60, 60, "\n", lora=None, gradient_checkpointing=False)


@pytest.fixture(scope="module", params=KINDS)
def student(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> WritingStudent:
    return student_of(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def model(student: WritingStudent) -> TransformerModel:
    model = student.build(seed=0)
    assert isinstance(model, LanguageModel)
    assert isinstance(model, TransformerModel)
    # fresh weights give nearly the same logits everywhere, which would hide a wrong position
    train(model, PAIRS)
    model.module.eval()
    return model


@pytest.fixture(scope="module", autouse=True)
def _plain_torch() -> Iterator[None]:
    """No gradients unless asked for; one thread, since two that share a busy core make a tiny model 50 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(threads)


def train(model: LanguageModel, pairs: list[TargetPair]) -> None:
    """Take steps enough to write the targets of a few pairs by heart."""
    model.module.train()
    batch = model.encode(pairs, list(range(len(pairs))))
    optimizer = torch.optim.AdamW(model.module.parameters(), lr=1e-2)
    with torch.enable_grad():
        for _ in range(80):
            optimizer.zero_grad()
            learnt_nll(model, batch).mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def learnt_nll(model: LanguageModel, batch: EncodedBatch) -> Tensor:
    """Return the negative log-likelihood [N, T] of a batch, 0 where nothing is learnt."""
    return token_costs(model.forward(batch).logits, batch.labels)


def test_the_loss_is_the_module_s_own(model: TransformerModel) -> None:
    batch = model.encode(LEARNT, [0, 1])
    ours = learnt_nll(model, batch).sum() / (batch.labels != IGNORE).sum()

    module: Any = model.module
    if isinstance(model.architecture, EncoderDecoder):
        source = {name: batch.inputs[name] for name in ("input_ids", "attention_mask")}
        theirs = module(**source, labels=batch.labels).loss
    else:
        losses, tokens = [], 0
        for one in LEARNT:  # without padding, in one row: source unlearnt, target learnt
            source_ids, target = model.text.source(one.source), model.text.target(one.target)
            ids = torch.tensor([[*source_ids, *target.ids]])
            labels = torch.tensor([[IGNORE] * len(source_ids) + target.labels])
            losses.append(module(input_ids=ids, labels=labels).loss * len(target.ids))
            tokens += len(target.ids)
        theirs = torch.stack(losses).sum() / tokens
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_a_row_alone_is_the_row_in_a_batch(model: TransformerModel) -> None:
    together = model.forward(model.encode(PAIRS, [0, 1, 2])).logits.dense()
    for row, one in enumerate(PAIRS):
        alone = model.forward(model.encode([one], [row])).logits.dense()[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=1e-5, rtol=1e-5)


def test_padding_is_not_learnt(model: TransformerModel) -> None:
    batch = model.encode(PAIRS, [0, 1, 2])
    for labels, (_, target_tokens, _) in zip(batch.labels, model.lengths(PAIRS), strict=True):
        assert (labels[target_tokens:] == IGNORE).all()
        assert labels[target_tokens - 1] == model.text.eos


def test_garbage_where_the_mask_is_0_changes_no_bit(model: TransformerModel) -> None:
    batch = model.encode(PAIRS, [0, 1, 2])
    inputs = dict(batch.inputs)
    generator = torch.Generator().manual_seed(0)
    for prefix in ("", "decoder_"):
        if f"{prefix}input_ids" in inputs:
            ids, kept = inputs[f"{prefix}input_ids"], inputs[f"{prefix}attention_mask"].bool()
            assert not kept.all()
            garbage = torch.randint(5, len(model.text.tokenizer), ids.shape, generator=generator)
            inputs[f"{prefix}input_ids"] = torch.where(kept, ids, garbage)
    spoilt = EncodedBatch(inputs, batch.labels, batch.views, batch.rows, batch.ends, 0, 0)

    learnt = batch.labels != IGNORE
    assert torch.equal(model.forward(spoilt).logits.dense()[learnt], model.forward(batch).logits.dense()[learnt])


def test_unlearnt_target_text_is_read(model: TransformerModel) -> None:
    """Only the prefix differs, which is not learnt; the nll of the learnt rest must feel it."""
    prefixes = ["The answer is", "It is not"]
    found = []
    for prefix in prefixes:
        batch = model.encode([pair("What cuts?", Segment(prefix, learn=False), Segment(" a knife"))], [0])
        found.append(learnt_nll(model, batch)[batch.labels != IGNORE])

    assert len(found[0]) == len(found[1])
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_the_batch_says_what_it_holds(model: TransformerModel) -> None:
    batch = model.encode(PAIRS, [4, 4, 7])
    lengths = model.lengths(PAIRS)

    assert batch.rows == (4, 4, 7)
    assert batch.views == ("predict",) * 3
    assert (batch.labels != IGNORE).sum(dim=1).tolist() == [learnt for _, _, learnt in lengths]
    assert batch.real_tokens == sum(source + target for source, target, _ in lengths)
    assert batch.padded_tokens == 3 * (max(row[0] for row in lengths) + max(row[1] for row in lengths))
    assert model.forward(batch).logits.dense().shape[:2] == batch.labels.shape


def test_the_same_tokenizer_gives_the_same_labels_in_both_architectures() -> None:
    encoder_decoder = student_of("tiny_t5", Path()).build(0).encode(PAIRS, [0, 1, 2])
    decoder_only = student_of("tiny_qwen", Path()).build(0).encode(PAIRS, [0, 1, 2])

    assert torch.equal(encoder_decoder.labels, decoder_only.labels)


def test_text_of_a_batch_is_text_of_each_source_alone(model: TransformerModel) -> None:
    together = model.generate(SOURCES, max_new_tokens=12, tokens_per_batch=10_000)

    assert together == [model.generate([source], 12, 10_000)[0] for source in SOURCES]
    assert together == model.generate(SOURCES, 12, tokens_per_batch=1)
    assert len(set(together)) > 1


def test_a_score_is_the_sum_of_the_plain_forward_without_eos(model: TransformerModel) -> None:
    scores = model.score(SOURCES, CONTINUATIONS, tokens_per_batch=10_000)

    assert [len(own) for own in scores] == [2, 1, 3]
    for source, own, found in zip(SOURCES, CONTINUATIONS, scores, strict=True):
        for continuation, score in zip(own, found, strict=True):
            batch = model.encode([TargetPair(source, continuation, "predict")], [0])
            log_probs = -learnt_nll(model, batch)[0, :-1]
            assert score.log_prob == pytest.approx(log_probs.sum().item(), abs=1e-4, rel=1e-5)
            assert score.tokens == (batch.labels != IGNORE).sum().item() - 1


def test_a_score_does_not_depend_on_the_batch(model: TransformerModel) -> None:
    together = model.score([*SOURCES, SOURCES[0]], [*CONTINUATIONS, []], tokens_per_batch=10_000)
    alone = model.score([*SOURCES, SOURCES[0]], [*CONTINUATIONS, []], tokens_per_batch=1)

    assert together[3] == alone[3] == ()
    for left, right in zip(together[:3], alone[:3], strict=True):
        assert [score.log_prob for score in left] == pytest.approx([score.log_prob for score in right], rel=1e-5)


def test_each_source_is_computed_once(model: TransformerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    embeddings: Any = model.module.get_input_embeddings()  # type: ignore[operator]
    handle = embeddings.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].numel()))
    model.score([SOURCES[0]], [[(Segment("a"),)] * 5], tokens_per_batch=10_000)
    handle.remove()

    source_tokens = len(model.text.source(SOURCES[0]))
    continuation_tokens = len(model.text.target((Segment("a"),)).ids)
    recurrent = isinstance(model.architecture, DecoderOnly) and not model.architecture.caching.continues
    assert sum(seen) <= (5 if recurrent else 1) * source_tokens + 5 * continuation_tokens


def test_reading_leaves_the_module_as_it_was(model: TransformerModel) -> None:
    model.module.train()
    model.generate(SOURCES[:1], 2, 100)
    model.score(SOURCES[:1], CONTINUATIONS[:1], 100)

    assert model.module.training
    model.module.eval()


def test_a_saved_student_is_the_same_student(model: TransformerModel, student: WritingStudent, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = student.load(tmp_path)
    loaded.module.eval()
    batch = model.encode(PAIRS, [0, 1, 2])
    again = loaded.encode(PAIRS, [0, 1, 2])

    assert {file.suffix for file in tmp_path.iterdir()} <= {".json", ".safetensors"}
    assert loaded.vocabulary == model.vocabulary
    assert torch.equal(again.labels, batch.labels)
    assert torch.equal(loaded.forward(again).logits.dense(), model.forward(batch).logits.dense())
    assert loaded.generate(SOURCES, 12, 10_000) == model.generate(SOURCES, 12, 10_000)


def test_transformers_alone_loads_the_folder_and_writes_the_same(model: TransformerModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    is_encoder_decoder = isinstance(model.architecture, EncoderDecoder)
    kind: Any = AutoModelForSeq2SeqLM if is_encoder_decoder else AutoModelForCausalLM
    module, tokenizer = kind.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    text = SOURCES[0][0].text + ("" if is_encoder_decoder else "\n")

    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    written = module.generate(**inputs, max_new_tokens=12)[0]
    if not is_encoder_decoder:
        written = written[inputs["input_ids"].shape[1] :]
    assert tokenizer.decode(written, skip_special_tokens=True) == model.generate(SOURCES[:1], 12, 10_000)[0]


@pytest.mark.parametrize("kind", ["tiny_t5", "tiny_qwen"])
def test_a_trained_student_writes_its_targets_and_stops_at_each_end(
    kind: str, tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    sources = ["[predict] fish?", "[predict] bread?", "[explain] fish? Say why."]
    targets = ["sea", "a knife, of course", "It breathes water."]
    pairs = [pair(source, Segment(target)) for source, target in zip(sources, targets, strict=True)]
    model = student_of(kind, tmp_path).build(0)
    train(model, pairs)

    assert model.generate([pair.source for pair in pairs], 24, 10_000) == targets
    assert "generation flags" not in capfd.readouterr().err
    assert not [warning for warning in recwarn if "generat" in str(warning.message)]


def test_a_missing_pad_token_does_not_hide_eos_from_the_labels(tmp_path: Path) -> None:
    model = student_of("llama", tmp_path).build(0)
    assert isinstance(model, TransformerModel)

    assert model.text.tokenizer.pad_token_id == model.text.tokenizer.eos_token_id
    assert (model.encode(PAIRS, [0, 1, 2]).labels == model.text.eos).sum(dim=1).tolist() == [1, 1, 1]
