"""Settings for loading a teacher's weights. Imports no torch."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath
from typing import Literal

from distillrun.errors import install

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantization = Literal["nf4", "fp4"]
Chat = Literal["auto", "always", "never"]
"""Is a tokenizer's chat template used: where there is one, in any case, or not at all."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Settings for loading weights into memory.

    Attributes:
        dtype: auto = as stored.
        device: where the model goes whole, if there is no `device_map`.
        device_map: how accelerate spreads it, such as auto.
        quantization: 4-bit weights of bitsandbytes; None = as they are.
        gguf_file: the file of the folder to read; None = safetensors or `.bin`.
    """

    dtype: Dtype
    device: str
    device_map: str | None
    quantization: Quantization | None
    gguf_file: str | None

    def problems(self) -> list[str]:
        """Return which setting cannot be, and which package is missing."""
        problems = []
        if self.gguf_file is not None and PurePath(self.gguf_file).name != self.gguf_file:
            problems.append(
                f"teacher.gguf_file={self.gguf_file} is a path; set teacher.checkpoint to its folder, and "
                f"teacher.gguf_file={PurePath(self.gguf_file).name}"
            )
        if self.gguf_file is not None and find_spec("gguf") is None:
            problems.append(f"teacher.gguf_file needs the package gguf; {install('gguf')}")
        if self.quantization is not None and find_spec("bitsandbytes") is None:
            problems.append(f"teacher.quantization needs the package bitsandbytes; {install('quantization')}")
        return problems
