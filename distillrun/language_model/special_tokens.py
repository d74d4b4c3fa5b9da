"""The tokens that are not text: what a tokenizer puts around a text, and what ends one."""

from transformers import PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.chat_format import ChatFormat


def target_ids(tokenizer: PreTrainedTokenizerBase, text: str, chat: ChatFormat | None = None) -> list[int]:
    """Return the ids of a text that is learnt as a target, with the id that ends it where there is one."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    end = tokenizer.eos_token_id if chat is None else chat.end
    return [*ids, *([] if end is None else [int(end)])]


def special_tokens(
    tokenizer: PreTrainedTokenizerBase, key: str = "student.checkpoint"
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids that a tokenizer puts before and after a text of its own accord; `key` is what named it."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    dressed = tokenizer("a", add_special_tokens=True)["input_ids"]
    for begin in range(len(dressed) - len(bare) + 1):
        end = begin + len(bare)
        if dressed[begin:end] == bare:
            return tuple(dressed[:begin]), tuple(dressed[end:])
    raise ConfigError(
        f"the tokenizer of {key}={tokenizer.name_or_path} changes the text itself when it adds special "
        f"tokens ({bare} became {dressed}); choose another checkpoint"
    )
