"""Texts as vectors: an encoder or decoder whose last hidden states are pooled."""

import json
import logging
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.limits import Truncate
from distillrun.language_model.padding import mask, padded
from distillrun.language_model.precision import stored_type
from distillrun.language_model.weights import load_weights, why

log = logging.getLogger(__name__)

Pooling = Literal["mean", "cls", "last"]
REMEMBERED_TEXTS = 65536
"""How many tokenised texts are kept: a step is measured and then encoded, and epochs repeat."""


class TextEncoder:
    """A module that reads texts, with its tokenizer and its pooling.

    Args:
        module: the body of a model, without its head.
        tokenizer: its tokenizer.
        pooling: mean: over all tokens; cls: the first token; last: the last one.
        max_tokens: of a text, special tokens included.
        truncate: what becomes of longer ones.
    """

    def __init__(
        self,
        module: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        pooling: Pooling,
        max_tokens: int,
        truncate: Truncate,
    ) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self.pooling: Pooling = pooling
        self._max_tokens = max_tokens
        self._truncate = truncate
        self._has_said = False
        self.saved_type: torch.dtype | None = None
        self._ids = lru_cache(REMEMBERED_TEXTS)(self._tokenised)

    def width(self) -> int:
        """Return the size of a vector."""
        return int(self.module.config.hidden_size)  # type: ignore[union-attr, arg-type]

    def tokens(self, text: str) -> int:
        """Return how many tokens are read of a text."""
        return len(self._ids(text))

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return [N, D] a vector for each text, of length sqrt(D): one per dimension, whatever the encoder's own is."""
        rows = [self._ids(text) for text in texts]
        device = next(self.module.parameters()).device
        fill = self.tokenizer.pad_token_id or 0
        real = mask(rows, "right", device)
        states = self.module(input_ids=padded(rows, fill, "right", device), attention_mask=real).last_hidden_state
        states = states.float()
        if self.pooling == "cls":
            pooled = states[:, 0]
        elif self.pooling == "last":
            pooled = states[torch.arange(len(rows), device=device), real.sum(dim=1) - 1]
        else:
            pooled = (states * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
        vectors: Tensor = nn.functional.normalize(pooled, dim=-1) * math.sqrt(pooled.shape[-1])
        return vectors

    def _tokenised(self, text: str) -> list[int]:
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        if len(ids) > self._max_tokens and self._truncate != "refuse":
            if not self._has_said:
                self._has_said = True
                told = "cut the text that begins %r from %d tokens to student.max_tokens=%d (said once)"
                log.warning(told, text[:60], len(ids), self._max_tokens)
            self.tokenizer.truncation_side = "left" if self._truncate == "head" else "right"
            ids = list(self.tokenizer(text, truncation=True, max_length=self._max_tokens, verbose=False)["input_ids"])
        if len(ids) > self._max_tokens:
            raise ConfigError(
                f"student.max_tokens={self._max_tokens} is too small for the text that begins {text[:60]!r}; set "
                f"student.max_tokens={len(ids)} or more, or student.truncate=tail"
            )
        return ids or [self.tokenizer.eos_token_id or 0]


def load_encoder(
    folder: Path,
    pooling: Pooling,
    max_tokens: int,
    truncate: Truncate,
    outline: bool = False,
    dtype: torch.dtype = torch.float32,
) -> TextEncoder:
    """Return the encoder of a checkpoint, on the CPU; no code of the checkpoint runs.

    With `outline`, names and shapes of the weights are read alone, to see whether it would load.

    Raises:
        ConfigError: transformers cannot load the folder, or weights are missing.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        stored = stored_type(config)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        module, missing = load_weights(AutoModel, folder, config, outline, dtype)
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        raise ConfigError(
            f"student.checkpoint={folder} did not load as an encoder or decoder ({why(error)}); choose one such as "
            "MiniLM, BERT or Qwen"
        ) from error
    if missing := [name for name in missing if "pooler" not in name]:
        raise ConfigError(
            f"student.checkpoint={folder} is missing {len(missing)} weights ({missing[0]}, ...); copy or download it "
            "again"
        )
    encoder = TextEncoder(module, tokenizer, pooling, max_tokens, truncate)
    encoder.saved_type = stored
    return encoder


def pooling_of(folder: Path) -> Pooling | None:
    """Return the pooling that sentence-transformers' files in a folder name; None where there are none.

    Raises:
        ConfigError: they name one that is not known here.
    """
    file = folder / "1_Pooling" / "config.json"
    if not file.is_file():
        return None
    settings = json.loads(file.read_text(encoding="utf-8"))
    modes = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "last"}
    named = [name for name in settings if name.startswith("pooling_mode_") and settings[name] is True]
    known = [mode for name, mode in modes.items() if f"pooling_mode_{name}" in named]
    known += [mode for mode in modes.values() if settings.get("pooling_mode") == mode]
    if len(known) != 1 or len(named) > 1:
        raise ConfigError(f"{file} names another pooling than mean, cls or last; set student.pooling to one of them")
    found: Any = known[0]
    return found  # type: ignore[no-any-return]
