"""bf16 reaches whatever part of a student is run, and weights come and are saved in the type that is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM

from distillrun.language_model.choice_scorer import load_scorer
from distillrun.language_model.precision import in_bf16
from distillrun.language_model.text_classifier import TextClassifier
from distillrun.language_model.text_encoder import load_encoder
from distillrun.records import Segment
from distillrun.student.checkpoint import Checkpoint
from distillrun.student.tiny import TinyQwen, TinyT5
from tests.tiny_checkpoints import write_bert, write_llama

SOURCES = [(Segment("Where do fish live?"),), (Segment("What cuts bread?"),)]
ANSWERS = [[(Segment("the sea"),), (Segment("a desk"),)], [(Segment("a knife"),), (Segment("the sky"),)]]


@contextmanager
def types_of(module: nn.Module) -> Iterator[set[torch.dtype]]:
    """Collect the types that the attention's linear layers of a module compute in."""
    seen: set[torch.dtype] = set()
    wanted = ("q", "q_proj", "query")
    handles = [
        part.register_forward_hook(lambda _module, _inputs, output: seen.add(output.dtype))
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) and name.rpartition(".")[2] in wanted
    ]
    assert handles
    yield seen
    for handle in handles:
        handle.remove()


def build(kind: str, folder: Path) -> Any:
    if kind == "t5":
        return TinyT5(1, 16, 2, 16, 0.0, 40, 40).build(0)
    if kind == "qwen":
        return TinyQwen(1, 16, 2, 16, 0.02, 0.0, 40, 40, "\n").build(0)
    bert = Path(write_bert(folder))
    if kind == "choice_scorer":
        return load_scorer(bert, 40)
    return TextClassifier(load_encoder(bert, "mean", 40, "tail"), ["sea", "desk"], 0.0, freeze=False)


@pytest.mark.parametrize("kind", ["t5", "qwen", "choice_scorer", "text_classifier"])
def test_bf16_reaches_every_way_in_which_a_student_is_run(kind: str, tmp_path: Path) -> None:
    model = build(kind, tmp_path)
    model.module.eval()
    ways: dict[str, Callable[[], Any]] = {
        "choose": lambda: model.choose(SOURCES, ANSWERS),
        "score": lambda: model.score(SOURCES, ANSWERS, 1000),
    }
    if kind in ("t5", "choice_scorer"):
        ways["mixed_choose"] = lambda: model.mixed_choose(SOURCES, ANSWERS, [1, 0], [0.7, 0.4])
    if kind in ("t5", "qwen"):
        ways["generate"] = lambda: model.generate(SOURCES, 3, 1000)
    plain = model.choose(SOURCES, ANSWERS)
    for name, way in ways.items():
        with types_of(model.module) as seen, in_bf16(model.module):
            way()
        assert seen == {torch.bfloat16}, name
    if kind in ("t5", "qwen"):
        reference = model.frozen(torch.device("cpu"))
        with types_of(reference.module) as seen, in_bf16(model.module, reference.module):
            reference.choose(SOURCES, ANSWERS)
        assert seen == {torch.bfloat16}
    with in_bf16(model.module):
        short = model.choose(SOURCES, ANSWERS)
    assert short.dtype is plain.dtype is torch.float32
    assert torch.allclose(short, plain, rtol=0.05, atol=0.05)
    with types_of(model.module) as seen:
        assert torch.equal(model.choose(SOURCES, ANSWERS), plain), "outside it is float32 again"
    assert seen == {torch.float32}


def stored(folder: Path) -> set[torch.dtype]:
    return {weight.dtype for weight in load_file(folder / "model.safetensors").values()}


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose weights are bf16."""
    folder = tmp_path_factory.mktemp("short")
    write_llama(folder)
    module: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    module.save_pretrained(folder)
    assert stored(folder) == {torch.bfloat16}
    return folder


@pytest.mark.parametrize(("dtype", "expected"), [("auto", torch.float32), ("bf16", torch.bfloat16)])
def test_a_student_is_saved_in_the_type_in_which_it_came(
    dtype: Any, expected: torch.dtype, short: Path, tmp_path: Path
) -> None:
    student = Checkpoint(str(short), "main", 40, 40, "\n", None, False, dtype=dtype)
    model = student.build(0)
    assert {weight.dtype for weight in model.module.parameters()} == {expected}
    assert model.head(torch.zeros(1, 32)).dtype is expected, "states that an objective mapped are float32"
    model.save(tmp_path)
    assert stored(tmp_path) == {torch.bfloat16}
    assert {weight.dtype for weight in model.module.parameters()} == {expected}, "what trains on is left as it is"
    read: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert {weight.dtype for weight in read.parameters()} == {torch.bfloat16}
    again, before = student.load(tmp_path), dict(model.module.named_parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in again.module.named_parameters())
    assert student.identity()["saved_as"] == "bfloat16", "what was saved in float32 before is made again"
