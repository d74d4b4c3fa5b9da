"""A chat as text by a tokenizer's own template."""

from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from distillrun.records import Message


def templated_text(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """Return the messages as the tokenizer's chat template writes them, up to where the model's reply begins.

    Where the template knows no system message, its text opens the first user message instead.
    """
    try:
        return _templated(tokenizer, messages)
    except TemplateError:
        if not messages or messages[0].role != "system":
            raise
    system, first, *rest = messages
    return _templated(tokenizer, [Message("user", f"{system.content}\n\n{first.content}"), *rest])


def _templated(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return str(text)
