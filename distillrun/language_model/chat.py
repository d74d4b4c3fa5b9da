"""A chat as text by a tokenizer's own template."""

from collections.abc import Mapping, Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.chat_format import rendered
from distillrun.language_model.plain_text import without_system
from distillrun.records import Json, Message


def templated_text(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], options: Mapping[str, Json]) -> str:
    """Return the messages as the tokenizer's chat template writes them, up to where the model's reply begins.

    Where the template refuses a system message, or leaves it out, its text opens the first user message instead.

    Args:
        tokenizer: whose template it is.
        messages: of the chat.
        options: what the template is given, such as `enable_thinking`.

    Raises:
        ConfigError: the template refuses the messages all the same.
    """
    try:
        if messages[0].role != "system":
            return _templated(tokenizer, messages, options)
        return _with_system(tokenizer, messages, options)
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        raise ConfigError(
            f"the chat template of teacher.checkpoint={tokenizer.name_or_path} takes no messages of {roles} ({error}); "
            "set teacher.chat=never, or choose another checkpoint"
        ) from error


def _with_system(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], options: Mapping[str, Json]) -> str:
    try:
        text = _templated(tokenizer, messages, options)
        if messages[0].content.strip() in text:
            return text
    except TemplateError:
        pass
    return _templated(tokenizer, without_system(messages), options)


def _templated(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], options: Mapping[str, Json]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    return rendered(tokenizer, turns, options, prompt=True)
