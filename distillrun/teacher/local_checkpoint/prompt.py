"""Prompts of the local teacher as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.language_model.chat import templated_text
from distillrun.language_model.loading import Chat
from distillrun.language_model.plain_text import plain_text
from distillrun.language_model.teacher_model import load_tokenizer
from distillrun.language_model.text import special_tokens
from distillrun.records import Message
from distillrun.text.thinking import OPENING, opens_thinking

Ids = tuple[int, ...]

REMEMBERED_PROMPTS = 1024
"""The samples of a prompt, and its texts to be scored, are asked for one after the other."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """A prompt, and the texts that are scored after it."""

    source: Ids
    ends: tuple[Ids, ...]


class PromptTokenizer:
    """The token ids of chats, by a checkpoint's template or as plain text.

    Args:
        folder: of the checkpoint.
        gguf_file: whose tokenizer it is, if the folder's weights are a GGUF file.
        chat: whether the template is used.
        separators: between blocks and before replies, see `plain_text`.
        reads_apart: the model is an encoder-decoder: a source ends with the tokenizer's own token, and what is written
            after it is tokenised on its own.

    Raises:
        ConfigError: the tokenizer does not load, or a template is wanted that it does not have.
    """

    def __init__(
        self, folder: Path, gguf_file: str | None, chat: Chat, separators: tuple[str, str], reads_apart: bool
    ) -> None:
        self.tokenizer = load_tokenizer(folder, gguf_file)
        has_template = bool(self.tokenizer.chat_template)
        if chat == "always" and not has_template:
            raise ConfigError(
                f"teacher.chat=always, but the tokenizer of teacher.checkpoint={folder} has no chat template; "
                "set teacher.chat=auto, or choose a chat model"
            )
        self._is_chat = has_template and chat != "never"
        self._separators = separators
        self._reads_apart = reads_apart
        self.opening = self._opening() if self._is_chat else ""
        """What a chat's prompt ends in and belongs to the reply: a tag that opens the thinking; mostly nothing."""
        self._remembered = lru_cache(REMEMBERED_PROMPTS)(self._ids)

    def ids(self, messages: Sequence[Message]) -> Ids:
        """Return the complete ids of a prompt; never none."""
        return self._remembered(tuple(messages))

    def _opening(self) -> str:
        try:
            prompt = templated_text(self.tokenizer, [Message("user", "?")])
        except ConfigError:  # a real prompt may pass, and is refused by its own roles if not
            return ""
        return OPENING if opens_thinking(prompt) else ""

    def scoring(self, messages: Sequence[Message], texts: Sequence[str]) -> Scoring:
        """Return a prompt and what may follow it as ids."""
        source = self.ids(messages)
        return Scoring(source, tuple(self.following(messages, source, text) for text in texts))

    def _ids(self, messages: tuple[Message, ...]) -> Ids:
        if self._is_chat:  # the template writes the special tokens itself
            text = templated_text(self.tokenizer, messages)
            return tuple(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        return self._plain(plain_text(messages, *self._separators))

    def following(self, messages: Sequence[Message], source: Ids, text: str) -> Ids:
        """Return the ids of a text that follows a prompt, whose own ids stay as they are."""
        if not self._is_chat and not self._reads_apart:
            joint = self._plain(plain_text(messages, *self._separators) + text)
            if joint[: len(source)] == source and len(joint) > len(source):
                return joint[len(source) :]
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _plain(self, text: str) -> Ids:
        opening, closing = special_tokens(self.tokenizer, "teacher.checkpoint")
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        found = (*opening, *ids, *(closing if self._reads_apart else ()))
        return found or (self._anything,)

    @property
    def _anything(self) -> int:
        """An id to start from where a prompt has none."""
        known = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        return next((int(token) for token in known if token is not None), 0)
