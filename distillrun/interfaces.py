"""The verbs: what a swappable part must do. Configuration alone decides which part runs (see `distillrun.build`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import nn

from distillrun.records import (
    Completion,
    Example,
    Json,
    Prediction,
    Prompt,
    Query,
    Reply,
    Sampling,
    Score,
    Segment,
    Split,
    TargetPair,
    TeacherRecord,
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


@runtime_checkable
class Teacher(Protocol):
    """A black-box teacher: text in, text out."""

    def check(self, task: Task) -> list[str]:
        """Return what is wrong with the settings for this task, before any work; empty if nothing is."""

    def identity(self) -> Mapping[str, Json]:
        """Return what its outputs depend on besides the prompt (name, revision or content digest), for fingerprints."""

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, tuple[Completion, ...]]]:
        """Yield (index of the prompt, its `sampling.samples` completions), in any order, as they become ready."""


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


@runtime_checkable
class GenerationStep(Protocol):
    """One step of data generation, cached by itself.

    `needs` and `makes` name what steps hand on: initial, critique, revised, counterfactual. A step sees what the
    earlier steps made of what it needs, and nothing else, so that it is never run again because of a step beside it.
    """

    needs: frozenset[str]

    @property
    def makes(self) -> frozenset[str]: ...

    def run(
        self,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord],
        task: Task,
        teacher: Teacher | RecordedTeacher,
        seed: int,
    ) -> Iterator[TeacherRecord]:
        """Yield one record per example, in order, holding what this step adds to the record that it was given."""


@dataclass(frozen=True, slots=True)
class ScoredContinuation:
    """Log-likelihood in nats of a continuation given its source, and how many tokens it is summed over."""

    log_prob: float
    tokens: int


@runtime_checkable
class LanguageModel(Protocol):
    """A student, or the model inside a local teacher. The two architectures differ behind these methods only."""

    module: nn.Module

    @property
    def vocabulary(self) -> str:
        """Digest of the tokenizer's token -> id map."""

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        """Return (source tokens, target tokens with EOS, learnt tokens) of each pair after truncation."""

    def encode(self, pairs: Sequence[TargetPair], rows: Sequence[int]) -> EncodedBatch:
        """Tokenise, truncate and pad. `rows[n]` is the position of pair n's example in the step."""

    def forward(self, batch: EncodedBatch) -> StudentOutputs: ...

    def generate(self, sources: Sequence[Sequence[Segment]], max_new_tokens: int, tokens_per_batch: int) -> list[str]:
        """Return the greedy text of each source, without special tokens, in order."""

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
class Student(Protocol):
    """How a student comes to be: `build` makes the untrained one, `load` reads a trained one back."""

    def check(self) -> list[str]:
        """Return what is wrong with the settings, such as a checkpoint that is not there; empty if nothing is."""

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        """Return which of the texts are too long for the student though they may not be cut; empty if none is."""

    def identity(self) -> Mapping[str, Json]:
        """Return the digest or the commit of the weights that it starts from, for fingerprints."""

    def build(self, seed: int) -> LanguageModel:
        """Return the untrained student. The seed decides every freshly initialised weight."""

    def load(self, folder: Path) -> LanguageModel:
        """Return the student that `LanguageModel.save` wrote to the folder."""


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
        """Return a micro-batch's share of the step's loss; `counts` are those of the whole step, so shares add up."""


@runtime_checkable
class Evaluator(Protocol):
    """A scoring rule: `predict` costs compute and is stored, `score` is pure."""

    def predict(
        self,
        student: LanguageModel,
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
