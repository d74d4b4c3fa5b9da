"""A loaded checkpoint at work for the local teacher: batches of prompts to texts and scores."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.decoding import Row, written_rows
from distillrun.language_model.decoding_state import (
    CausalState,
    EncoderDecoderState,
    Positions,
    Prefix,
    read_prefix,
)
from distillrun.language_model.padding import mask, padded
from distillrun.language_model.room import has_plain_cache
from distillrun.language_model.shared_prefix import common_prefix
from distillrun.language_model.stopping import Stops, Written
from distillrun.language_model.teacher_model import end_tokens, longest_context
from distillrun.records import Sampling, ScoredContinuation

Ids = tuple[int, ...]
AnyState = CausalState | EncoderDecoderState


@dataclass(frozen=True, slots=True)
class Writing:
    """A text to be written.

    Attributes:
        index: the caller's name for it.
        source: complete ids of the prompt.
        group: prompts of one group are expected to begin alike.
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


class LocalModel:
    """Writes and scores with one module.

    Attributes:
        positions: counts what went through the module.
        context: how many tokens prompt and text may have together; None = no limit.
    """

    def __init__(self, module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_context: int | None) -> None:
        self._module = module
        self._tokenizer = tokenizer
        self._ends = end_tokens(module, tokenizer)
        known = tokenizer.pad_token_id
        self._pad = int(known if known is not None else min(self._ends, default=0))
        self.positions = Positions()
        limits = [limit for limit in (max_context, longest_context(module)) if limit is not None]
        self.context = min(limits, default=None)
        self._prefix = Prefix((), None)
        self.shares_prefixes = not module.config.is_encoder_decoder and has_plain_cache(module.config)

    def room(self, source: Ids, max_new_tokens: int) -> int:
        """Return how many tokens may be written after a prompt; 0 or less where it does not fit the context."""
        if self.context is None:
            return max_new_tokens
        # an encoder-decoder reads and writes apart
        used = len(source) if not self._module.config.is_encoder_decoder else 0
        fits = len(source) <= self.context
        return min(max_new_tokens, self.context - used) if fits else 0

    def write(
        self, batch: Sequence[Writing], prefix: int, sampling: Sampling
    ) -> Iterator[tuple[Writing, Row, Written]]:
        """Write a batch of texts, all contrasted or none; yield each as soon as it is finished.

        Where memory runs out, the batch is halved.

        Args:
            batch: what to write.
            prefix: how many tokens all of the prompts begin with.
            sampling: how to draw.
        """
        asked = {writing.index: writing for writing in batch}
        left = dict(asked)
        try:
            with torch.inference_mode():
                for row, written in self._written(batch, prefix, sampling):
                    yield left.pop(row.index), row, written
        except torch.OutOfMemoryError as error:
            rest = list(left.values())
            if len(rest) < 2:
                raise ConfigError(
                    "teacher.checkpoint: not even one prompt fits into the memory; choose a smaller model, "
                    "teacher.quantization=nf4, or a shorter prompt"
                ) from error
            self._prefix = Prefix((), None)
            torch.cuda.empty_cache()
            half = len(rest) // 2
            for part in (rest[:half], rest[half:]):
                yield from self.write(part, prefix, sampling)

    def score(
        self, sources: Sequence[Ids], continuations: Sequence[Sequence[Ids]], prefix: int
    ) -> list[tuple[ScoredContinuation, ...]]:
        """Return the scores of each prompt's continuations, in nats; every prompt is read once."""
        owners = [row for row, own in enumerate(continuations) for _ in own]
        targets = [ids for own in continuations for ids in own]
        with torch.inference_mode():
            state = self._state(sources, prefix, max(map(len, targets)))
            state.keep(owners)
            device = state.logits.device
            labels, real = padded(targets, 0, "right", device), mask(targets, "right", device)
            logits = state.logits[:, None]
            if labels.shape[1] > 1:
                logits = torch.cat([logits, state.read(labels[:, :-1], real[:, :-1])], dim=1)
            chosen = logits.float().log_softmax(dim=-1).gather(-1, labels[..., None]).squeeze(-1)
            found = iter((chosen.double() * real).sum(dim=1).tolist())
        return [tuple(ScoredContinuation(next(found), len(ids)) for ids in own) for own in continuations]

    def _written(self, batch: Sequence[Writing], prefix: int, sampling: Sampling) -> Iterator[tuple[Row, Written]]:
        rows = [Row(writing.index, writing.max_new_tokens, writing.seed) for writing in batch]
        longest = max(writing.max_new_tokens for writing in batch)
        states: list[Any] = [self._state([writing.source for writing in batch], prefix, longest)]
        contrasts: Tensor | None = None
        others = [writing.against for writing in batch if writing.against is not None]
        if others:
            sources = [source for source, _, _ in others]
            states.append(self._state(sources, common_prefix(sources) if prefix else 0, longest))
            contrasts = torch.tensor([[weight, floor] for _, weight, floor in others], device=states[0].logits.device)
        stops = Stops(self._tokenizer, self._ends, sampling.stop)
        return written_rows(states, rows, stops, sampling.temperature, sampling.top_p, contrasts)

    def _state(self, sources: Sequence[Ids], prefix: int, room: int) -> AnyState:
        """Return a state that has read the sources; their common beginning is kept for the next batch."""
        if self._module.config.is_encoder_decoder:
            start = int(self._module.config.decoder_start_token_id)
            return EncoderDecoderState(self._module, sources, self._pad, start, self.positions)
        shared = sources[0][:prefix] if self.shares_prefixes else ()
        if shared != self._prefix.ids:
            self._prefix = read_prefix(self._module, shared, self.positions)
        rests = [source[len(shared) :] for source in sources]
        return CausalState(self._module, self._prefix, rests, self._pad, room, self.positions)
