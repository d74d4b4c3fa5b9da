"""The nouns: plain frozen records that pass between stages. No torch, no I/O.

Every record is JSON-able; `distillrun.jsonl` writes and reads them strictly.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Split = Literal["train", "dev", "test"]


class Record:
    """Marks a class as stored: reading it back refuses unknown, missing or wrongly typed fields."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One question. `answer` is an index into `choices`, since choices may repeat; None = not known.

    `group` names a part of a split that is also scored apart (`test/accuracy/<group>`), such as seen and unseen facts.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int | None
    group: str | None = None


def gold(example: Example) -> int:
    """Return the index of the right choice. Raises ValueError where it is not known: nothing can be taught then."""
    if example.answer is None:
        raise ValueError(f"example {example.id} has no answer and can neither be explained nor learnt from")
    return example.answer


def is_right(example: Example, choice: int | None) -> bool:
    """Return whether a choice reads as the right one does: where choices repeat, each of the equal ones is right."""
    if choice is None or example.answer is None:
        return False
    return example.choices[choice].strip().casefold() == example.choices[example.answer].strip().casefold()


@dataclass(frozen=True, slots=True)
class Message(Record):
    """One turn of a prompt in chat form; a base model joins the turns."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request(Record):
    """What a prompt asks for, as data: logs name it, and a teacher that is no language model answers it.

    `choice` is the choice to argue for; `draft` and `critique` are the earlier turns that the ask builds on.
    """

    ask: Literal["rationale", "critique", "revision"]
    example: Example
    choice: int
    draft: str | None = None
    critique: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt(Record):
    """What a teacher is asked: the text, and the same request as data."""

    messages: tuple[Message, ...]
    request: Request


@dataclass(frozen=True, slots=True)
class Sampling(Record):
    """How a completion is drawn. Temperature 0 is greedy. No other setting has a hidden default."""

    max_new_tokens: int
    temperature: float
    top_p: float
    samples: int
    seed: int
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completion(Record):
    """One text from the teacher, with what it cost."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Rationale(Record):
    """Teacher text that argues for a choice: `text` as cleaned for the student, `raw` as the teacher wrote it.

    `supports` is the choice argued for. A factual rationale argues for the right choice, a counterfactual one for a
    wrong choice. `version` says whether it is the first draft or the revision that followed a critique.
    """

    text: str
    raw: str
    supports: int
    kind: Literal["factual", "counterfactual"]
    version: Literal["initial", "revised"]


@dataclass(frozen=True, slots=True)
class TeacherRecord(Record):
    """Everything that the teacher gave for one example. `trace` maps a step's name to its raw text (critiques)."""

    example_id: str
    rationales: tuple[Rationale, ...]
    trace: dict[str, str]


def factual(record: TeacherRecord | None, version: str) -> Rationale:
    """Return the factual rationale of a version. Raises ValueError where the teacher gave none."""
    for rationale in record.rationales if record else ():
        if rationale.kind == "factual" and rationale.version == version:
            return rationale
    raise ValueError(f"example {record.example_id if record else '?'} has no {version} rationale")


@dataclass(frozen=True, slots=True)
class Segment(Record):
    """A stretch of text that a student reads or writes.

    `learn`: its tokens count in the loss (targets only). `cut`: it may be shortened from its end where the whole is too
    long; the other segments are never touched, so truncation cannot eat an answer.
    """

    text: str
    learn: bool = True
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TargetPair(Record):
    """What the student reads (`source`) and writes (`target`) in one view of an example."""

    source: tuple[Segment, ...]
    target: tuple[Segment, ...]
    view: str


@dataclass(frozen=True, slots=True)
class Query(Record):
    """What the student is asked at test time.

    `rationale` says where the reply to `answer` holds a rationale: nowhere, before the answer or after it. Where it is
    nowhere and the student can explain all the same, `explain` asks for it in a text of its own.
    """

    answer: tuple[Segment, ...]
    explain: tuple[Segment, ...] | None = None
    rationale: Literal["none", "before", "after"] = "none"


@dataclass(frozen=True, slots=True)
class Reply(Record):
    """What an objective read out of a student's text: the part that holds the answer, and the rationale."""

    answer: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Prediction(Record):
    """A student's answer. `choice` None = unparsed: wrong, and counted apart.

    Where the choices were scored: `choice_log_probs` are the log-likelihoods of the answers in nats, summed over their
    `choice_tokens` tokens.
    """

    example_id: str
    text: str
    rationale: str
    choice: int | None
    choice_log_probs: tuple[float, ...] | None = None
    choice_tokens: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Score(Record):
    """A number that never travels without its n and its 95 % interval (low, high)."""

    name: str
    value: float
    n: int
    low: float
    high: float
