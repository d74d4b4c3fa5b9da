"""A chat as text by a tokenizer's own template."""

from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.plain_text import without_system
from distillrun.records import Message


def templated_text(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """Return the messages as the tokenizer's chat template writes them, up to where the model's reply begins.

    Where the template refuses a system message, or leaves it out, its text opens the first user message instead.

    Raises:
        ConfigError: the template refuses the messages all the same.
    """
    try:
        if messages[0].role != "system":
            return _templated(tokenizer, messages)
        return _with_system(tokenizer, messages)
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        raise ConfigError(
            f"the chat template of teacher.checkpoint={tokenizer.name_or_path} takes no messages of {roles} ({error}); "
            "set teacher.chat=never, or choose another checkpoint"
        ) from error


def _with_system(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    try:
        text = _templated(tokenizer, messages)
        if messages[0].content.strip() in text:
            return text
    except TemplateError:
        pass
    return _templated(tokenizer, without_system(messages))


def _templated(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return str(text)
