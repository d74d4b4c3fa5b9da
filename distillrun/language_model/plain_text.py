"""A chat as plain text, for models without a chat template."""

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


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Return a chat in which the system text opens the first user message, for templates that know no such role."""
    if not messages or messages[0].role != "system":
        return list(messages)
    system, *rest = messages
    first = [message.content for message in rest[:1] if message.role == "user"]
    return [Message("user", "\n\n".join([system.content, *first])), *rest[len(first) :]]
