"""The local teacher: batches, prefixes and stops change no text, and what cannot be served is said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distillrun.interfaces import WhiteBoxTeacher
from distillrun.journal.rows import score_key
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.records import Contrast, Draw, Message, Prompt, Sampling
from tests.asking import Unlimited
from tests.chat_models import write_chat
from tests.leaves import made
from tests.local_asking import DEMO, GREEDY, asked, assert_alike, prompt, prompts, teacher
from tests.tiny_checkpoints import write_bert, write_gpt2, write_llama


def write_t5(folder: Path) -> str:
    torch.manual_seed(0)
    made("student", "tiny_t5").build(0).save(folder)
    return str(folder)


def write_qwen(folder: Path) -> str:
    made("student", "tiny_qwen").build(0).save(folder)
    return str(folder)


WRITERS = {"llama": write_llama, "gpt2": write_gpt2, "t5": write_t5, "qwen": write_qwen}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(3)
    return {name: str(write(root / name)) for name, write in WRITERS.items()}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_batch_gives_what_each_row_gives_alone(name: str, temperature: float, checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints[name])
    sampling = Sampling(12, temperature, 0.95, 1, ())
    free = asked(local, prompts(7), sampling)
    sampling = replace(sampling, stop=(free[2].text[4:6] or "e", free[5].text[8:10] or "t"))
    together = asked(local, prompts(7), sampling)
    assert not free[2].text or "stop" in {one.finish_reason for one in together}
    assert_alike(together, [asked(local, [one], sampling)[0] for one in prompts(7)])
    assert_alike(together, asked(local, prompts(7)[::-1], sampling)[::-1])
    assert_alike(together, asked(teacher(checkpoints[name], tokens_per_batch=200), prompts(7), sampling))
    assert sum(made.discarded_tokens for made in together) == 0


@pytest.mark.parametrize("name", WRITERS)
def test_greedy_texts_are_those_of_transformers(name: str, checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints[name])
    module: Any = local._loaded()._module
    for one, answer in zip(prompts(4), asked(local, prompts(4)), strict=True):
        ids = torch.tensor([local._prompts.ids(one.messages)])
        written = module.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        begin = 1 if name == "t5" else ids.shape[1]
        assert answer.text == local._prompts.tokenizer.decode(written[0, begin:], skip_special_tokens=True)
        with torch.no_grad():
            read = {"input_ids": ids, "decoder_input_ids": written} if name == "t5" else {"input_ids": written}
            log_probs = module(**read).logits[0, begin - 1 : -1].log_softmax(-1)
        expected = log_probs.gather(-1, written[0, begin:, None]).sum().item()
        assert answer.log_prob == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_the_shared_prefix_is_computed_once(name: str, checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints[name])
    which = [prompt(DEMO, f"Number {n}?") for n in range(4)]
    sources = [local._prompts.ids(one.messages) for one in which]
    widths = {len(source) for source in sources}
    assert len(widths) == 1
    shared = next(n for n, column in enumerate(zip(*sources, strict=True)) if len(set(column)) > 1)
    sampling = replace(GREEDY, max_new_tokens=3)
    made = asked(local, which, sampling)
    assert all(one.completion_tokens == 3 for one in made)
    # the prefix once, the rest of each prompt, and two steps of all four rows
    assert local._loaded().positions.computed == shared + 4 * (widths.pop() - shared) + 2 * 4


def test_a_finished_row_takes_part_in_no_further_step(checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints["gpt2"])
    free = asked(local, prompts(6))
    stop = free[0].text[:2]
    local.release()  # with it goes the prefix that was read
    stopped = asked(local, prompts(6), replace(GREEDY, stop=(stop,)))
    assert stopped[0].text == ""
    assert [one.text for one in stopped] == [one.text.split(stop)[0] for one in free]
    lengths = [one.completion_tokens for one in stopped]
    assert min(lengths) < max(lengths)
    before = local._loaded().positions.computed - sum(length - 1 for length in lengths)
    sources = [local._prompts.ids(one.messages) for one in prompts(6)]
    longest, shared = (
        max(map(len, sources)),
        next(n for n, c in enumerate(zip(*sources, strict=False)) if len(set(c)) > 1),
    )
    assert before == shared + 6 * (longest - shared)


def test_rationales_may_be_scored_and_scores_are_those_of_hugging_face(checkpoints: dict[str, str]) -> None:
    for name in ("llama", "gpt2", "t5"):
        local = teacher(checkpoints[name])
        assert isinstance(local, WhiteBoxTeacher)
        texts = [[" the sea", " a knife that cuts bread"], [" water"], [" the sea", " x", " y"]]
        found = dict(local.score(prompts(3), texts, Unlimited()))
        module: Any = local._loaded()._module
        for row, one in enumerate(prompts(3)):
            source = local._prompts.ids(one.messages)
            for text, score in zip(texts[row], found[row], strict=True):
                ids = local._prompts.following(one.messages, source, text)
                if name == "t5":
                    loss = module(input_ids=torch.tensor([source]), labels=torch.tensor([ids])).loss
                else:
                    whole = torch.tensor([[*source, *ids]])
                    labels = whole.clone()
                    labels[:, : len(source)] = -100
                    loss = module(input_ids=whole, labels=labels).loss
                assert score.tokens == len(ids)
                assert score.log_prob == pytest.approx(-loss.item() * len(ids), rel=1e-4)


@pytest.mark.parametrize("name", WRITERS)
def test_contrast_with_weight_0_or_an_equal_prompt_is_greedy(name: str, checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints[name])
    plain = asked(local, prompts(5))

    def contrasted(weight: float, floor: float, other: str | None) -> list[str]:
        which = []
        for one in prompts(5):
            messages = one.messages if other is None else prompt(DEMO, other).messages
            which.append(replace(one, contrast=Contrast(messages, weight, floor)))
        return [made.text for made in asked(local, which)]

    texts = [made.text for made in plain]
    assert contrasted(0.0, 0.1, "Something else?") == texts
    assert contrasted(0.7, 0.0, None) == texts
    assert contrasted(0.5, 1.0, "Something else?") == texts
    assert contrasted(0.9, 0.0, "Something else?") != texts


def test_contrast_with_caches_is_contrast_without(checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints["gpt2"])
    one = prompt(DEMO, "Number 1?")
    other = prompt(DEMO, "Number 2 and more?").messages
    made = asked(local, [replace(one, contrast=Contrast(other, 0.6, 0.1))], replace(GREEDY, max_new_tokens=6))[0]
    module: Any = local._loaded()._module
    gold, against = list(local._prompts.ids(one.messages)), list(local._prompts.ids(other))
    written: list[int] = []
    for _ in range(6):
        p, q = (module(torch.tensor([ids + written])).logits[0, -1].log_softmax(-1) for ids in (gold, against))
        scores = torch.where(p >= p.max() + torch.tensor(0.1).log(), p - 0.6 * q, -torch.inf)
        written.append(int(scores.argmax()))
    assert made.text == local._prompts.tokenizer.decode(written)


def test_prompts_beyond_the_context_are_failures_of_their_own(checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints["llama"], max_context_tokens=60)
    long, short = prompt(DEMO, "What? " * 80), prompt("Say.", "What?")
    account = Unlimited()
    found = dict(local.complete([Draw(long, 0, 0), Draw(short, 0, 0)], replace(GREEDY, max_new_tokens=99), account))
    assert (found[0].finish_reason, found[0].reason, found[0].text) == ("too_long", "too long", "")
    room = 60 - local.prompt_tokens(short)
    assert account.reserved == [(local.prompt_tokens(short), room)]
    assert found[1].completion_tokens <= room


def test_what_cannot_be_reserved_is_left_unanswered(checkpoints: dict[str, str]) -> None:
    class Three(Unlimited):
        def reserve(self, prompt_tokens: int, completion_tokens: int) -> Any:
            return super().reserve(prompt_tokens, completion_tokens) if len(self.reserved) < 3 else None

    account = Three()
    local = teacher(checkpoints["qwen"])
    found = dict(local.complete([Draw(one, 0, 5) for one in prompts(6)], GREEDY, account))
    assert len(found) == 3
    whole = asked(local, prompts(6))
    assert_alike([found[row] for row in sorted(found)], [whole[row] for row in sorted(found)])
    costs = [(local.prompt_tokens(prompts(6)[row]), made.completion_tokens) for row, made in found.items()]
    assert account.settled == costs


def test_settings_that_cannot_work_are_said_before_any_work(tmp_path: Path, checkpoints: dict[str, str]) -> None:
    def problems(**changes: Any) -> str:
        return "\n".join(teacher(**{"checkpoint": checkpoints["llama"], **changes}).check(None))  # type: ignore[arg-type]

    assert problems() == ""
    assert "teacher.checkpoint=./nowhere: there is no such folder" in problems(checkpoint="./nowhere")
    assert "teacher.tokens_per_batch=1 must be 2 or more" in problems(tokens_per_batch=1)
    assert "teacher.gguf_file=x.gguf: there is no such file" in problems(gguf_file="x.gguf")
    assert "teacher.gguf_file=config.json is not a GGUF file" in problems(gguf_file="config.json")
    assert "is a path; set teacher.checkpoint to its folder, and teacher.gguf_file=x.gguf" in problems(
        gguf_file="sub/x.gguf"
    )
    assert "teacher.device=tpu is not on this machine" in problems(device="tpu")
    assert "bitsandbytes" in problems(quantization="nf4")
    write_bert(tmp_path / "bert")
    assert "is an encoder" in problems(checkpoint=str(tmp_path / "bert"))
    assert "teacher.checkpoint is not set" in problems(checkpoint=None)


def test_identity_is_that_of_the_content_and_of_what_decides_the_texts(checkpoints: dict[str, str]) -> None:
    one = teacher(checkpoints["llama"]).identity()
    assert one == teacher(checkpoints["llama"], tokens_per_batch=99, device="auto").identity()
    assert one != teacher(checkpoints["gpt2"]).identity()
    assert one != teacher(checkpoints["llama"], reply_separator="\n").identity()


def test_released_weights_are_loaded_again_when_they_are_needed(checkpoints: dict[str, str]) -> None:
    local = teacher(checkpoints["llama"])
    before = asked(local, prompts(2))
    local.release()
    assert local._model is None
    assert asked(local, prompts(2)) == before


def test_a_gguf_file_loads(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    torch.manual_seed(0)
    write_gguf(gguf, tmp_path / "tiny.gguf")
    local = teacher(str(tmp_path), gguf_file="tiny.gguf", dtype="float32")
    assert local.check(None) == []  # type: ignore[arg-type]
    (one,) = asked(local, [prompt("Say.", "What?")])
    assert one.completion_tokens == 12
    assert one.text


def write_gguf(gguf: Any, file: Path) -> None:
    """Write a Llama of one layer with random weights and the package's own tokenizer as a GGUF file."""
    tokenizer = tiny_tokenizer()
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(32)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if n < 2 else gguf.TokenType.NORMAL for n in range(len(tokens))])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_bos_token_id(tokenizer.eos_token_id)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, torch.randn(*shape).mul(0.2).numpy() if len(shape) > 1 else torch.ones(*shape).numpy())

    add("token_embd.weight", len(tokens), 64)
    add("output.weight", len(tokens), 64)
    add("output_norm.weight", 64)
    for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        add(f"blk.0.{part}.weight", 64, 64)
    for part in ("attn_norm", "ffn_norm"):
        add(f"blk.0.{part}.weight", 64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_chat_reply_begins_with_the_letter_that_is_scored(tmp_path: Path) -> None:
    """As in the conversation that the template writes; a blank before the letter is for plain prompts."""
    folder = write_chat(tmp_path / "chat")
    local = teacher(str(folder), dtype="float32", device="cpu")
    one = Prompt((Message("user", "A or B?"),), prompt("", "A or B?").request)
    ((scores,),) = [[found for _, found in local.score([one], [[" A", " B"]], Unlimited())]]
    module, tokenizer = local._loaded()._module, local._prompts.tokenizer
    for letter, score in zip("AB", scores, strict=True):
        turns = [{"role": "user", "content": "A or B?"}, {"role": "assistant", "content": letter}]
        whole: Any = tokenizer.apply_chat_template(turns, tokenize=True)
        ids = torch.tensor([whole["input_ids"]])
        place = ids[0].tolist().index(local._prompts.format.end, ids.shape[1] - 3) - 1  # type: ignore[union-attr]
        with torch.no_grad():
            log_probs = module(ids).logits[0, place - 1].log_softmax(-1)
        assert tokenizer.decode(ids[0, place]) == letter
        assert score.log_prob == pytest.approx(log_probs[ids[0, place]].item(), abs=1e-4)
        assert score.tokens == 1
    plain = teacher(str(folder), chat="never")
    assert score_key(one, [" A"], local.scoring()) != score_key(one, [" A"], plain.scoring())
