"""Where a batch of texts stands while it is written: what was read, and the logits of each row's next token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel

from distillrun.language_model.load import keeps_logits
from distillrun.language_model.padding import mask, padded, positions
from distillrun.language_model.room import has_plain_cache, roomy_cache, spread_cache

Ids = Sequence[int]


class State(Protocol):
    """Rows that are being written."""

    logits: Tensor
    """[R, V] of each row's next token."""

    def step(self, tokens: Tensor) -> None:
        """Write one token to each row, [R]."""

    def keep(self, order: Sequence[int]) -> None:
        """Make row n what row `order[n]` was; rows that are not named are dropped, a row may be named twice."""


@dataclass(slots=True)
class Prefix:
    """Tokens that several rows begin with, and the cache of a model that has read them once."""

    ids: tuple[int, ...]
    cache: Cache | None


class Positions:
    """Counts the token positions that went through a model, pads among them."""

    def __init__(self) -> None:
        self.computed = 0

    def add(self, ids: Tensor) -> None:
        """Count a batch of ids."""
        self.computed += ids.numel()


class CausalState:
    """Rows of a decoder-only model: a shared prefix, the rest of each source padded on its left, what is written.

    Args:
        module: in evaluation mode.
        prefix: read already, see `read_prefix`.
        rests: of each row, the ids of its source that follow the prefix; none is empty.
        pad: fills up rows; masks come from lengths.
        room: for how many more tokens there should be room in the cache.
        counted: counts positions.
    """

    logits: Tensor

    def __init__(
        self, module: PreTrainedModel, prefix: Prefix, rests: Sequence[Ids], pad: int, room: int, counted: Positions
    ) -> None:
        self._module: Any = module
        self._counted = counted
        device = module.device
        before = len(prefix.ids)
        columns = before + max(map(len, rests)) + room
        if prefix.cache is not None:
            self._cache = spread_cache(prefix.cache, len(rests), columns)
        elif has_plain_cache(module.config):
            self._cache = roomy_cache(module.config, columns)
        else:
            self._cache = DynamicCache(config=module.config)
        self._mask = torch.ones((len(rests), columns), dtype=torch.long, device=device)
        rest_mask = mask(rests, "left", device)
        self._width = before + rest_mask.shape[1]
        self._mask[:, before : self._width] = rest_mask
        ids = padded(rests, pad, "left", device)
        self._run(ids, positions(rest_mask) + before)
        self._next = torch.tensor([before + len(rest) for rest in rests], device=device)

    def step(self, tokens: Tensor) -> None:
        self._width += 1
        if self._width > self._mask.shape[1]:
            self._mask = torch.cat([self._mask, torch.ones_like(self._mask)], dim=1)
        self._run(tokens[:, None], self._next[:, None])
        self._next += 1

    def keep(self, order: Sequence[int]) -> None:
        index = torch.tensor(order, device=self._mask.device)
        keep_rows(self._cache, order)
        self._mask, self._next, self.logits = self._mask[index], self._next[index], self.logits[index]

    def read(self, ids: Tensor, ids_mask: Tensor) -> Tensor:
        """Read ids [R, T] after each row; return the logits [R, T, V] of what follows each. Ends the state."""
        begin, self._width = self._width, self._width + ids.shape[1]
        self._mask = torch.cat([self._mask[:, :begin], ids_mask], dim=1)
        steps = torch.arange(ids.shape[1], device=ids.device)
        return self._forward(ids, self._next[:, None] + steps, {})

    def _run(self, ids: Tensor, position_ids: Tensor) -> None:
        self.logits = self._forward(ids, position_ids, last_column(self._module))[:, -1]

    def _forward(self, ids: Tensor, position_ids: Tensor, columns: Mapping[str, int]) -> Tensor:
        self._counted.add(ids)
        logits: Tensor = self._module(
            input_ids=ids,
            attention_mask=self._mask[:, : self._width],
            position_ids=position_ids,
            past_key_values=self._cache,
            use_cache=True,
            **columns,
        ).logits
        return logits


def last_column(module: PreTrainedModel) -> dict[str, int]:
    """Return the argument under which a module runs its head on the last column alone; none where it cannot."""
    return {"logits_to_keep": 1} if keeps_logits(module) else {}


def read_prefix(module: PreTrainedModel, ids: Ids, counted: Positions) -> Prefix:
    """Let a decoder-only model read what rows begin with, once; a model whose cache cannot be shared reads nothing."""
    if not ids:
        return Prefix((), None)
    cache = roomy_cache(module.config, len(ids))
    read = torch.tensor([list(ids)], device=module.device)
    counted.add(read)
    reader: Any = module
    reader(input_ids=read, past_key_values=cache, use_cache=True, **last_column(module))
    return Prefix(tuple(ids), cache)


class EncoderDecoderState:
    """Rows of an encoder-decoder model: the source is read once, by the encoder.

    Args:
        module: in evaluation mode.
        sources: complete source ids.
        pad: fills up sources.
        start: the id that the decoder reads first.
        counted: counts positions of encoder and decoder.
    """

    logits: Tensor

    def __init__(
        self, module: PreTrainedModel, sources: Sequence[Ids], pad: int, start: int, counted: Positions
    ) -> None:
        self._module: Any = module
        self._counted = counted
        ids = padded(sources, pad, "right", module.device)
        self._mask = mask(sources, "right", module.device)
        counted.add(ids)
        self._states: Tensor = self._module.get_encoder()(input_ids=ids, attention_mask=self._mask).last_hidden_state
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self._start = start
        self.step(torch.full((len(sources),), start, device=module.device))

    def step(self, tokens: Tensor) -> None:
        self.logits = self._forward(tokens[:, None], self._cache)[:, -1]

    def keep(self, order: Sequence[int]) -> None:
        index = torch.tensor(order, device=self._mask.device)
        keep_rows(self._cache, order)
        self._mask, self._states, self.logits = self._mask[index], self._states[index], self.logits[index]

    def read(self, ids: Tensor, ids_mask: Tensor) -> Tensor:
        """Read ids [R, T] as targets; return the logits [R, T, V] of what follows each. Ends the state."""
        starts = torch.full_like(ids[:, :1], self._start)
        return self._forward(torch.cat([starts, ids], dim=1), None)[:, 1:]

    def _forward(self, ids: Tensor, cache: EncoderDecoderCache | None) -> Tensor:
        self._counted.add(ids)
        logits: Tensor = self._module(
            encoder_outputs=(self._states,),
            attention_mask=self._mask,
            decoder_input_ids=ids,
            past_key_values=cache,
            use_cache=cache is not None,
        ).logits
        return logits


def keep_rows(cache: Any, order: Sequence[int]) -> None:
    """Make row n of a cache what row `order[n]` was."""
    if isinstance(cache, EncoderDecoderCache):
        keep_rows(cache.self_attention_cache, order)
        keep_rows(cache.cross_attention_cache, order)
        return
    if all(hasattr(layer, "keep") for layer in cache.layers):
        for layer in cache.layers:
            layer.keep(order)
    else:
        cache.batch_select_indices(torch.tensor(order, device=cache.layers[0].keys.device))
