"""The interfaces of teachers, and of the account that limits their requests."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from distillrun.interfaces.task import Task
from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Example,
    Json,
    Price,
    Prompt,
    Sampling,
    ScoredContinuation,
    TargetPair,
    TeacherRecord,
    TokenText,
)

if TYPE_CHECKING:
    from distillrun.interfaces.model import LanguageModel


class Reservation(Protocol):
    """The greatest cost of one request, booked before it is sent."""

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Put the real cost in the place of the booked one.

        A request that was perhaps served and brought no count is never settled: it stays booked in full.
        """


class Account(Protocol):
    """The budget that a teacher must reserve from before it sends anything."""

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation | None:
        """Book one request at its greatest possible cost; each retry is a request of its own.

        None: it must not be sent now, since a budget or the user stops the work. Where requests are under way, one of
        them may free what is missing: wait for it and ask again; where none is, end.
        """


@runtime_checkable
class Teacher(Protocol):
    """A black-box teacher: text in, text out."""

    @property
    def name(self) -> str:
        """The name that people know it by; every rationale carries it."""

    @property
    def can(self) -> frozenset[str]:
        """The requests that it serves: complete, score (then it is a `WhiteBoxTeacher`), contrast."""

    @property
    def price_per_million(self) -> Price: ...

    @property
    def budget(self) -> Budget: ...

    def check(self, task: Task) -> list[str]:
        """Return what is wrong with the settings for this task, before any work; empty if nothing is."""

    def identity(self) -> Mapping[str, Json]:
        """Return what its outputs depend on besides the prompt (name, revision or content digest), for fingerprints."""

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens a prompt has: counted where a tokenizer is at hand, else estimated. Sends nothing."""

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        """Yield (index of the draw, its completion) as they become ready, in any order; each draw at most once.

        Reserves every request first. Draws for which nothing could be reserved are left unanswered; a draw that cannot
        be answered for a reason of its own gets a completion with that `reason`. `sampling.samples` plays no part.

        Raises:
            ConfigError: the teacher cannot be reached or used at all.
        """

    def release(self) -> None:
        """Free what it holds (weights, connections); a later request may take it up again."""


@runtime_checkable
class WhiteBoxTeacher(Teacher, Protocol):
    """A teacher that tells how likely it finds a text."""

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Yield (index of the prompt, the score of each of its continuations) as they become ready, in any order.

        Reserves and leaves unanswered as `complete` does.
        """


@runtime_checkable
class ReplyScorer(WhiteBoxTeacher, Protocol):
    """A teacher whose scores depend on more than what its texts depend on."""

    def scoring(self) -> Mapping[str, Json]:
        """Return what its scores depend on besides its identity, for journals; nothing where that is all."""


@runtime_checkable
class SizedTeacher(Protocol):
    """A teacher that knows how much memory it takes."""

    def weight_bytes(self) -> int | None:
        """Return how many bytes its weights take in memory; None where that is not known without loading them."""


@runtime_checkable
class TokenTeacher(Teacher, Protocol):
    """A teacher whose next-token distributions can be read, in memory or behind a server."""

    def tokens(self) -> Mapping[str, int]:
        """Return its tokenizer's token -> id map; loads no weights."""

    def cut(self, text: str) -> Sequence[int]:
        """Return the ids of a text that a student learns, EOS last; loads no weights."""

    def check_reading(self) -> list[str]:
        """Return why its distributions cannot be read though it can be asked; empty if they can. Loads no weights."""

    def reading(self) -> Mapping[str, Json]:
        """Return what its distributions depend on besides the pair, for fingerprints."""


@runtime_checkable
class LogitTeacher(TokenTeacher, Protocol):
    """A teacher whose distributions and hidden states can be read in memory."""

    def language_model(self, max_source_tokens: int, max_target_tokens: int) -> "LanguageModel":
        """Return it as a model that reads pairs of these lengths as a student does, in evaluation mode."""


@runtime_checkable
class ServedTeacher(TokenTeacher, Protocol):
    """A teacher whose distributions are asked for, text by text: it may cost money, and it reads no hidden states."""

    def source(self, pair: TargetPair, max_source_tokens: int) -> Sequence[int]:
        """Return the ids of what it reads of a pair before the target, in its own format."""

    def probe(self) -> TokenText | None:
        """Return a short text that tells whether it lists distributions at all; None where that is certain."""

    def distributions(
        self, texts: Sequence[TokenText], top_k: int | None, account: Account
    ) -> Iterator[tuple[int, Sequence[Mapping[int, float]]]]:
        """Yield (index of the text, for each token from `begin` on the log-probs by id) as they become ready.

        They are at temperature 1. Of each token at least the `top_k` likeliest ids are listed; None = all. Reserves and
        leaves unanswered as `complete` does.

        Raises:
            ConfigError: the server gives no such log-probs, or fewer, or it refuses a text.
        """


@runtime_checkable
class EnsembleTeacher(Protocol):
    """Several teachers, each with its own journal, price and budget."""

    @property
    def members(self) -> Mapping[str, Teacher]: ...

    def route(self, prompt: Prompt) -> Sequence[str]:
        """Return the names of the members that answer a prompt: it depends on the prompt alone."""

    def check(self, task: Task) -> list[str]: ...

    def identity(self) -> Mapping[str, Json]: ...

    def release(self) -> None: ...


@runtime_checkable
class RecordedTeacher(Protocol):
    """A teacher that spoke earlier: its stored records are read, and it can be asked nothing new."""

    @property
    def makes(self) -> frozenset[str]:
        """The kinds of rationale that the recordings hold."""

    def check(self, task: Task) -> list[str]: ...

    def identity(self) -> Mapping[str, Json]: ...

    def recall(self, examples: Sequence[Example]) -> Iterator[TeacherRecord]:
        """Yield one record per example, in order.

        Raises ConfigError where the recordings belong to another task, or miss more examples than allowed.
        """

    def counts(self, examples: Sequence[Example]) -> Mapping[str, int]:
        """Return how the recordings join the examples: rows, duplicates, and what is missing or empty."""

    def release(self) -> None: ...


AnyTeacher = Teacher | RecordedTeacher | EnsembleTeacher


def members_of(teacher: AnyTeacher) -> Mapping[str, Teacher]:
    """Return who can be asked: the members of an ensemble by name, a teacher itself under "", nobody of recordings."""
    if isinstance(teacher, EnsembleTeacher):
        return teacher.members
    return {"": teacher} if isinstance(teacher, Teacher) else {}
