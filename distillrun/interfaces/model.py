"""The interfaces of models that read, choose and write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from distillrun.loss.tensors import EncodedBatch, StudentOutputs
from distillrun.records import ScoredContinuation, Segment, TargetPair


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
class WritingModel(Protocol):
    """A model that writes texts."""

    def generate(self, sources: Sequence[Sequence[Segment]], max_new_tokens: int, tokens_per_batch: int) -> list[str]:
        """Return the greedy text of each source, without special tokens, in order."""


@runtime_checkable
class LanguageModel(ChoiceModel, WritingModel, Protocol):
    """A student that writes, or a teacher in memory. The two architectures differ behind these methods only."""

    @property
    def vocabulary(self) -> str:
        """Digest of the tokenizer's token -> id map."""

    @property
    def vocabulary_size(self) -> int:
        """The number of logits: at least the number of tokens."""

    def tokens(self) -> Mapping[str, int]:
        """Return the tokenizer's token -> id map."""

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        """Return (source tokens, target tokens with EOS, learnt tokens) of each pair after truncation."""

    def encode(self, pairs: Sequence[TargetPair], rows: Sequence[int]) -> EncodedBatch:
        """Tokenise, truncate and pad. `rows[n]` is the position of pair n's example in the step."""

    def forward(self, batch: EncodedBatch, hidden: bool = False) -> StudentOutputs:
        """Return the outputs for the targets, and with `hidden` the hidden states of the target positions."""

    def head(self, hidden: Tensor, frozen: bool = False) -> Tensor:
        """Return the logits [..., V] that the model makes of its last hidden state [..., D].

        With `frozen`, no gradient reaches the weights of the head.
        """

    def separated(self, separator: str) -> "LanguageModel":
        """Return it with another text between source and target; unchanged where it reads them apart, or as a chat."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids without special tokens."""
