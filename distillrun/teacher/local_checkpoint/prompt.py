"""Prompts of the local teacher as token ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.language_model.chat import templated_text
from distillrun.language_model.chat_format import ChatFormat, chat_format
from distillrun.language_model.loading import Chat
from distillrun.language_model.plain_text import plain_text
from distillrun.language_model.special_tokens import special_tokens
from distillrun.language_model.teacher_model import load_tokenizer
from distillrun.records import Json, Message
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
        chat: whether the template is used: auto = by an instruct model, see `chat_format`.
        options: what the template is given.
        separators: between blocks and before replies, see `plain_text`.
        reads_apart: the model is an encoder-decoder: a source ends with the tokenizer's own token, and what is written
            after it is tokenised on its own.

    Raises:
        ConfigError: the tokenizer does not load, or a template is wanted that it does not have.
    """

    def __init__(
        self,
        folder: Path,
        gguf_file: str | None,
        chat: Chat,
        options: Mapping[str, Json],
        separators: tuple[str, str],
        reads_apart: bool,
    ) -> None:
        self.tokenizer = load_tokenizer(folder, gguf_file)
        # a GGUF file does not say at which tokens its texts end
        wanted = "always" if gguf_file and chat == "auto" and self.tokenizer.chat_template else chat
        self._options = options
        self._format: ChatFormat | None = None
        self._unusable: ConfigError | None = None
        try:
            self._format = chat_format(folder, self.tokenizer, wanted, options, "teacher")
        except ConfigError as error:
            if not self.tokenizer.chat_template:
                raise
            self._unusable = error  # it may write prompts all the same
        self.is_chat = self._format is not None or self._unusable is not None
        self._separators = separators
        self._reads_apart = reads_apart
        self.opening = self._opening() if self.is_chat else ""
        """What a chat's prompt ends in and belongs to the reply: a tag that opens the thinking; mostly nothing."""
        self._remembered = lru_cache(REMEMBERED_PROMPTS)(self._ids)

    @property
    def format(self) -> ChatFormat | None:
        """The format of a question with its reply; None = plain. Raises ConfigError where the template writes none."""
        if self._unusable is not None:
            raise self._unusable
        return self._format

    def ids(self, messages: Sequence[Message]) -> Ids:
        """Return the complete ids of a prompt; never none."""
        return self._remembered(tuple(messages))

    def _opening(self) -> str:
        try:
            prompt = self._templated([Message("user", "?")])
        except ConfigError:  # a real prompt may pass, and is refused by its own roles if not
            return ""
        return OPENING if opens_thinking(prompt) else ""

    def scoring(self, messages: Sequence[Message], texts: Sequence[str]) -> Scoring:
        """Return a prompt and what may follow it as ids; a chat model is not given the room to think before it."""
        source = self.ids(messages)
        if self._format is not None:
            source = self._cut(self._format.answered(self._templated(messages)))
        return Scoring(source, tuple(self.following(messages, source, text) for text in texts))

    def _ids(self, messages: tuple[Message, ...]) -> Ids:
        if self.is_chat:  # the template writes the special tokens itself
            text = self._templated(messages)
            return self._cut(text)
        return self._plain(plain_text(messages, *self._separators))

    def following(self, messages: Sequence[Message], source: Ids, text: str) -> Ids:
        """Return the ids of a text that follows a prompt, whose own ids stay as they are.

        A chat's reply begins as its template begins one: a blank before the text is for plain prompts.
        """
        if self._format is not None:
            return self._behind(self._format.turn, self._format.lead + text.lstrip(" "))
        if not self.is_chat and not self._reads_apart:
            joint = self._plain(plain_text(messages, *self._separators) + text)
            if joint[: len(source)] == source and len(joint) > len(source):
                return joint[len(source) :]
        return self._cut(text)

    def _behind(self, turn: str, text: str) -> Ids:
        """Return the ids of a text behind the end of a prompt, on its own where a token would lie across the seam."""
        ahead, joint = self._cut(turn), self._cut(turn + text)
        return joint[len(ahead) :] if joint[: len(ahead)] == ahead else self._cut(text)

    def _templated(self, messages: Sequence[Message]) -> str:
        return templated_text(self.tokenizer, messages, self._format.options if self._format else self._options)

    def _cut(self, text: str) -> Ids:
        return tuple(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _plain(self, text: str) -> Ids:
        opening, closing = special_tokens(self.tokenizer, "teacher.checkpoint")
        found = (*opening, *self._cut(text), *(closing if self._reads_apart else ()))
        return found or (self._anything,)

    @property
    def _anything(self) -> int:
        """An id to start from where a prompt has none."""
        known = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        return next((int(token) for token in known if token is not None), 0)
