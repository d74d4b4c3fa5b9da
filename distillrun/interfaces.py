"""The verbs: what a swappable part must do. Configuration alone decides which part runs (see `distillrun.build`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Example,
    Json,
    Prediction,
    Price,
    Prompt,
    Query,
    Question,
    Reply,
    Sampling,
    Score,
    ScoredContinuation,
    Segment,
    Split,
    TargetPair,
    TeacherRecord,
    Visit,
    Wishes,
)
from distillrun.tensors import Count, EncodedBatch, Loss, StudentOutputs


@runtime_checkable
class Task(Protocol):
    """A benchmark: its questions, how a question and an answer are written, and how an answer is read."""

    def check(self) -> list[str]:
        """Return what is wrong with the settings, such as a missing folder, before any work; empty if nothing is."""

    def examples(self, split: Split) -> list[Example]:
        """Return the examples of a split, in a fixed order. Raises ConfigError naming file and line of a bad row."""

    def source(self) -> Mapping[str, Json]:
        """Return where the examples came from (files, or Hub name and the commit it resolved to), for the record."""

    def question(self, example: Example) -> str:
        """Return the question with its choices, as students and teachers read it."""

    def answer(self, example: Example, choice: int) -> str:
        """Return how a choice is written as an answer. `parse(answer(e, c), e)` names the same text as choice c."""

    def parse(self, text: str, example: Example) -> int | None:
        """Return the choice that a text answers with; None = unparsed. Never evaluates the text."""


class Reservation(Protocol):
    """The greatest cost of one request, booked before it is sent."""

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Put the real cost in the place of the booked one.

        A request that was perhaps served and brought no count is never settled: it stays booked in full.
        """


class Account(Protocol):
    """What a teacher asks before it sends anything."""

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation | None:
        """Book one request at its greatest possible cost; each retry is a request of its own.

        None: it must not be sent now, since a budget or the user stops the work. Where requests are under way, one of
        them may free what is lacking: wait for it and ask again; where none is, end.
        """


@runtime_checkable
class Teacher(Protocol):
    """A black-box teacher: text in, text out."""

    @property
    def name(self) -> str:
        """What people call it: every rationale carries it."""

    @property
    def can(self) -> frozenset[str]:
        """Which requests it serves: complete, score (then it is a `WhiteBoxTeacher`), contrast."""

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
class LogitTeacher(Teacher, Protocol):
    """A teacher whose distributions and hidden states can be read."""

    def tokens(self) -> Mapping[str, int]:
        """Return its tokenizer's token -> id map; loads no weights."""

    def reading(self) -> Mapping[str, Json]:
        """Return what its distributions depend on besides the pair, for fingerprints."""

    def model(self, max_source_tokens: int, max_target_tokens: int) -> "LanguageModel":
        """Return it as a model that reads pairs of these lengths as a student does, in evaluation mode."""


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

        Raises ConfigError where the recordings belong to another task, or lack examples beyond what is allowed.
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


Refuse = Callable[[int, str], str | None]
"""(index of the prompt, a completion's text) -> why the text cannot be used, None if it can."""


class GenerationContext(Protocol):
    """What a generation step works with."""

    @property
    def task(self) -> Task: ...

    @property
    def teacher(self) -> AnyTeacher:
        """The run's teacher."""

    @property
    def seed(self) -> int: ...

    @property
    def held_out(self) -> Sequence[Example]:
        """The dev and test questions, for keeping new questions away from them, and for nothing else."""

    def complete(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        by: AnyTeacher | None = None,
        refuse: Refuse | None = None,
        only_one: bool = False,
    ) -> Iterator[tuple[Completion, ...]]:
        """Yield the completions of each prompt, in the order of the prompts, `sampling.samples` of them.

        An ensemble in which all answer gives so many for each member. Each completion is in the journal before it is
        seen here, and one that is there already is not asked again. Where `refuse` finds a text unusable, another
        sample is drawn, `generation.attempts` in all, unless sampling is greedy; the last one then comes with the
        `reason`. So do requests that failed in themselves.

        Args:
            prompts: what to ask.
            sampling: how to draw.
            by: one of the step's own `teachers`; None = the run's.
            refuse: judges a text.
            only_one: the step can use one completion of each prompt alone; before anything is asked, an ensemble in
                which all answer is refused.

        Raises:
            ConfigError: `only_one` cannot be, or more than `generation.max_failed_share` of the texts are unusable.
        """

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], by: AnyTeacher | None = None
    ) -> Iterator[tuple[ScoredContinuation, ...]]:
        """Yield the scores of each prompt's continuations, in order, from the journal or from the teacher."""


Tag = Literal["labeling", "expansion", "curation", "feature", "feedback", "self-knowledge"]
"""How knowledge is drawn from a teacher: the survey's ways of elicitation, https://arxiv.org/abs/2402.13116."""


