"""The contents of a checkpoint's folder, and the check that they are complete. Imports no torch."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distillrun.language_model.adapter import CONFIG, named_base
from distillrun.text.thinking import has_tags

WEIGHT_FILES = ("*.safetensors", "*.bin")
TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model")

GGUF = b"GGUF"
"""What a GGUF file begins with."""

ENCODERS = ("bert", "roberta", "electra", "mpnet")
"""Model types that read text and write none, unless their config makes a decoder of them."""


def folder_problems(folder: Path, name: str) -> list[str]:
    """Return what is missing or broken in a checkpoint folder; `name` says where it was given."""
    cure = "give a folder that transformers' save_pretrained wrote"
    if not folder.is_dir():
        return [f"{name}: there is no such folder ({folder.resolve()}); check the path"]
    if not (folder / "config.json").is_file():
        return [f"{name} has no config.json; {_adapter_hint(folder, name.partition('.')[0])}{cure}"]
    if read_config(folder) is None:
        return [f"{name} has a config.json that is not a JSON object; {cure}"]
    if absent := _absent_shards(folder):
        return [
            f"{name} has {len(absent)} of its weight files missing ({absent[0]}, which its index names); copy or "
            "download it again"
        ]
    if not has_weights(folder):
        return [f"{name} has no weights ({', '.join(WEIGHT_FILES)}); {cure}"]
    if not _holds(folder, TOKENIZER_FILES):  # transformers would make up an empty vocabulary
        return [f"{name} has no tokenizer ({', '.join(TOKENIZER_FILES)}); save the tokenizer into it, too"]
    return [
        f"{name} has broken weights: {file.name} is cut short or not a safetensors file (perhaps a git-lfs pointer); "
        "copy or download it again"
        for file in sorted(folder.glob("*.safetensors"))
        if not _is_whole(file)
    ]


def _adapter_hint(folder: Path, group: str) -> str:
    """Return what to do with a folder that holds an adapter alone; what it calls its base is shown, never loaded."""
    if not (folder / CONFIG).is_file():
        return ""
    base = named_base(folder)
    called = f", which its {CONFIG} calls {base!r:.120}" if base else ""
    return (
        f"it holds a LoRA adapter only: set {group}.adapter={folder} and {group}.checkpoint to the model that it was "
        f"trained on{called}; or "
    )


def _absent_shards(folder: Path) -> list[str]:
    """Return the weight files that an index names and the folder does not hold, in order."""
    for index in sorted(folder.glob("*.index.json")):
        try:
            named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return []  # transformers says what is wrong with an index
        if absent := sorted(str(file) for file in named if not (folder / str(file)).is_file()):
            return absent
    return []


def gguf_problems(file: Path, name: str) -> list[str]:
    """Return what is wrong with a GGUF file; `name` says where it was given."""
    if not file.is_file():
        return [f"{name}: there is no such file ({file})"]
    with file.open("rb") as stream:
        if stream.read(len(GGUF)) == GGUF:
            return []
    return [f"{name} is not a GGUF file (perhaps a git-lfs pointer); copy or download it again"]


def read_config(folder: Path) -> Mapping[str, Any] | None:
    """Return the config.json of a folder; None where it is not there or holds something else."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def has_weights(folder: Path) -> bool:
    """Return whether a folder holds files of weights."""
    return _holds(folder, WEIGHT_FILES)


def is_encoder(config: Mapping[str, Any]) -> bool:
    """Return whether a config is that of an encoder alone."""
    return config.get("model_type") in ENCODERS and not config.get("is_decoder")


def quantised(config: Mapping[str, Any] | None, checkpoint: str) -> list[str]:
    """Return why a student's checkpoint cannot be trained: its weights are quantised; empty if they are not."""
    found = (config or {}).get("quantization_config")
    if not isinstance(found, dict):
        return []
    method = found.get("quant_method", "of an unnamed method")
    return [
        f"student.checkpoint={checkpoint} holds quantised weights ({method}), which cannot be trained; choose the "
        "checkpoint that they were made from"
    ]


def _holds(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _is_whole(file: Path) -> bool:
    """Return whether a safetensors file ends where its header says that its tensors end."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        if header_bytes > size - 8:
            return False
        try:
            header = json.loads(stream.read(header_bytes))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, LookupError, TypeError):
            return False
    return size == 8 + header_bytes + max(ends, default=0)


def count_weights(folder: Path) -> int | None:
    """Return how many numbers a folder's safetensors files hold, by their headers; None where that cannot be told."""
    try:
        shapes = [shape for file in folder.glob("*.safetensors") for shape in _shapes(file)]
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return None
    return sum(map(math.prod, shapes)) or None


def _shapes(file: Path) -> list[list[int]]:
    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        if header_bytes > file.stat().st_size:
            raise ValueError(f"{file} is not a safetensors file")
        header = json.loads(stream.read(header_bytes))
    return [tensor["shape"] for name, tensor in header.items() if name != "__metadata__"]


def may_think(folder: Path) -> bool:
    """Return whether the tokenizer of a folder, or its chat template, knows a tag of thinking; loads neither."""
    files = (folder / name for name in ("tokenizer_config.json", "chat_template.jinja", "chat_template.json"))
    return any(has_tags(file.read_text(encoding="utf-8", errors="replace")) for file in files if file.is_file())


def read_ends(folder: Path) -> tuple[int, ...]:
    """Return the ids at which a checkpoint's texts end, by its generation config, else by its config."""
    for name in ("generation_config.json", "config.json"):
        try:
            found = json.loads((folder / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        if found is not None:
            return tuple(token for token in (found if isinstance(found, list) else [found]) if isinstance(token, int))
    return ()


def has_template(folder: Path) -> bool:
    """Return whether the tokenizer of a folder has a chat template; loads no tokenizer."""
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    try:
        return '"chat_template"' in (folder / "tokenizer_config.json").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
