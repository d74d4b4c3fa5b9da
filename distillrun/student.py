"""Students by config: how each comes to be. torch and transformers are imported when one is built."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.errors import ConfigError
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder
from distillrun.language_model.limits import Limits
from distillrun.language_model.lora import Lora, with_adapters
from distillrun.language_model.sizes import TOKENIZER_FILE, Sizes
from distillrun.records import Json, TargetPair

if TYPE_CHECKING:
    from distillrun.interfaces import LanguageModel, Student


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained encoder-decoder or decoder-only model; its own config says which.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        separator: text between source and target of a decoder-only model; an encoder-decoder has no use for it.
        lora: train low-rank adapters alone; null = all weights.
        gradient_checkpointing: compute activations twice instead of keeping them.
    """

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    separator: str
    lora: Lora | None
    gradient_checkpointing: bool

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, self.separator)

    def check(self) -> list[str]:
        problems = [*self._reference.problems(), *(self.lora.problems() if self.lora else [])]
        config = self._reference.config()
        if config is not None and is_encoder(config):
            cure = f"choose student=warm_started student.checkpoint={self.checkpoint}"
            return [*problems, f"student.checkpoint={self.checkpoint} is an encoder, which writes no text; {cure}"]
        return [*problems, *self._limits.problems(config)]

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        return _too_long(self, self._limits, pairs)

    def identity(self) -> Mapping[str, Json]:
        return self._reference.identity()

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import checkpoint_gradients, load_model
        from distillrun.runtime import seeded

        model = load_model(self._reference.folder(), self._limits)
        if self.gradient_checkpointing:
            checkpoint_gradients(model.module)
        if self.lora is not None:
            with seeded(seed):
                model.module = with_adapters(model.module, self.lora)
        return model

    def load(self, folder: Path) -> "LanguageModel":
        return _load(folder, self._limits)


@dataclass(frozen=True)
class WarmStarted:
    """An encoder-decoder whose two halves start from one pretrained encoder; its cross-attention starts fresh.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub, of a BERT-like encoder.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        gradient_checkpointing: compute activations twice instead of keeping them.

    Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461.
    """

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    gradient_checkpointing: bool

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, separator="")

    def check(self) -> list[str]:
        return [*self._reference.problems(), *self._limits.problems(self._reference.config())]

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        return _too_long(self, self._limits, pairs)

    def identity(self) -> Mapping[str, Json]:
        return self._reference.identity()

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble, checkpoint_gradients
        from distillrun.language_model.warm_start import warm_started
        from distillrun.runtime import seeded

        with seeded(seed):
            module, tokenizer = warm_started(self._reference.folder())
        if self.gradient_checkpointing:
            checkpoint_gradients(module)
        return assemble(module, tokenizer, self._limits)

    def load(self, folder: Path) -> "LanguageModel":
        return _load(folder, self._limits)


@dataclass(frozen=True)
class TinyT5:
    """A small T5 with fresh weights, the gated blocks of v1.1 and tied embeddings.

    Args:
        layers: blocks of the encoder, and of the decoder.
        width: units of a token's state, a multiple of `heads`.
        heads: attention heads.
        feed_forward_width: units between the two layers of a feed-forward block.
        dropout: share of the units dropped in training.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
    """

    layers: int
    width: int
    heads: int
    feed_forward_width: int
    dropout: float
    max_source_tokens: int
    max_target_tokens: int

    @property
    def _sizes(self) -> Sizes:
        return Sizes(self.layers, self.width, self.heads, self.feed_forward_width, self.dropout)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, separator="")

    def check(self) -> list[str]:
        return [*self._sizes.problems(), *self._limits.problems(None)]

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        return _too_long(self, self._limits, pairs)

    def identity(self) -> Mapping[str, Json]:
        return _fresh_identity("t5", self._sizes)

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble
        from distillrun.language_model.tiny import tiny_t5, tiny_tokenizer
        from distillrun.runtime import seeded

        tokenizer = tiny_tokenizer()
        with seeded(seed):
            return assemble(tiny_t5(self._sizes, tokenizer), tokenizer, self._limits)

    def load(self, folder: Path) -> "LanguageModel":
        return _load(folder, self._limits)


@dataclass(frozen=True)
class TinyQwen:
    """A small Qwen3 with fresh weights.

    Args:
        layers: blocks of the decoder.
        width: units of a token's state, an even multiple of `heads` (rotary positions).
        heads: attention heads.
        feed_forward_width: units between the two layers of a feed-forward block.
        initializer_range: standard deviation of the fresh weights; large models' 0.02 makes narrow ones learn late.
        dropout: share of the attention weights dropped in training (Qwen3 has no other dropout).
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        separator: text between source and target.
    """

    layers: int
    width: int
    heads: int
    feed_forward_width: int
    initializer_range: float
    dropout: float
    max_source_tokens: int
    max_target_tokens: int
    separator: str

    @property
    def _sizes(self) -> Sizes:
        return Sizes(self.layers, self.width, self.heads, self.feed_forward_width, self.dropout)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, self.separator)

    def check(self) -> list[str]:
        problems = [*self._sizes.problems(), *self._limits.problems(None)]
        if not self.initializer_range > 0:
            problems.append(f"student.initializer_range={self.initializer_range} must be above 0")
        if not problems and self.width // self.heads % 2:
            problems.append(f"student.width={self.width} over student.heads={self.heads} must be even")
        return problems

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        return _too_long(self, self._limits, pairs)

    def identity(self) -> Mapping[str, Json]:
        return _fresh_identity("qwen3", self._sizes)

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble
        from distillrun.language_model.tiny import tiny_qwen, tiny_tokenizer
        from distillrun.runtime import seeded

        tokenizer = tiny_tokenizer()
        with seeded(seed):
            room = self.max_source_tokens + self.max_target_tokens
            module = tiny_qwen(self._sizes, tokenizer, room, self.initializer_range)
            return assemble(module, tokenizer, self._limits)

    def load(self, folder: Path) -> "LanguageModel":
        return _load(folder, self._limits)


def _too_long(student: "Student", limits: Limits, pairs: Iterable[TargetPair]) -> list[str]:
    """Return a complaint about the longest text that does not fit; a student is built only if one may not."""
    long = sorted((pair for pair in pairs if limits.may_be_exceeded(pair)), key=_text_length, reverse=True)
    if not long:
        return []
    try:
        model = student.build(seed=0)
        for pair in long:
            model.lengths([pair])
    except ConfigError as error:
        return [str(error)]
    return []


def _text_length(pair: TargetPair) -> int:
    return sum(len(segment.text) for segment in (*pair.source, *pair.target) if not segment.cut)


def _load(folder: Path, limits: Limits) -> "LanguageModel":
    from distillrun.language_model.load import load_model

    return load_model(folder, limits)


def _fresh_identity(architecture: str, sizes: Sizes) -> dict[str, Json]:
    tokenizer = hashlib.sha256(TOKENIZER_FILE.read_bytes()).hexdigest()
    return {"architecture": architecture, **asdict(sizes), "tokenizer": tokenizer}