@runtime_checkable
class GenerationStep(Protocol):
    """One step of data generation, cached by itself.

    `needs` and `makes` name what steps hand on: initial, critique, revised, counterfactual, answers, verdicts,
    choice_scores, examples. A step sees what earlier steps made of what it needs, and nothing else, so that it is never
    run again because of a step beside it. Where two steps make the same, the later one's takes the place of the earlier
    one's.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    @property
    def makes(self) -> frozenset[str]: ...

    @property
    def asks(self) -> frozenset[str]:
        """Which requests the run's teacher must serve, as in `Teacher.can`."""

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        """Teachers of its own, which it asks instead of the run's or beside it."""

    @property
    def tags(self) -> tuple[Tag, ...]: ...

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        """Yield one record per example, in order, holding what this step makes of the record that it was given."""


@runtime_checkable
class ExpansionStep(GenerationStep, Protocol):
    """A step that makes new examples to train on; later steps treat them as any others. Its `run` adds nothing."""

    def expand(
        self, examples: Sequence[Example], context: GenerationContext
    ) -> tuple[Sequence[Example], Mapping[str, int]]:
        """Return new examples, with ids of their own, and how many candidates there were and each filter removed."""


@runtime_checkable
class ChoiceModel(Protocol):
    """A student that tells how well each answer fits a question. Every student does; some also write."""

    module: nn.Module

    def choice_size(self, source: Sequence[Segment], continuations: Sequence[Sequence[Segment]]) -> tuple[int, int]:
        """Return the tokens (read, written) that a question with its answers brings into a batch."""

    def choose(
        self, sources: Sequence[Sequence[Segment]], continuations: Sequence[Sequence[Sequence[Segment]]]
    ) -> Tensor:
        """Return [N, C] the score of each continuation of each source, with gradient; -inf where there are fewer.

        Of a student that writes, it is the log-likelihood in nats, as `score` gives it.
        """

    def mixed_choose(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        partners: Sequence[int],
        shares: Sequence[float],
    ) -> tuple[Tensor, Tensor]:
        """Return the scores of answers to mixtures: of each question with its partner, where the shares are below 1.

        e = share * e_own + (1 - share) * e_partner, of the input embeddings position by position.

        Args:
            sources, continuations: as in `choose`, of questions and of partners.
            partners: of question n, the place of its partner; there are as many mixtures as partners.
            shares: of question n in its mixture.

        Returns:
            [M, C] the scores of the question's own answers, and [M, C'] of its partner's.

        Raises:
            ConfigError: the student cannot read a mixture.
        """

    def score(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        tokens_per_batch: int,
    ) -> list[tuple[ScoredContinuation, ...]]:
        """Return the score of each continuation of each source, over its learnt segments, without the end of sequence.

        Each source is computed once.
        """

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and tokenizer so that transformers' `from_pretrained` loads the folder."""


@runtime_checkable
class LanguageModel(ChoiceModel, Protocol):
    """A student that writes, or a teacher in memory. The two architectures differ behind these methods only."""

    @property
    def vocabulary(self) -> str:
        """Digest of the tokenizer's token -> id map."""

    @property
    def vocabulary_size(self) -> int:
        """How many logits there are: not fewer than tokens."""

    def tokens(self) -> Mapping[str, int]:
        """Return the tokenizer's token -> id map."""

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        """Return (source tokens, target tokens with EOS, learnt tokens) of each pair after truncation."""

    def encode(self, pairs: Sequence[TargetPair], rows: Sequence[int]) -> EncodedBatch:
        """Tokenise, truncate and pad. `rows[n]` is the position of pair n's example in the step."""

    def forward(self, batch: EncodedBatch, hidden: bool = False) -> StudentOutputs:
        """Return logits, and with `hidden` the hidden states of the target positions."""

    def head(self, hidden: Tensor, frozen: bool = False) -> Tensor:
        """Return the logits [..., V] that the model makes of its last hidden state [..., D].

        With `frozen`, no gradient reaches the weights of the head.
        """

    def generate(self, sources: Sequence[Sequence[Segment]], max_new_tokens: int, tokens_per_batch: int) -> list[str]:
        """Return the greedy text of each source, without special tokens, in order."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids without special tokens."""


@runtime_checkable
class Student(Protocol):
    """How a student comes to be: `build` makes the untrained one, `load` reads a trained one back."""

    def check(self) -> list[str]:
        """Return what is wrong with the settings, such as a checkpoint that is not there; empty if nothing is."""

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        """Return which of the texts are too long for the student though they may not be cut; empty if none is."""

    def identity(self) -> Mapping[str, Json]:
        """Return the digest or the commit of the weights that it starts from, for fingerprints."""

    @property
    def writes(self) -> bool:
        """Whether it writes texts: its model is a `LanguageModel` then, and a `ChoiceModel` alone otherwise."""

    @property
    def has_encoder(self) -> bool:
        """Whether it reads with an encoder; True where that is not known yet."""

    def build(self, seed: int) -> ChoiceModel:
        """Return the untrained student. The seed decides every freshly initialised weight."""

    def load(self, folder: Path) -> ChoiceModel:
        """Return the student that `ChoiceModel.save` wrote to the folder."""


