"""The nouns: plain frozen records that pass between stages. No torch, no I/O.

Every record is JSON-able; `distillrun.jsonl` writes and reads them strictly.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
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

    rationale: argue for `choice`. answer: reason, then answer (`choice` None; with a choice, it was hinted at).
    critique, revision: find a fault of `draft` and mend it. judgement: is `draft` right, wrong or uncertain.
    question: write a new question; `example` is one to go by; where it is asked for in steps, `draft` holds what there
    is of it, the question and its answer, a line each. choices: only scored, see `WhiteBoxTeacher.score`.
    """

    ask: Literal["rationale", "answer", "critique", "revision", "judgement", "question", "choices"]
    example: Example
    choice: int | None = None
    draft: str | None = None
    critique: str | None = None


@dataclass(frozen=True, slots=True)
class Contrast(Record):
    """Contrastive decoding of a prompt against `messages`, the same prompt under another answer.

    The next token is argmax of log p(v) - weight * log p'(v) over the tokens whose p is at least `plausibility` times
    the largest p. Source: SCOTT, Wang et al. 2023, https://arxiv.org/abs/2305.01879, section 3.1; the mask: Li et al.
    2023, https://arxiv.org/abs/2210.15097, equation 2.
    """

    messages: tuple[Message, ...]
    weight: float
    plausibility: float


@dataclass(frozen=True)
class Prompt(Record):
    """What a teacher is asked: the text, and the same request as data."""

    messages: tuple[Message, ...]
    request: Request
    contrast: Contrast | None = None

    @cached_property
    def digest(self) -> str:
        """Sha256 of what a language model reads; the request is not part of it."""
        read: dict[str, object] = {"messages": [(message.role, message.content) for message in self.messages]}
        if self.contrast is not None:
            contrast = self.contrast
            against = [(message.role, message.content) for message in contrast.messages]
            read["contrast"] = [against, contrast.weight, contrast.plausibility]
        return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sampling(Record):
    """How completions are drawn. Temperature 0 is greedy. A completion ends before the first of the `stop` texts."""

    max_new_tokens: int
    temperature: float
    top_p: float
    samples: int
    stop: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.samples < 1:
            raise ValueError(
                f"max_new_tokens={self.max_new_tokens} and samples={self.samples} of a sampling must be 1 or more"
            )
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                f"temperature={self.temperature} must be 0 or more, and top_p={self.top_p} above 0 and at most 1"
            )
        if "" in self.stop:
            raise ValueError("stop holds an empty text, at which every completion would end; take it out")


