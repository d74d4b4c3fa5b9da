"""The texts and requests that a student is trained with."""

from dataclasses import dataclass
from typing import Literal

from distillrun.records.base import Record
from distillrun.records.example import Example
from distillrun.records.teaching import TeacherRecord


@dataclass(frozen=True, slots=True)
class Segment(Record):
    """A stretch of text that a student reads or writes.

    `learn`: its tokens count in the loss (targets only). `cut`: it may be shortened from its end where the whole is too
    long; the other segments are never touched, so truncation cannot eat an answer. `asked`: it is the question, which
    `student.truncate` may shorten where it is read.
    """

    text: str
    learn: bool = True
    cut: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class TargetPair(Record):
    """A text to read (`source`) and a text to write (`target`) in one view of an example.

    `written` are the very ids of a target that a student wrote itself, EOS among them if it wrote one: its text might
    be tokenised otherwise. They stand in the place of `target`. `padding` is how many pads are learnt after its end.
    """

    source: tuple[Segment, ...]
    target: tuple[Segment, ...]
    view: str
    written: tuple[int, ...] | None = None
    padding: int = 0


@dataclass(frozen=True, slots=True)
class LongText:
    """A text that has more tokens than a student takes.

    Attributes:
        index: of its pair among those that were looked at.
        part: source: what is read; target: what is written.
        tokens: how many it has, special tokens included.
        setting: the limit, such as `student.max_source_tokens=512`.
        problem: why it is refused, with the cure; empty where it is cut.
    """

    index: int
    part: Literal["source", "target"]
    tokens: int
    setting: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """One example in one optimizer step; `seed` is of this visit alone."""

    example: Example
    record: TeacherRecord | None
    seed: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose choices are scored while a student trains.

    Attributes:
        source: what the student reads.
        answers: what it would write to answer with each choice.
        right: the index of the right one; None where several may be right.
        teacher: the teacher's log-probs of the choices; None where it was not asked.
        seed: of this visit alone.
        labels: the indices of all right ones, where texts have several labels each; otherwise None.
        shares: of each of these labels, the share of the teacher's samples that name it; None where it was not asked.
    """

    source: tuple[Segment, ...]
    answers: tuple[tuple[Segment, ...], ...]
    right: int | None
    teacher: tuple[float, ...] | None
    seed: int
    labels: tuple[int, ...] | None = None
    shares: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class LogitRequest(Record):
    """The settings with which a teacher's distributions are read.

    Attributes:
        top_k: how many of the likeliest ids are kept at each position and one bucket for all others; None = all.
        temperature: the teacher's logits are divided by it first.
        dtype: of the log-probs when they are stored; the bucket's is always float32.
    """

    top_k: int | None
    temperature: float
    dtype: Literal["float16", "float32"]


@dataclass(frozen=True, slots=True)
class TokenText(Record):
    """A text as token ids, for a teacher behind a server.

    Attributes:
        ids: what it reads.
        begin: the first token, 1 or more, whose distribution is wanted; those of all after it are wanted, too.
    """

    ids: tuple[int, ...]
    begin: int


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirements of an objective in addition to texts.

    Attributes:
        teacher: none; stored: its distributions are read once and kept; live: it is in memory while the student trains;
            reference: the student as it was before the training is.
        logits: how they are read; None = they are not.
        hidden: the hidden states of student and teacher.
        same_tokenizer: positions and ids are compared one by one.
        whole_examples: rows of one example must go through the student together.
        choices: the scores of the choices too, of a student that writes.
        encoder: a student that reads with an encoder.
        heads: the heads of student and teacher are run by themselves, on hidden states.
    """

    teacher: Literal["none", "stored", "live", "reference"] = "none"
    logits: LogitRequest | None = None
    hidden: bool = False
    same_tokenizer: bool = True
    whole_examples: bool = False
    choices: bool = False
    encoder: bool = False
    heads: bool = False