@runtime_checkable
class WritingStudent(Student, Protocol):
    """A student that writes texts of limited length."""

    @property
    def max_source_tokens(self) -> int: ...

    @property
    def max_target_tokens(self) -> int: ...

    def tokens(self) -> Mapping[str, int]:
        """Return its tokenizer's token -> id map; loads no weights."""

    def build(self, seed: int) -> LanguageModel: ...

    def load(self, folder: Path) -> LanguageModel: ...


@dataclass(frozen=True, slots=True)
class Companions:
    """What an active objective works with while the student trains.

    Attributes:
        student: the student, before its first step.
        teacher: the teacher in memory, never trained; None where it is not wished for.
        task: how answers are read.
        max_steps: of the whole training.
        tokens_per_batch: the most tokens of a batch while sampling.
    """

    student: ChoiceModel
    teacher: LanguageModel | None
    task: Task
    max_steps: int
    tokens_per_batch: int


@runtime_checkable
class StudentObjective(Protocol):
    """A way to train a student, both halves: which texts it sees and how its outputs are weighed.

    `needs` names the kinds of rationale that it learns from; where it is empty, no teacher is asked.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        """Return the pairs of one example in one step. Random choices draw from `seed` alone, fresh for each step."""

    def query(self, example: Example, task: Task) -> Query: ...

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        """Split what the student wrote into the part that holds the answer and the rationale."""

    def continuation(self, example: Example, choice: int, task: Task, rationale: str) -> tuple[Segment, ...]:
        """Return what the student would write after `query(...).answer` to answer with this choice.

        Segments that are not learnt are context: a student that reasons first is given its own `rationale`.
        """

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        """Return a micro-batch's share of the step's loss; `counts` are those of the whole step, so shares add up.

        Rows of views that are not its own cost nothing.
        """


@runtime_checkable
class TextObjective(StudentObjective, Protocol):
    """An objective that learns texts alone: the mean negative log-likelihood of each view's tokens, weighted."""

    weights: Mapping[str, float]
    """View -> its weight in the loss."""


@runtime_checkable
class ChoiceObjective(StudentObjective, Protocol):
    """An objective from which a student that writes nothing can learn, or a writing one beside its texts."""

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Return the share of the step's loss that the chosen ones of its questions have; shares add up."""


@runtime_checkable
class ActiveObjective(StudentObjective, Protocol):
    """An objective that needs more than texts: a teacher at hand, weights of its own, samples, or a memory."""

    @property
    def wishes(self) -> Wishes: ...

    def start(self, lesson: Companions) -> None:
        """Take up what it works with, before the first step and before a resumed state is loaded.

        Raises:
            ConfigError: it cannot work with this student or this teacher.
        """

    def is_taught(self, pair: TargetPair) -> bool:
        """Return whether what the teacher expects is wanted for a pair."""

    def modules(self) -> nn.ModuleDict:
        """Return what is trained with the student and not saved with it; known after `start`."""

    def prepare(
        self, step: int, visits: Sequence[Visit], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        """Return the pairs of a step, one list for each visit, as they are to be learnt: sampled ones among them."""

    def end_step(self) -> dict[str, float]:
        """Take note of what the losses of a step came to; return what should be logged."""

    def after_check(self, dev_loss: float) -> None:
        """Take note of the mean negative log-likelihood per token of the right answers on dev."""

    def state(self) -> Mapping[str, Json]:
        """Return what must survive a resume, beside the weights of `modules`."""

    def load_state(self, state: Mapping[str, Json]) -> None:
        """Take up what `state` returned."""


@runtime_checkable
class Evaluator(Protocol):
    """A scoring rule: `predict` costs compute and is stored, `score` is pure."""

    @property
    def reads_texts(self) -> bool:
        """Whether the student must write for it."""

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]: ...

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        """Return scores with bare names such as `accuracy`; the stage puts the split in front."""


@runtime_checkable
class Tracker(Protocol):
    """Where metrics go besides the run folder. Every method must tolerate being called after a failure."""

    def start(self, folder: Path, name: str, config: Mapping[str, Json]) -> None: ...

    def log(self, metrics: Mapping[str, float], step: int) -> None: ...

    def summary(self, values: Mapping[str, Json]) -> None: ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None: ...

    def finish(self, succeeded: bool) -> None: ...
