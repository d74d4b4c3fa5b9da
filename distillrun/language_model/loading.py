"""Settings for loading weights. Imports no torch."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Literal

from distillrun.errors import install
from distillrun.language_model.adapter import adapter_problems

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantization = Literal["nf4", "fp4"]
WeightType = Literal["auto", "fp32", "bf16"]
"""The type of a student's weights; auto: bf16 for frozen weights on a GPU that has it, else fp32."""
Chat = Literal["auto", "always", "never"]
"""Is a tokenizer's chat template used: where there is one, in any case, or not at all."""


def is_short(asked: WeightType, frozen: bool) -> bool:
    """Return whether weights are loaded in bf16 on this machine; `frozen` says that training leaves them alone."""
    if asked != "auto" or not frozen:
        return asked == "bf16"
    import torch

    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


@dataclass(frozen=True, slots=True)
class Loading:
    """Settings for loading weights into memory.

    Attributes:
        dtype: auto = as stored.
        device: where the model goes whole, if there is no `device_map`.
        device_map: how accelerate spreads it, such as auto.
        quantization: 4-bit weights of bitsandbytes; None = as they are.
        gguf_file: the file of the folder to read; None = safetensors or `.bin`.
        adapter: the folder of a LoRA adapter that is merged into the weights; None = none.
    """

    dtype: Dtype
    device: str
    device_map: str | None
    quantization: Quantization | None
    gguf_file: str | None
    adapter: str | None = None

    def problems(self, group: str = "teacher") -> list[str]:
        """Return which setting cannot be, and which package is missing; `group` is that which has the settings."""
        problems = []
        if self.gguf_file is not None and PurePath(self.gguf_file).name != self.gguf_file:
            problems.append(
                f"{group}.gguf_file={self.gguf_file} is a path; set {group}.checkpoint to its folder, and "
                f"{group}.gguf_file={PurePath(self.gguf_file).name}"
            )
        if self.gguf_file is not None and find_spec("gguf") is None:
            problems.append(f"{group}.gguf_file needs the package gguf; {install('gguf')}")
        if self.quantization is not None and find_spec("bitsandbytes") is None:
            problems.append(f"{group}.quantization needs the package bitsandbytes; {install('quantization')}")
        if self.adapter is not None:
            problems += adapter_problems(Path(self.adapter).expanduser(), f"{group}.adapter")
            if self.quantization is not None:
                problems.append(
                    f"{group}.adapter is merged into whole weights, and {group}.quantization={self.quantization} has "
                    "none; set one of the two to null"
                )
        return problems
