"""The language model that students are: a transformers module, its tokenizer, and the way its architecture reads."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from distillrun.language_model.chat_format import note_format
from distillrun.language_model.decoding_state import State
from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.greedy import greedy_texts
from distillrun.language_model.head import head_logits
from distillrun.language_model.likelihood import continuation_log_probs, continued_size, ragged, scored_continuations
from distillrun.language_model.padding import padded
from distillrun.language_model.reader import Reader, head_of, splits_at_head
from distillrun.language_model.saving import save_model
from distillrun.language_model.text import SegmentTokenizer
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, EncodedBatch, StudentOutputs
from distillrun.records import ScoredContinuation, Segment, TargetPair

Ids = Sequence[int]

PROBE = TargetPair((Segment("Where do fish live?"),), (Segment("The answer is the sea."),), "probe")
"""A text on which is seen whether the head makes the logits alone."""


class Architecture(Protocol):
    """The placement of a module's tensors: the only difference between encoder-decoder and decoder-only students.

    A module, or its reader, is handed to each call, since training may wrap it. Sources are complete (special tokens,
    separator).
    """

    @property
    def takes_pads(self) -> bool:
        """True if rows of different length can be written in one batch."""

    def inputs(self, sources: Sequence[Ids], targets: Sequence[Ids], device: torch.device) -> dict[str, Tensor]:
        """Return the module's arguments under which it predicts every token of the targets (EOS included)."""

    def logits(
        self, reader: Reader, inputs: Mapping[str, Tensor], target_tokens: int, hidden: bool
    ) -> tuple[Logits, tuple[Tensor, ...]]:
        """Return the logits [N, T, V] where [n, t] predicts token t of target n; T = `target_tokens`.

        With `hidden`, also what stands behind the embeddings and behind each layer there, [N, T, D].
        """

    def write(self, module: nn.Module, sources: Sequence[Ids], max_new_tokens: int, device: torch.device) -> Tensor:
        """Return the ids [N, T] that the module writes greedily after each source."""

    def continue_logits(
        self, reader: Reader, sources: Sequence[Ids], owners: Ids, targets: Sequence[Ids], device: torch.device
    ) -> Logits:
        """Return [R, T, V] as `logits` does, for target r after source `owners[r]`; every source owns a target."""

    def mixed_logits(
        self,
        reader: Reader,
        sources: Sequence[Ids],
        partners: Ids,
        shares: Sequence[float],
        owners: Ids,
        targets: Sequence[Ids],
        device: torch.device,
    ) -> Logits:
        """Return as `continue_logits` does, for target r after mixture `owners[r]`; see `ChoiceModel.mixed_choose`."""

    def state(self, module: nn.Module, sources: Sequence[Ids], room: int, device: torch.device) -> State:
        """Return rows that have read the sources and can be written on, with room for so many tokens."""


