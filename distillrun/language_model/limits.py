"""Length limits of a student's texts, and the separator between source and target. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from distillrun.language_model.checkpoint_folder import is_encoder
from distillrun.records import TargetPair

Truncate = Literal["tail", "head", "refuse"]
"""Where a text that is too long is cut: at its end, at its beginning, or not at all."""

OWN_TOKENS = 8
"""More than any tokenizer puts around a text, EOS included."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in tokens, special tokens included.

    Attributes:
        max_source_tokens, max_target_tokens: longer texts are cut in their cut segments.
        separator: text between source and target of a decoder-only model; an encoder-decoder has no use for it.
        truncate: what becomes of a question that is too long even so.
        frame: bytes of what a chat template writes around a source.
    """

    max_source_tokens: int
    max_target_tokens: int
    separator: str
    truncate: Truncate = "refuse"
    frame: int = 0

    def may_be_exceeded(self, pair: TargetPair) -> bool:
        """Return whether a pair could be too long; without a tokenizer's help.

        A tokenizer makes no more tokens than a text has bytes, and adds a few of its own.
        """
        read = sum(len(segment.text.encode()) for segment in pair.source) + len(self.separator.encode())
        written = sum(len(segment.text.encode()) for segment in pair.target)
        return read + self.frame + OWN_TOKENS > self.max_source_tokens or written + OWN_TOKENS > self.max_target_tokens

    def problems(self, config: Mapping[str, Any] | None) -> list[str]:
        """Return what is wrong with the limits for a model with this `config.json` (None = not known yet)."""
        asked = {
            "student.max_source_tokens": self.max_source_tokens,
            "student.max_target_tokens": self.max_target_tokens,
        }
        problems = [f"{key}={tokens} must be 2 or more" for key, tokens in asked.items() if tokens < 2]
        positions = positions_of(config or {})
        if positions is None or problems:
            return problems
        if _reads_apart(config or {}):
            return [
                f"{key}={tokens} is more than the {positions} positions of this model; set {key}={positions} or less"
                for key, tokens in asked.items()
                if tokens > positions
            ]
        if sum(asked.values()) > positions:
            settings = " + ".join(f"{key}={tokens}" for key, tokens in asked.items())
            problems.append(f"{settings} is more than the {positions} positions of this model; lower one of them")
        return problems


def leading(separator: str) -> str:
    """Return the blanks that a separator ends in: a target begins with them."""
    return separator[len(separator.rstrip(" \t")) :]


def positions_of(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens a model can number; None if its positions are relative, or the config does not say."""
    if "relative_attention_num_buckets" in config:
        return None
    known = [config, config.get("encoder") or {}, config.get("decoder") or {}]
    limits = [part[key] for part in known for key in ("max_position_embeddings", "n_positions") if part.get(key)]
    return min(limits, default=None)


def _reads_apart(config: Mapping[str, Any]) -> bool:
    """Return whether source and target are numbered apart: an encoder-decoder, or an encoder that becomes one."""
    return bool(config.get("is_encoder_decoder")) or is_encoder(config)
