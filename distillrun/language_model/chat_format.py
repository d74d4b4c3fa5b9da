"""The frame that a chat template puts around a question and its reply."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.checkpoint_folder import read_ends
from distillrun.language_model.loading import Chat
from distillrun.records import Json, Segment

FILE = "chat_format.json"
"""What a saved model was trained to read, where its tokenizer has a template: next to its weights."""

_USER, _REPLY = "Qz7 asks", "Xk9 replies"
"""Texts that no template holds and that none changes."""

_BLANKS = (" ", "\n", "\t")

DAY = "{% macro strftime_now(form) %}26 Jul 2024{% endmacro %}"
"""What templates that write today's date are told, so that a text is read alike on every day."""


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """A conversation of one question and its reply: opening, question, turn, lead, reply, closing, end of turn.

    Attributes:
        opening: before the question: the beginning of the text, a default system message, the user's header.
        turn: between question and reply, read by the model: the end of the user's turn, the assistant's header, and
            thinking that the template leaves empty.
        lead: blanks before the reply that the model writes itself.
        closing: after the reply, before the end of turn; mostly nothing.
        end: the id that ends the reply.
        header: what a prompt ends in where a reply is asked for: mostly the `turn`, without empty thinking.
        strips_question, strips_reply: the blanks that the template takes off their beginnings, and off their ends.
        options: what the template was given, such as `enable_thinking`.
    """

    opening: str
    turn: str
    lead: str
    closing: str
    end: int
    header: str
    strips_question: tuple[str, str]
    strips_reply: tuple[str, str]
    options: Mapping[str, Json] = field(default_factory=dict)

    def question(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """Return the segments of a question with what the template writes around it, which is never cut."""
        return (Segment(self.opening), *stripped(segments, *self.strips_question), Segment(self.turn))

    def reply(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """Return the segments of a reply as the template writes them."""
        return stripped(segments, *self.strips_reply)

    def answered(self, prompt: str) -> str:
        """Return a prompt up to where the reply begins at once: thinking that it asks for is left empty, or out."""
        return prompt.removesuffix(self.header) + self.turn if prompt.endswith(self.header) else prompt

    def written(self) -> dict[str, Json]:
        """Return what tells it from other formats of the same tokenizer, for fingerprints."""
        return {"opening": self.opening, "turn": self.turn, "lead": self.lead, "closing": self.closing, "end": self.end}


def chat_format(
    folder: Path, tokenizer: PreTrainedTokenizerBase, chat: Chat, options: Mapping[str, Json], group: str = "student"
) -> ChatFormat | None:
    """Return the format of a checkpoint's conversations; None where texts are read plain.

    With `auto`, what a folder notes of its own training decides (`chat_format.json`). Where it notes nothing, a
    template is used by an instruct model: one whose texts end (by its generation config, or its tokenizer's EOS) at the
    token with which the template ends the assistant's turn. A base model whose tokenizer has a template ends elsewhere.

    Args:
        folder: of the checkpoint.
        tokenizer: of the checkpoint.
        chat: auto, always or never.
        options: what the template is given.
        group: the config group that names the checkpoint, for messages.

    Raises:
        ConfigError: there is no template though one is wanted, or it cannot write a question with its reply.
    """
    if chat == "never":
        return None
    if not tokenizer.chat_template:
        if chat == "always":
            raise ConfigError(
                f"{group}.chat=always, but the tokenizer of {group}.checkpoint={tokenizer.name_or_path} has no chat "
                f"template; set {group}.chat=auto, or choose an instruct model"
            )
        return None
    noted = noted_format(folder)
    if chat == "auto" and noted is not None and not noted["chat"]:
        return None
    known = noted["chat_options"] if noted is not None else {}
    found = read_format(tokenizer, options or (known if isinstance(known, dict) else {}), group)
    ends = {*read_ends(folder), tokenizer.eos_token_id}
    return found if chat == "always" or noted is not None or found.end in ends else None


def noted_format(folder: Path) -> Mapping[str, Json] | None:
    """Return what a folder notes of how its model was trained; None where it notes nothing that can be read."""
    try:
        noted = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) and {"chat", "chat_options"} <= noted.keys() else None


def note_format(tokenizer: PreTrainedTokenizerBase, found: ChatFormat | None, folder: Path) -> None:
    """Note in a model's folder whether it reads chats, where its tokenizer would let one think either."""
    if tokenizer.chat_template:
        noted = {"chat": found is not None, "chat_options": dict(found.options) if found else {}}
        (folder / FILE).write_text(json.dumps(noted) + "\n", encoding="utf-8")


def read_format(tokenizer: PreTrainedTokenizerBase, options: Mapping[str, Json], group: str = "student") -> ChatFormat:
    """Return the format of a tokenizer's template.

    Raises:
        ConfigError: the template does not write a question with its reply, each once and as it is.
    """

    def told(*texts: str, prompt: bool = False) -> str:
        turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=False)]
        return rendered(tokenizer, turns, options, prompt)

    try:
        asked, whole = told(_USER, prompt=True), told(_USER, _REPLY)
        padded = {blank: told(f"{blank}{_USER}{blank}", f"{blank}{_REPLY}{blank}") for blank in _BLANKS}
    except (TemplateError, TypeError, ValueError) as error:
        raise _unusable(tokenizer, group, str(error)) from error
    if whole.count(_USER) != 1 or whole.count(_REPLY) != 1 or whole.index(_USER) > whole.index(_REPLY):
        raise _unusable(tokenizer, group, "it does not write a question and its reply once each")
    opening, turn, ending = _parts(whole)
    header = asked.partition(_USER)[2]
    lead = turn[len(header) :] if turn.startswith(header) else ""
    lead = "" if lead.strip() else lead  # what is no blank is thinking that is left empty: given, not written
    closing, end = _end_of_turn(tokenizer, ending)
    gone = {blank: _stripped_sides(blank, (opening, turn, ending), _parts(text)) for blank, text in padded.items()}
    sides = ["".join(blank for blank, sides in gone.items() if sides[side]) for side in range(4)]
    shown = turn[: len(turn) - len(lead)]
    return ChatFormat(
        opening, shown, lead, closing, end, header, (sides[0], sides[1]), (sides[2], sides[3]), dict(options)
    )


