"""The way in which a checkpoint reads prompts: in its chat format, or as plain text."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import has_template, may_think
from distillrun.language_model.loading import Chat
from distillrun.records import Json

if TYPE_CHECKING:
    from distillrun.language_model.chat_format import ChatFormat
    from distillrun.teacher.local_checkpoint.prompt import PromptTokenizer


@dataclass(frozen=True)
class Prompting:
    """The settings of a checkpoint's prompts, and its tokenizer, which is loaded where something asks for it.

    Attributes:
        reference: of the checkpoint.
        chat, chat_options, block_separator, reply_separator: as of `Local`.
    """

    reference: CheckpointReference
    chat: Chat
    chat_options: Mapping[str, Any]
    block_separator: str
    reply_separator: str

    @cached_property
    def prompts(self) -> "PromptTokenizer":
        """The conversion of prompts to token ids."""
        from distillrun.teacher.local_checkpoint.prompt import PromptTokenizer

        file, apart = self.reference.gguf_file, self._reads_apart
        separators = (self.block_separator, self.reply_separator)
        folder = self.reference.folder() if file else self.reference.outline()
        chat: Chat = "never" if apart and self.chat == "auto" else self.chat
        return PromptTokenizer(folder, file, chat, self.chat_options, separators, apart)

    @cached_property
    def format(self) -> "ChatFormat | None":
        """The format of its chats, for which no tokenizer is loaded where there can be none."""
        if self.chat == "never" or self._reads_apart:
            return None
        may = self.chat == "always" or self.reference.gguf_file is not None or has_template(self.reference.outline())
        return self.prompts.format if may else None

    def identity(self) -> dict[str, Json]:
        """Return what decides which tokens a prompt becomes, beside the checkpoint itself."""
        return {
            "chat": self.chat,
            "block_separator": self.block_separator,
            "reply_separator": self.reply_separator,
            **({"opening": self._opening} if self._opening else {}),
            **({"chat_options": dict(self.chat_options)} if self.chat_options else {}),
            **({"form": "plain"} if self._is_base else {}),
        }

    def scoring(self) -> dict[str, Json]:
        """Return how texts that go on from a prompt are scored: earlier versions put a blank before a chat's reply."""
        return {"reply": 2} if self.prompts.is_chat else {}

    @property
    def _reads_apart(self) -> bool:
        """True if it is an encoder-decoder."""
        return bool((self.reference.config() or {}).get("is_encoder_decoder"))

    @property
    def _is_base(self) -> bool:
        """True if its tokenizer has a template that `auto` leaves aside."""
        if self.chat != "auto" or self.reference.gguf_file is not None:
            return False
        return has_template(self.reference.outline()) and not self.prompts.is_chat

    @cached_property
    def _opening(self) -> str:
        """The tag of thinking that prompts end in, which is read without the tokenizer where there can be none."""
        may = self.chat != "never" and may_think(self.reference.outline())
        return self.prompts.opening if may else ""