class TransformerModel:
    """A `LanguageModel` on a transformers module. Tensors are made on the device where the module is.

    Attributes:
        saved_type: the type of the weights that `save` writes; None = as they are.
        base: loads the weights that adapters are merged into, where those in memory are quantised.
    """

    def __init__(self, module: nn.Module, text: SegmentTokenizer, architecture: Architecture) -> None:
        self.module = module
        self.text = text
        self.architecture = architecture
        self.saved_type: torch.dtype | None = None
        self.base: Callable[[], nn.Module] | None = None
        self._splits: bool | None = None

    @property
    def vocabulary(self) -> str:
        return self.text.digest

    @property
    def device(self) -> torch.device:
        """The device that the module is on."""
        return next(self.module.parameters()).device

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        return self.text.lengths(pairs)

    @property
    def vocabulary_size(self) -> int:
        """The number of logits."""
        module: Any = self.module
        return int(module.get_output_embeddings().weight.shape[0])

    def tokens(self) -> Mapping[str, int]:
        return self.text.tokenizer.get_vocab()

    def encode(self, pairs: Sequence[TargetPair], rows: Sequence[int]) -> EncodedBatch:
        sources = [self.text.source(pair.source) for pair in pairs]
        targets = [self.text.target_of(pair) for pair in pairs]
        labels = [target.labels for target in targets]
        return EncodedBatch(
            inputs=self.architecture.inputs(sources, [target.ids for target in targets], self.device),
            labels=padded(labels, IGNORE, "right", self.device),
            views=tuple(pair.view for pair in pairs),
            rows=tuple(rows),
            ends=tuple(target.ends for target in targets),
            real_tokens=sum(map(len, sources)) + sum(map(len, labels)),
            padded_tokens=len(pairs) * (max(map(len, sources)) + max(map(len, labels))),
        )

    def forward(self, batch: EncodedBatch, hidden: bool = False) -> StudentOutputs:
        logits, states = self.architecture.logits(self._reader(), batch.inputs, batch.labels.shape[1], hidden)
        return StudentOutputs(logits, batch.labels, batch.views, batch.rows, batch.ends, states)

    def _reader(self) -> Reader:
        """Return the module as it is now, with its head where that can run by itself, which is found out once."""
        head = head_of(self.module)
        if self._splits is None:
            self._splits = head is not None and splits_at_head(self.module, head, self.encode([PROBE], [0]).inputs)
        return Reader(self.module, head if self._splits else None)

    def frozen(self, device: torch.device) -> "TransformerModel":
        """Return a copy that is never trained."""
        module = deepcopy(self.module).to(device).eval().requires_grad_(False)
        return TransformerModel(module, self.text, self.architecture)

    def separated(self, separator: str) -> "TransformerModel":
        return TransformerModel(self.module, self.text.separated(separator), self.architecture)

    def layer_widths(self) -> list[int]:
        """Return the width of the states behind the embeddings and behind each layer, as `forward` gives them."""
        pair = TargetPair((Segment("a"),), (Segment("a"),), "")
        with evaluating(self.module):
            return [state.shape[-1] for state in self.forward(self.encode([pair], [0]), hidden=True).hidden]

    def head(self, hidden: Tensor, frozen: bool = False) -> Tensor:
        return head_logits(self.module, hidden, frozen)

    def choice_size(self, source: Sequence[Segment], continuations: Sequence[Sequence[Segment]]) -> tuple[int, int]:
        ends = [self.text.target(tuple(segments)) for segments in continuations]
        return continued_size(self.text.source(tuple(source)), ends)

    def choose(
        self, sources: Sequence[Sequence[Segment]], continuations: Sequence[Sequence[Sequence[Segment]]]
    ) -> Tensor:
        owners = [row for row, own in enumerate(continuations) for _ in own]
        targets = [self.text.target(tuple(segments)) for own in continuations for segments in own]
        ids = [self.text.source(tuple(source)) for source in sources]
        ends = [target.ids for target in targets]
        module = self.module
        if module.training and any(getattr(part, "gradient_checkpointing", False) for part in module.modules()):
            # no cache is kept then, so each source is read once for each continuation
            inputs = self.architecture.inputs([ids[owner] for owner in owners], ends, self.device)
            logits, _ = self.architecture.logits(self._reader(), inputs, max(map(len, ends)), hidden=False)
        else:
            logits = self.architecture.continue_logits(self._reader(), ids, owners, ends, self.device)
        return ragged(continuation_log_probs(logits, targets), [len(own) for own in continuations])

    def mixed_choose(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        partners: Sequence[int],
        shares: Sequence[float],
    ) -> tuple[Tensor, Tensor]:
        ids = [self.text.source(tuple(source)) for source in sources]
        answers = [[self.text.target(tuple(segments)) for segments in own] for own in continuations]
        own = [(row, target) for row in range(len(partners)) for target in answers[row]]
        other = [(row, target) for row, partner in enumerate(partners) for target in answers[partner]]
        owners = [row for row, _ in own + other]
        targets = [target for _, target in own + other]
        ends = [target.ids for target in targets]
        shares = shares[: len(partners)]
        logits = self.architecture.mixed_logits(self._reader(), ids, partners, shares, owners, ends, self.device)
        found = continuation_log_probs(logits, targets)
        counts = [len(answers[row]) for row in range(len(partners))]
        others = [len(answers[partner]) for partner in partners]
        return ragged(found[: len(own)], counts), ragged(found[len(own) :], others)

    def decode(self, ids: Sequence[int]) -> str:
        return self.text.decode(ids)

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
        def logits(batch: Sequence[Ids], owners: Ids, targets: Sequence[Ids]) -> Logits:
            return self.architecture.continue_logits(self._reader(), batch, owners, targets, self.device)

        ids = [self.text.source(tuple(source)) for source in sources]
        ends = [[self.text.target(tuple(segments)) for segments in own] for own in continuations]
        with evaluating(self.module):
            return scored_continuations(logits, ids, ends, tokens_per_batch)

    def save(self, folder: Path) -> None:
        save_model(self.module, self.text.tokenizer, folder, self.saved_type, self.base)
        note_format(self.text.tokenizer, self.text.chat, folder)
