"""Small students with fresh weights: no network, and they learn in about a minute."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.language_model.limits import Limits, Truncate, leading
from distillrun.language_model.sizes import TOKENIZER_FILE, Sizes
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_pairs

if TYPE_CHECKING:
    from distillrun.interfaces import LanguageModel


class _Fresh:
    """The base of students with fresh weights and our own tokenizer."""

    writes = True

    @property
    def _limits(self) -> Limits:
        raise NotImplementedError

    def tokens(self) -> Mapping[str, int]:
        from distillrun.language_model.tiny import tiny_tokenizer

        return dict(tiny_tokenizer().get_vocab())

    def cut(self, text: str) -> Sequence[int]:
        from distillrun.language_model.special_tokens import target_ids
        from distillrun.language_model.tiny import tiny_tokenizer

        return target_ids(tiny_tokenizer(), text)

    def build(self, seed: int) -> "LanguageModel":
        raise NotImplementedError

    def outline(self) -> "LanguageModel":
        import torch

        with torch.device("meta"):
            return self.build(seed=0)

    def load(self, folder: Path) -> "LanguageModel":
        from distillrun.language_model.load import load_model

        return load_model(folder, self._limits)


@dataclass(frozen=True)
class TinyT5(_Fresh):
    """A small T5 with fresh weights, the gated blocks of v1.1 and tied embeddings.

    Args:
        layers: blocks of the encoder, and of the decoder.
        width: units of a token's state, a multiple of `heads`.
        heads: attention heads.
        feed_forward_width: units between the two layers of a feed-forward block.
        dropout: share of the units dropped in training.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        truncate: what becomes of a question that is too long even so: cut at its end (tail), at its beginning (head),
            or refused.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "refuse"}

    layers: int
    width: int
    heads: int
    feed_forward_width: int
    dropout: float
    max_source_tokens: int
    max_target_tokens: int
    truncate: Truncate = "refuse"

    @property
    def _sizes(self) -> Sizes:
        return Sizes(self.layers, self.width, self.heads, self.feed_forward_width, self.dropout)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, separator="", truncate=self.truncate)

    has_encoder = True

    def check(self) -> list[str]:
        return [*self._sizes.problems(), *self._limits.problems(None)]

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        from distillrun.language_model.tiny import tiny_tokenizer

        return long_pairs(tiny_tokenizer, self._limits, False, pairs)

    def weights(self) -> int | None:
        from distillrun.language_model.tiny import count_weights, tiny_t5

        return count_weights(lambda tokenizer: tiny_t5(self._sizes, tokenizer))

    def identity(self) -> Mapping[str, Json]:
        return _fresh_identity("t5", self._sizes)

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble
        from distillrun.language_model.tiny import tiny_t5, tiny_tokenizer
        from distillrun.process.runtime import seeded

        tokenizer = tiny_tokenizer()
        with seeded(seed):
            return assemble(tiny_t5(self._sizes, tokenizer), tokenizer, self._limits)


@dataclass(frozen=True)
class TinyQwen(_Fresh):
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
        truncate: what becomes of a question that is too long even so: cut at its end (tail), at its beginning (head),
            or refused.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "refuse"}

    layers: int
    width: int
    heads: int
    feed_forward_width: int
    initializer_range: float
    dropout: float
    max_source_tokens: int
    max_target_tokens: int
    separator: str
    truncate: Truncate = "refuse"

    @property
    def _sizes(self) -> Sizes:
        return Sizes(self.layers, self.width, self.heads, self.feed_forward_width, self.dropout)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, self.separator, self.truncate)

    has_encoder = False

    def check(self) -> list[str]:
        problems = [*self._sizes.problems(), *self._limits.problems(None)]
        if not self.initializer_range > 0:
            problems.append(f"student.initializer_range={self.initializer_range} must be above 0")
        if not problems and self.width // self.heads % 2:
            problems.append(f"student.width={self.width} over student.heads={self.heads} must be even")
        return problems

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        from distillrun.language_model.tiny import tiny_tokenizer

        return long_pairs(tiny_tokenizer, self._limits, True, pairs)

    def weights(self) -> int | None:
        from distillrun.language_model.tiny import count_weights, tiny_qwen

        return count_weights(lambda tokenizer: tiny_qwen(self._sizes, tokenizer, 1, self.initializer_range))

    def identity(self) -> Mapping[str, Json]:
        lead = leading(self.separator)
        return {**_fresh_identity("qwen3", self._sizes), **({"lead": lead} if lead else {})}

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble
        from distillrun.language_model.tiny import tiny_qwen, tiny_tokenizer
        from distillrun.process.runtime import seeded

        tokenizer = tiny_tokenizer()
        with seeded(seed):
            room = self.max_source_tokens + self.max_target_tokens
            module = tiny_qwen(self._sizes, tokenizer, room, self.initializer_range)
            return assemble(module, tokenizer, self._limits)


def _fresh_identity(architecture: str, sizes: Sizes) -> dict[str, Json]:
    tokenizer = hashlib.sha256(TOKENIZER_FILE.read_bytes()).hexdigest()
    return {"architecture": architecture, **asdict(sizes), "tokenizer": tokenizer}