@dataclass(frozen=True, slots=True)
class Draw(Record):
    """One completion to be drawn of a prompt: the `sample`-th under the generation's seed."""

    prompt: Prompt
    sample: int
    seed: int

    @property
    def own_seed(self) -> int:
        """A seed of this draw alone, below 2**31: it stays the same whatever is asked beside it or before it."""
        digest = hashlib.sha256(f"{self.seed}:{self.prompt.digest}:{self.sample}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1


@dataclass(frozen=True, slots=True)
class Completion(Record):
    """One text from a teacher, with what it cost.

    Attributes:
        text: what was written before the first stop text.
        finish_reason: stop (a stop text or the model's own end), length (`max_new_tokens` were written), refused (the
            server's filter or the model's own refusal channel), too_long (the prompt does not fit the context), failed
            (no answer in the end; asked again by the next run).
        prompt_tokens, completion_tokens: as the teacher counts, or was paid for.
        discarded_tokens: of the completion tokens, those that were computed after the end of `text` and its stop text.
        log_prob: of the completion's tokens, summed, in nats; None where the teacher does not tell.
        teacher: its name.
        reason: why the text cannot be used; empty where it can.
    """

    text: str
    finish_reason: Literal["stop", "length", "refused", "too_long", "failed"]
    prompt_tokens: int
    completion_tokens: int
    discarded_tokens: int = 0
    log_prob: float | None = None
    teacher: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScoredContinuation(Record):
    """Log-likelihood in nats of a continuation given its source, and how many tokens it is summed over."""

    log_prob: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Price(Record):
    """US dollars per million tokens."""

    input: float
    output: float

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what so many tokens cost."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class Budget(Record):
    """The most that a teacher may be asked from one store, by all runs together; None = no cap.

    `tokens` counts prompt and completion tokens, `requests` every one that is sent, retries among them.
    """

    requests: int | None
    tokens: int | None
    usd: float | None

    def __post_init__(self) -> None:
        for name in ("requests", "tokens", "usd"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"budget.{name}={value} must be 0 or more, or null for no cap")


@dataclass(frozen=True, slots=True)
class Rationale(Record):
    """Teacher text that argues for a choice: `text` as cleaned for the student, `raw` as the teacher wrote it.

    Attributes:
        supports: the choice argued for.
        kind: a factual rationale argues for the right choice (or, where none is known, for the teacher's own answer),
            a counterfactual one for a wrong choice.
        version: the first draft, or the revision that followed a critique.
        origin: how it came about: the generation step, or its part, such as star's forward and hinted.
        teacher: who wrote it.
        finish_reason: of its completion.
        log_prob: of its completion, summed in nats; None where the teacher does not tell.
        verdict: what the teacher, asked later, makes of it; None where it was not asked, or gave no verdict.
    """

    text: str
    raw: str
    supports: int
    kind: Literal["factual", "counterfactual"]
    version: Literal["initial", "revised"]
    origin: str = ""
    teacher: str = ""
    finish_reason: str = ""
    log_prob: float | None = None
    verdict: Literal["right", "wrong", "uncertain"] | None = None


def kind_of(rationale: Rationale) -> str:
    """Return what a rationale is called where kinds are handed on or counted: initial, revised or counterfactual."""
    return rationale.version if rationale.kind == "factual" else rationale.kind


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """A completion that could not be used: the `reason` in a word or two that can be counted, the `detail` to read."""

    step: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TeacherRecord(Record):
    """Everything that the teacher gave for one example.

    Attributes:
        example_id: whose.
        rationales: in the order in which they were asked for.
        trace: a step's name -> its raw text (critiques).
        answer: the choice that the teacher itself answers with; None where it was not asked, or not understood.
        agreement: share of its parsed answers that give `answer`, in (0, 1].
        choice_log_probs: of the choices, in nats, normalised over them.
        failures: completions that could not be used.
    """

    example_id: str
    rationales: tuple[Rationale, ...]
    trace: dict[str, str]
    answer: int | None = None
    agreement: float | None = None
    choice_log_probs: tuple[float, ...] | None = None
    failures: tuple[Failure, ...] = ()


def factual(record: TeacherRecord | None, version: str) -> Rationale:
    """Return the factual rationale of a version. Raises ValueError where the teacher gave none."""
    found = find_factual(record, version)
    if found is None:
        raise ValueError(f"example {record.example_id if record else '?'} has no {version} rationale")
    return found


def find_factual(record: TeacherRecord | None, version: str) -> Rationale | None:
    """Return the first factual rationale of a version; None where there is none."""
    for rationale in record.rationales if record else ():
        if rationale.kind == "factual" and rationale.version == version:
            return rationale
    return None


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
    """What the student reads (`source`) and writes (`target`) in one view of an example.

    `written` are the very ids of a target that a student wrote itself, EOS among them if it came to it: its text might
    be tokenised otherwise. They stand in the place of `target`. `padding` is how many pads are learnt after its end.
    """

    source: tuple[Segment, ...]
    target: tuple[Segment, ...]
    view: str
    written: tuple[int, ...] | None = None
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
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
        right: the index of the right one.
        teacher: the teacher's log-probs of the choices; None where it was not asked.
        seed: of this visit alone.
    """

    source: tuple[Segment, ...]
    answers: tuple[tuple[Segment, ...], ...]
    right: int
    teacher: tuple[float, ...] | None
    seed: int


@dataclass(frozen=True, slots=True)
class LogitRequest(Record):
    """How a teacher's distributions are read.

    Attributes:
        top_k: how many of the likeliest ids are kept at each position, beside one bucket for all others; None = all.
        temperature: the teacher's logits are divided by it first.
        dtype: of the log-probs when they are stored; the bucket's is always float32.
    """

    top_k: int | None
    temperature: float
    dtype: Literal["float16", "float32"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an objective wants at hand beside texts.

    Attributes:
        teacher: none; stored: its distributions are read once and kept; live: it is in memory while the student trains;
            reference: the student as it was before the training is.
        logits: how they are read; None = they are not.
        hidden: the hidden states of student and teacher.
        same_tokenizer: positions and ids are compared one by one.
        whole_examples: rows of one example must go through the student together.
        choices: the scores of the choices too, of a student that writes.
        encoder: a student that reads with an encoder.
    """

    teacher: Literal["none", "stored", "live", "reference"] = "none"
    logits: LogitRequest | None = None
    hidden: bool = False
    same_tokenizer: bool = True
    whole_examples: bool = False
    choices: bool = False
    encoder: bool = False


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
