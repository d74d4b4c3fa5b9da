"""A small text classifier with fresh weights: no network, and it learns in seconds."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.errors import ConfigError
from distillrun.language_model.limits import Truncate
from distillrun.language_model.sizes import TOKENIZER_FILE, Sizes
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_texts

if TYPE_CHECKING:
    from distillrun.interfaces import ChoiceModel


class TinyTextClassifier:
    """A small BERT with fresh weights and a linear head for each label.

    Args:
        layers: blocks.
        width: units of a token's state, a multiple of `heads`.
        heads: attention heads.
        feed_forward_width: units between the two layers of a feed-forward block.
        dropout: share of the units dropped in training.
        max_tokens: of a text.
        truncate: what becomes of longer ones: cut at the end (tail), at the beginning (head), or refused.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "tail"}
    CHOICES_ONLY: ClassVar[str] = "it has an output for each label; use a student that writes, such as student=tiny_t5"

    writes = False
    has_encoder = False  # what it reads is not mixed

    def __init__(
        self,
        layers: int,
        width: int,
        heads: int,
        feed_forward_width: int,
        dropout: float,
        max_tokens: int,
        truncate: Truncate = "tail",
    ) -> None:
        self._sizes = Sizes(layers, width, heads, feed_forward_width, dropout)
        self._max_tokens, self._truncate = max_tokens, truncate
        self._labels: tuple[str, ...] = ()
        self._several = False

    def for_labels(self, labels: Sequence[str], several: bool = False) -> "TinyTextClassifier":
        """Return the student with an output for each of these labels, of which a text may have several."""
        other = copy(self)
        other._labels, other._several = tuple(labels), several
        return other

    def check(self) -> list[str]:
        long = [] if self._max_tokens > 1 else [f"student.max_tokens={self._max_tokens} must be 2 or more"]
        return [*self._sizes.problems(), *long]

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        from distillrun.language_model.tiny import tiny_tokenizer

        return long_texts(tiny_tokenizer, self._max_tokens, self._truncate, pairs)

    def weights(self) -> int | None:
        from distillrun.language_model.tiny import count_weights, tiny_bert

        return count_weights(lambda tokenizer: tiny_bert(self._sizes, tokenizer, self._max_tokens))

    def identity(self) -> Mapping[str, Json]:
        tokenizer = hashlib.sha256(TOKENIZER_FILE.read_bytes()).hexdigest()
        return {"architecture": "bert", **asdict(self._sizes), "tokenizer": tokenizer}

    def build(self, seed: int) -> "ChoiceModel":
        from distillrun.language_model.text_classifier import TextClassifier
        from distillrun.language_model.text_encoder import TextEncoder
        from distillrun.language_model.tiny import tiny_bert, tiny_tokenizer
        from distillrun.process.runtime import seeded

        if not self._labels:
            raise ConfigError("student=tiny_text_classifier learns the labels of task=classification; choose that task")
        tokenizer = tiny_tokenizer()
        with seeded(seed):
            module = tiny_bert(self._sizes, tokenizer, self._max_tokens)
            encoder = TextEncoder(module, tokenizer, "mean", self._max_tokens, self._truncate)
            return TextClassifier(encoder, self._labels, self._sizes.dropout, freeze=False, several=self._several)

    def load(self, folder: Path) -> "ChoiceModel":
        from distillrun.language_model.text_classifier import load_classifier

        return load_classifier(folder, self._max_tokens, self._truncate, self._sizes.dropout, freeze=False, tables=())
