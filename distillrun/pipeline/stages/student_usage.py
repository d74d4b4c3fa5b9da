"""The code in a student's card that loads it with transformers and asks it a question."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from distillrun.interfaces import StudentObjective, Task
from distillrun.records import Example, Segment

if TYPE_CHECKING:
    from distillrun.language_model.chat_format import ChatFormat
    from distillrun.language_model.text import SegmentTokenizer

QUESTION = "Which of these can be eaten?"
CHOICES = ("apple", "stone")
SAME = 50
"""Of the first so many questions; where all have the same choices, these are the task's."""

_WRITER = """\
from transformers import {kind}, AutoTokenizer

folder = "."  # where this file is, or the student's name on the Hub
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {kind}.from_pretrained(folder).eval()


def ask(source: str) -> str:
{inputs}
    written = model.generate(**inputs, max_new_tokens={tokens}, do_sample=False)
    return tokenizer.decode(written[0{new}], skip_special_tokens=True)


print(ask({answer!r}))
"""
_PLAIN = """\
    inputs = tokenizer(source, return_tensors="pt")"""
_CHAT = """\
    turns = [{{"role": "user", "content": source}}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True{options})
{thinking}    inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")"""
_THINKING = """\
    prompt = prompt.removesuffix({header!r}) + {turn!r}  # it thinks nothing
"""
_EXPLAIN = "print(ask({explain!r}))  # why\n"
_NEW = ', inputs["input_ids"].shape[1] :'


def usage_of(
    module: nn.Module,
    objective: StudentObjective,
    task: Task,
    examples: Sequence[Example],
    text: "SegmentTokenizer",
    max_new_tokens: int,
) -> str:
    """Return Python code that asks a saved student one question, of words that are nobody's data.

    Args:
        module: the student that writes.
        objective, task: as in its training.
        examples: training questions, of which only choices that all of them share are shown.
        text: how it reads.
        max_new_tokens: the most that it writes.
    """
    query = objective.query(Example("example", QUESTION, _choices(examples), None), task)
    config: Any = module.config
    reads_apart = bool(config.is_encoder_decoder)
    ending = text.seam
    code = _WRITER.format(
        kind="AutoModelForSeq2SeqLM" if reads_apart else "AutoModelForCausalLM",
        tokens=max_new_tokens,
        inputs=_PLAIN if text.chat is None else _chat(text.chat),
        new="" if reads_apart else _NEW,
        answer=_text(query.answer) + ending,
    )
    return code if query.explain is None else code + _EXPLAIN.format(explain=_text(query.explain) + ending)


def _chat(chat: "ChatFormat") -> str:
    """Return the lines that make a chat's prompt."""
    options = "".join(f", {key}={value!r}" for key, value in chat.options.items())
    thinking = "" if chat.turn == chat.header else _THINKING.format(header=chat.header, turn=chat.turn)
    return _CHAT.format(options=options, thinking=thinking)


def _choices(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the choices of all questions where they are the same, and made-up ones otherwise."""
    found = {example.choices for example in examples[:SAME]}
    return found.pop() if len(found) == 1 and len(examples) > 1 else CHOICES


def _text(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)