def rendered(
    tokenizer: PreTrainedTokenizerBase, turns: Sequence[Mapping[str, str]], options: Mapping[str, Json], prompt: bool
) -> str:
    """Return a conversation as the tokenizer's template writes it, on every day alike.

    Args:
        tokenizer: whose template it is.
        turns: role and content of each message.
        options: what else the template is given.
        prompt: whether the assistant's header is written at the end.
    """
    template: Any = tokenizer.get_chat_template()
    given: dict[str, Any] = {"chat_template": DAY + template if "strftime_now" in template else template, **options}
    written: Any = tokenizer.apply_chat_template(
        [dict(turn) for turn in turns], tokenize=False, add_generation_prompt=prompt, **given
    )
    return str(written)


def _parts(whole: str) -> tuple[str, str, str]:
    """Return what stands before the question, between question and reply, and after the reply."""
    opening, _, rest = whole.partition(_USER)
    turn, _, ending = rest.partition(_REPLY)
    return opening, turn, ending


def _stripped_sides(blank: str, bare: tuple[str, str, str], parts: tuple[str, str, str]) -> tuple[bool, ...]:
    """Return whether a blank was taken off the question's beginning and end, and off the reply's."""
    opening, turn, ending = bare
    added = len(parts[1]) - len(turn)
    after_question = added == 2 or (added == 1 and parts[1] == blank + turn)
    before_reply = added == 2 or (added == 1 and not after_question)
    return parts[0] == opening, not after_question, not before_reply, parts[2] == ending


def stripped(segments: Sequence[Segment], left: str, right: str) -> tuple[Segment, ...]:
    """Return segments without these characters at the beginning and at the end of their joined text."""
    kept = list(segments)
    while kept and not (text := kept[0].text.lstrip(left)):
        del kept[0]
    if kept:
        kept[0] = replace(kept[0], text=text)
    while kept and not (text := kept[-1].text.rstrip(right)):
        del kept[-1]
    if kept:
        kept[-1] = replace(kept[-1], text=text)
    return tuple(kept)


def _end_of_turn(tokenizer: PreTrainedTokenizerBase, ending: str) -> tuple[str, int]:
    """Return the text before the first special token of what follows a reply, and that token; else EOS."""
    encoded = tokenizer(ending, add_special_tokens=False, return_offsets_mapping=True)
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    special |= {*tokenizer.all_special_ids}
    for token, (begin, _) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if token in special:
            return ending[:begin], int(token)
    return "", int(tokenizer.eos_token_id)


def _unusable(tokenizer: PreTrainedTokenizerBase, group: str, why: str) -> ConfigError:
    return ConfigError(
        f"the chat template of {group}.checkpoint={tokenizer.name_or_path} cannot be used ({why}); set "
        f"{group}.chat=never, or choose another checkpoint"
    )
