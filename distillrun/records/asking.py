"""Requests to a teacher, its answers, and their cost."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from distillrun.records.answer import Answer
from distillrun.records.base import Record
from distillrun.records.example import Example


@dataclass(frozen=True, slots=True)
class Message(Record):
    """One turn of a prompt in chat form; a base model joins the turns."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request(Record):
    """The purpose of a prompt as data: logs name it, and a teacher that is not a language model answers it.

    rationale: argue for `choice`. answer: reason, then answer (`choice` None; with a choice, it was hinted at).
    critique, revision: find a fault of `draft` and fix it. judgement: is `draft` right, wrong or uncertain.
    question: write a new question; `example` is one to go by; where it is asked for in steps, `draft` holds what there
    is of it, the question and its answer, a line each. choices: only scored, see `WhiteBoxTeacher.score`.

    Of a judge: rating: a number for each of `names`, of `draft` as an explanation of `choice`, or of its likeness to
    `reference` where there is one, or, without a draft, of how far `example` belongs to each. categories: name kinds of
    questions such as `example`. identity: who are you. contradiction, claim: does `draft` contradict the facts in
    `reference`, does it claim to be somebody else. grading: is `draft` right, if `reference` is.
    """

    ask: Literal[
        "rationale",
        "answer",
        "critique",
        "revision",
        "judgement",
        "question",
        "choices",
        "rating",
        "categories",
        "identity",
        "contradiction",
        "claim",
        "grading",
    ]
    example: Example
    choice: Answer | None = None
    draft: str | None = None
    critique: str | None = None
    reference: str | None = None
    names: tuple[str, ...] = ()


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
    """The prompt of a teacher: the text, and the same request as data."""

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
    """The settings of sampling. Temperature 0 is greedy. A completion ends before the first of the `stop` texts."""

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
        """A seed of this draw alone, below 2**31: it stays the same whatever else is asked."""
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
