"""The language model that students are: a transformers module, its tokenizer, and the way its architecture reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.greedy import greedy_texts
from distillrun.language_model.likelihood import scored_continuations
from distillrun.language_model.padding import padded
from distillrun.language_model.saving import save_model
from distillrun.language_model.text import SegmentTokenizer
from distillrun.records import ScoredContinuation, Segment, TargetPair
from distillrun.tensors import IGNORE, EncodedBatch, StudentOutputs

Ids = Sequence[int]


class Architecture(Protocol):
    """Where a module's tensors go: the only thing in which encoder-decoder and decoder-only students differ.

    A module is handed to each call, since training may wrap it. Sources are complete (special tokens, separator).
    """

    def inputs(self, sources: Sequence[Ids], targets: Sequence[Ids], device: torch.device) -> dict[str, Tensor]:
        """Return the module's arguments under which it predicts every token of the targets (EOS included)."""

    def logits(self, module: nn.Module, inputs: Mapping[str, Tensor], target_tokens: int) -> Tensor:
        """Return [N, T, V] where [n, t] predicts token t of target n; T = `target_tokens`."""

    def write(self, module: nn.Module, sources: Sequence[Ids], max_new_tokens: int, device: torch.device) -> Tensor:
        """Return the ids [N, T] that the module writes greedily after each source."""

    def continue_logits(
        self, module: nn.Module, sources: Sequence[Ids], owners: Ids, targets: Sequence[Ids], device: torch.device
    ) -> Tensor:
        """Return [R, T, V] as `logits` does, for target r after source `owners[r]`; every source owns a target."""


class TransformerModel:
    """A `LanguageModel` on a transformers module. Tensors are made on the device where the module is."""

    def __init__(self, module: nn.Module, text: SegmentTokenizer, architecture: Architecture) -> None:
        self.module = module
        self.text = text
        self.architecture = architecture

    @property
    def vocabulary(self) -> str:
        return self.text.digest

    @property
    def device(self) -> torch.device:
        """Where the module is."""
        return next(self.module.parameters()).device

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        return self.text.lengths(pairs)

    def encode(self, pairs: Sequence[TargetPair], rows: Sequence[int]) -> EncodedBatch:
        sources = [self.text.source(pair.source) for pair in pairs]
        targets = [self.text.target(pair.target) for pair in pairs]
        labels = [target.labels for target in targets]
        return EncodedBatch(
            inputs=self.architecture.inputs(sources, [target.ids for target in targets], self.device),
            labels=padded(labels, IGNORE, "right", self.device),
            views=tuple(pair.view for pair in pairs),
            rows=tuple(rows),
            real_tokens=sum(map(len, sources)) + sum(map(len, labels)),
            padded_tokens=len(pairs) * (max(map(len, sources)) + max(map(len, labels))),
        )

    def forward(self, batch: EncodedBatch) -> StudentOutputs:
        logits = self.architecture.logits(self.module, batch.inputs, batch.labels.shape[1])
        return StudentOutputs(logits, batch.labels, batch.views, batch.rows)

    def generate(self, sources: Sequence[Sequence[Segment]], max_new_tokens: int, tokens_per_batch: int) -> list[str]:
        def write(batch: Sequence[Ids]) -> Tensor:
            return self.architecture.write(self.module, batch, max_new_tokens, self.device)

        ids = [self.text.source(tuple(source)) for source in sources]
        with evaluating(self.module):
            return greedy_texts(write, self.text, ids, max_new_tokens, tokens_per_batch)

    def score(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        tokens_per_batch: int,
    ) -> list[tuple[ScoredContinuation, ...]]:
        def logits(batch: Sequence[Ids], owners: Ids, targets: Sequence[Ids]) -> Tensor:
            return self.architecture.continue_logits(self.module, batch, owners, targets, self.device)

        ids = [self.text.source(tuple(source)) for source in sources]
        ends = [[self.text.target(tuple(segments)) for segments in own] for own in continuations]
        with evaluating(self.module):
            return scored_continuations(logits, ids, ends, tokens_per_batch)

    def save(self, folder: Path) -> None:
        save_model(self.module, self.text.tokenizer, folder)
