"""The loaded checkpoint of a local teacher: batches of prompts become texts and scores."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.caching import caching_of
from distillrun.language_model.decoding import Row, written_rows
from distillrun.language_model.decoding_state import NO_PREFIX, CausalState, Positions, Prefix, read_prefix
from distillrun.language_model.load import decoder_start, end_tokens
from distillrun.language_model.padding import mask, padded
from distillrun.language_model.shared_prefix import common_prefix
from distillrun.language_model.source_state import EncoderDecoderState
from distillrun.language_model.stopping import Stops, Written
from distillrun.language_model.teacher_model import longest_context
from distillrun.language_model.token_selection import Choosing, Contrasted, Drawn, Greedy
from distillrun.records import Message, Sampling, ScoredContinuation
from distillrun.teacher.local_checkpoint.prompt import Ids, Scoring

NO_MEMORY = "can't allocate memory"
"""What PyTorch says on a CPU, in place of the error that it has for GPUs."""

AnyState = CausalState | EncoderDecoderState
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Writing:
    """A text to be written.

    Attributes:
        index: the caller's name for it.
        source: complete ids of the prompt.
        group: what may run in one batch with it, see `LocalModel.group`.
        seed: of its random numbers.
        max_new_tokens: what it may have, the context considered.
        against: ids of the prompt that it is contrasted with, the weight and the plausibility; None = no contrast.
    """

    index: int
    source: Ids
    group: Hashable
    seed: int
    max_new_tokens: int
    against: tuple[Ids, float, float] | None

    @property
    def lengths(self) -> tuple[int, int]:
        """Tokens of the prompt, and of the other one."""
        return len(self.source), len(self.against[0]) if self.against else 0


class LocalModel:
    """One module that writes and scores.

    Attributes:
        positions: counts what went through the module.
        context: how many tokens prompt and text may have together; None = no limit.
    """

    def __init__(
        self, module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_context: int | None, opening: str = ""
    ) -> None:
        self._module = module
        self._opening = opening
        self._tokenizer = tokenizer
        self._ends = end_tokens(module, tokenizer)
        embeddings: Any = module.get_input_embeddings()
        self._embedded = int(embeddings.weight.shape[0])
        usable = (token for token in (tokenizer.pad_token_id, *self._ends) if token is not None)
        self._pad = next((int(token) for token in usable if token < self._embedded), 0)
        self._caching = None if module.config.is_encoder_decoder else caching_of(module)
        self._start = decoder_start(module, tokenizer) if module.config.is_encoder_decoder else 0
        self.positions = Positions()
        limits = [limit for limit in (max_context, longest_context(module)) if limit is not None]
        self.context = min(limits, default=None)
        self._prefixes: dict[int, Prefix] = {}

    def room(self, source: Ids, max_new_tokens: int) -> int:
        """Return how many tokens may be written after a prompt; 0 or less where it does not fit the context.

        Raises:
            ConfigError: the model does not know a token of the prompt.
        """
        if max(source) >= self._embedded:
            raise ConfigError(
                f"the tokenizer of teacher.checkpoint={self._tokenizer.name_or_path} wrote token {max(source)}, but "
                f"the model embeds {self._embedded}; choose a checkpoint whose tokenizer and weights belong together"
            )
        if self.context is None:
            return max_new_tokens
        # an encoder-decoder reads and writes apart
        used = len(source) if self._caching else 0
        return min(max_new_tokens, self.context - used) if len(source) <= self.context else 0

    def group(self, messages: Sequence[Message], *lengths: int) -> Hashable:
        """Return what may share a batch: prompts with a common beginning, or of equal length, or all, by the model."""
        if self._caching is None or (self._caching.takes_pads and not self._caching.is_plain):
            return None
        return tuple(messages[:-1]) if self._caching.takes_pads else lengths

    def write(
        self, batch: Sequence[Writing], prefix: int, sampling: Sampling
    ) -> Iterator[tuple[Writing, Row, Written]]:
        """Write a batch of texts, all contrasted or none; yield each as soon as it is finished.

        Where memory runs out, what is left of the batch is halved.

        Args:
            batch: what to write.
            prefix: how many tokens all of the prompts begin with.
            sampling: how to draw.
        """
        for part in self._parts(batch, [writing.lengths for writing in batch]):
            left = {writing.index: writing for writing in part}
            try:
                for row, written in self._written(part, prefix, sampling):
                    yield left.pop(row.index), row, written
            except RuntimeError as error:
                self._make_room(len(part), error)
            # not in the handler, where the error would hold the tensors that just did not fit
            rest = list(left.values())
            half = (len(rest) + 1) // 2
            for some in filter(None, (rest[:half], rest[half:])):
                yield from self.write(some, prefix, sampling)

    def score(self, batch: Sequence[Scoring], prefix: int) -> Iterator[tuple[ScoredContinuation, ...]]:
        """Yield the scores of each prompt's texts, in nats; every prompt is read once, with `prefix` as in `write`."""
        for part in self._parts(batch, [len(scoring.source) for scoring in batch]):
            try:
                found = self._scored(part, prefix)
            except RuntimeError as error:
                self._make_room(len(part), error)
                found = None
            if found is not None:
                yield from found
                continue
            half = len(part) // 2
            for some in (part[:half], part[half:]):
                yield from self.score(some, prefix)

    def _parts(self, rows: Sequence[T], lengths: Sequence[Hashable]) -> Iterator[Sequence[T]]:
        """Yield rows that can be one batch: all, or runs of equal length where the model takes no pads."""
        if self._caching is None or self._caching.takes_pads:
            yield rows
            return
        for _, run in groupby(zip(lengths, rows, strict=True), key=lambda pair: pair[0]):
            yield [row for _, row in run]

    def _make_room(self, rows: int, error: RuntimeError) -> None:
        """Free what can be freed, so that less can be tried. Raises the error where it is not that of no memory."""
        if not isinstance(error, torch.OutOfMemoryError) and NO_MEMORY not in str(error):
            raise error
        if rows == 1:
            raise ConfigError(
                "teacher.checkpoint: not even one prompt fits into the memory; choose a smaller model, "
                "teacher.quantization=nf4, or a shorter prompt"
            )
        self._prefixes.clear()
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _scored(self, batch: Sequence[Scoring], prefix: int) -> list[tuple[ScoredContinuation, ...]]:
        owners = [row for row, scoring in enumerate(batch) for _ in scoring.ends]
        targets = [ids for scoring in batch for ids in scoring.ends]
        state = self._state(0, [scoring.source for scoring in batch], prefix, max(map(len, targets), default=0))
        state.keep(owners)
        device = state.logits.device
        labels, real = padded(targets, 0, "right", device), mask(targets, "right", device)
        logits = state.logits[:, None]
        if labels.shape[1] > 1:
            logits = torch.cat([logits, state.read(labels[:, :-1], real[:, :-1])], dim=1)
        chosen = logits.float().log_softmax(dim=-1).gather(-1, labels[..., None]).squeeze(-1)
        found = iter((chosen.double() * real).sum(dim=1).tolist())
        return [tuple(ScoredContinuation(next(found), len(ids)) for ids in scoring.ends) for scoring in batch]

    def _written(self, batch: Sequence[Writing], prefix: int, sampling: Sampling) -> Iterator[tuple[Row, Written]]:
        rows = [Row(writing.index, writing.max_new_tokens, writing.seed) for writing in batch]
        longest = max(writing.max_new_tokens for writing in batch)
        states: list[Any] = [self._state(0, [writing.source for writing in batch], prefix, longest)]
        choosing: Choosing = Greedy()
        if sampling.temperature:
            choosing = Drawn([row.seed for row in rows], longest, sampling.temperature, sampling.top_p)
        others = [writing.against for writing in batch if writing.against is not None]
        if others:
            sources = [source for source, _, _ in others]
            states.append(self._state(1, sources, common_prefix(sources) if prefix else 0, longest))
            contrasts = torch.tensor([[weight, floor] for _, weight, floor in others], device=states[0].logits.device)
            choosing = Contrasted(contrasts)
        stops = Stops(self._tokenizer, self._ends, sampling.stop, self._opening)
        return written_rows(states, rows, stops, choosing)

    @torch.inference_mode()
    def _state(self, place: int, sources: Sequence[Ids], prefix: int, room: int) -> AnyState:
        """Return a state that has read the sources; their common beginning is kept for the next batch's `place`."""
        if self._caching is None:
            return EncoderDecoderState(self._module, sources, self._pad, self._start, self.positions)
        shared = sources[0][:prefix] if self._caching.is_plain else ()
        known = self._prefixes.get(place, NO_PREFIX)
        if shared != known.ids:
            known = read_prefix(self._module, self._caching, shared, self.positions)
            self._prefixes[place] = known
        return CausalState(self._module, self._caching, known, sources, self._pad, room, self.positions)
