"""A chat as plain text, for models that know no chat."""

from collections.abc import Sequence

from distillrun.records import Message


def plain_text(messages: Sequence[Message], block_separator: str, reply_separator: str) -> str:
    """Return the messages as one text, which ends where the model goes on writing.

    The system's text and each turn are blocks; an assistant's text follows that of its user inside the block.
    """
    text = ""
    previous = None
    for message in messages:
        if previous is not None:
            text += reply_separator if (previous, message.role) == ("user", "assistant") else block_separator
        text += message.content
        previous = message.role
    return text
