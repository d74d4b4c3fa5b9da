"""The way in which a teacher that is asked by token ids reads a student's pairs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import TOKENIZER_FILES
from distillrun.language_model.limits import leading
from distillrun.records import Json, TargetPair
from distillrun.teacher.local_checkpoint.prompting import Prompting


@dataclass(frozen=True)
class TokenizerReference(CheckpointReference):
    """A tokenizer by name: a folder that needs no weights, or a name on the Hugging Face Hub."""

    def problems(self) -> list[str]:
        """Return why there is no tokenizer to be had, in words that name the cure."""
        folder = Path(self.checkpoint).expanduser()
        if not folder.is_dir():
            return super().problems()
        if any(True for pattern in TOKENIZER_FILES for _ in folder.glob(pattern)):
            return []
        return [f"{self._name} has no tokenizer ({', '.join(TOKENIZER_FILES)}); give the folder of the served model"]

    @property
    def _name(self) -> str:
        return f"{self.group}.tokenizer={self.checkpoint}"


@dataclass(frozen=True)
class PairFormat:
    """The tokenizer and the format with which pairs are read, as `Local` reads them in memory.

    Attributes:
        prompting: the tokenizer, and its chat format.
        target_separator: between what is read and what is written, where no chat template stands there.
    """

    prompting: Prompting
    target_separator: str

    def tokens(self) -> dict[str, int]:
        """Return the token -> id map."""
        return dict(self.prompting.prompts.tokenizer.get_vocab())

    def digest(self) -> str:
        """Return the sha256 of the token -> id map."""
        return hashlib.sha256(json.dumps(sorted(self.tokens().items())).encode()).hexdigest()

    def cut(self, text: str) -> Sequence[int]:
        """Return the ids of a text that a student learns, the end last."""
        from distillrun.language_model.special_tokens import target_ids

        return target_ids(self.prompting.prompts.tokenizer, text, self.prompting.format)

    def source(self, pair: TargetPair, max_source_tokens: int) -> Sequence[int]:
        """Return the ids of what stands before a pair's target. Raises ConfigError where it is too long."""
        from distillrun.language_model.text import SegmentTokenizer

        found = self.prompting.format
        tokenizer = self.prompting.prompts.tokenizer
        if max_source_tokens not in self._texts:
            frame = len(tokenizer(found.opening + found.turn)["input_ids"]) if found else 0
            room = max_source_tokens + frame
            self._texts[max_source_tokens] = SegmentTokenizer(tokenizer, room, 2, self.target_separator, chat=found)
        text = self._texts[max_source_tokens]
        assert isinstance(text, SegmentTokenizer)
        return text.source(pair.source)

    def problems(self) -> list[str]:
        """Return why pairs cannot be read with it."""
        try:
            end = self.cut("x")
        except ConfigError as error:
            return [str(error)]
        if len(end) < 2 and self.prompting.prompts.tokenizer.eos_token_id is None:
            return ["the teacher's tokenizer has no EOS token, which says where a target ends; choose another model"]
        return []

    def identity(self) -> Mapping[str, Json]:
        """Return what decides which tokens a pair becomes, beside the tokenizer."""
        found, lead = self.prompting.format, leading(self.target_separator)
        own: dict[str, Json] = {"chat": found.written()} if found else {"lead": lead} if lead else {}
        return {"target_separator": self.target_separator, **own}

    @cached_property
    def _texts(self) -> dict[int, object]:
        return {}
