"""A checkpoint of somebody else's is data: loading it as a student or as a teacher runs nothing that it brings."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from jinja2 import TemplateError

from distillrun.errors import ConfigError
from distillrun.language_model.limits import Limits
from distillrun.language_model.load import load_model
from distillrun.language_model.loading import Loading
from distillrun.language_model.teacher_model import load_teacher, load_tokenizer
from tests.tiny_checkpoints import write_llama


class Payload:
    """Makes a folder when it is unpickled, which harms nobody and is seen."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def weights_that_are_a_pickle(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(marker)))


def weights_that_hold_a_pickle(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Payload(marker)}, folder / "pytorch_model.bin")
    assert zipfile.is_zipfile(folder / "pytorch_model.bin")


def training_arguments(folder: Path, marker: Path) -> None:
    torch.save(Payload(marker), folder / "training_args.bin")


def code_for_the_config(folder: Path, marker: Path) -> None:
    (folder / "mine.py").write_text(f"import os\nos.mkdir({str(marker)!r})\n", encoding="utf-8")
    mapped = {name: f"mine.{name}" for name in ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoTokenizer")}
    edit(folder / "config.json", model_type="mine", auto_map=mapped)


def code_for_the_model(folder: Path, marker: Path) -> None:
    code_for_the_config(folder, marker)
    edit(folder / "config.json", model_type="llama")


def code_for_the_tokenizer(folder: Path, marker: Path) -> None:
    (folder / "mine.py").write_text(f"import os\nos.mkdir({str(marker)!r})\n", encoding="utf-8")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(f"import os\nos.mkdir({str(marker)!r})\n", encoding="utf-8")
    edit(
        folder / "tokenizer_config.json", tokenizer_class="Mine", auto_map={"AutoTokenizer": ["mine.Mine", "mine.Mine"]}
    )


def a_chat_template(folder: Path, marker: Path) -> None:
    call = f"().__class__.__base__.__subclasses__()[0].__init__.__globals__['os'].mkdir({str(marker)!r})"
    edit(folder / "tokenizer_config.json", chat_template="{{ " + call + " }}{{ cycler.__init__.__globals__ }}")


def edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


ATTACKS: tuple[Callable[[Path, Path], None], ...] = (
    weights_that_are_a_pickle,
    weights_that_hold_a_pickle,
    training_arguments,
    code_for_the_config,
    code_for_the_model,
    code_for_the_tokenizer,
    a_chat_template,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("outline", [False, True])
def test_nothing_that_a_checkpoint_brings_is_run(
    attack: Callable[[Path, Path], None], outline: bool, tmp_path: Path
) -> None:
    folder, marker = tmp_path / "checkpoint", tmp_path / "marker"
    write_llama(folder)
    attack(folder, marker)
    for load in (
        lambda: load_model(folder, Limits(64, 32, ""), outline),
        lambda: load_teacher(folder, Loading("float32", "cpu", None, None, None), outline),
        lambda: load_tokenizer(folder, None).apply_chat_template([{"role": "user", "content": "x"}], tokenize=False),
    ):
        with suppress(ConfigError, ValueError, TemplateError):
            load()
    assert not marker.exists()


def test_the_payload_would_be_seen(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "marker")))
    assert (tmp_path / "marker").is_dir()
