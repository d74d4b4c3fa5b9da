"""The decoding state of a batch: the cache of what was read, and the logits of each row's next token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from distillrun.language_model.caching import Caching
from distillrun.language_model.padding import mask, padded, positions
from distillrun.language_model.preallocated_cache import spread_cache

Ids = Sequence[int]


class State(Protocol):
    """Rows that are being written."""

    logits: Tensor
    """[R, V] of each row's next token."""

    def step(self, tokens: Tensor) -> None:
        """Write one token to each row, [R]."""

    def keep(self, order: Sequence[int]) -> None:
        """Reorder the rows: row n becomes what row `order[n]` was; rows may be dropped, or named twice."""


@dataclass(slots=True)
class Prefix:
    """Tokens that several rows begin with, and the cache of a model that has read them once."""

    ids: tuple[int, ...]
    cache: Cache | None


NO_PREFIX = Prefix((), None)


class Positions:
    """A count of the token positions that went through a model, pads among them."""

    def __init__(self) -> None:
        self.computed = 0

    def add(self, ids: Tensor) -> None:
        """Count a batch of ids."""
        self.computed += ids.numel()


class CausalState:
    """Rows of a decoder-only model, all of them as if padded on the left.

    Of each row, the last tokens of the source go through the model, as many of every row; what stands before them is
    taken from the prefix. A row that is shorter than others so reads some of the prefix again instead of pads, and no
    gap is left between prefix and rest: what a model makes of distances between columns stays right.

    Args:
        module: in evaluation mode.
        caching: how it is run.
        prefix: read already, see `read_prefix`; shorter than every source.
        sources: complete ids.
        pad: fills up rows; masks come from lengths.
        room: for how many more tokens there should be room in the cache.
        counted: counts positions.
    """

    logits: Tensor

    def __init__(
        self,
        module: PreTrainedModel,
        caching: Caching,
        prefix: Prefix,
        sources: Sequence[Ids],
        pad: int,
        room: int,
        counted: Positions,
    ) -> None:
        self._module: Any = module
        self._caching = caching
        self._counted = counted
        device = module.device
        self._width = max(map(len, sources))
        read = self._width - len(prefix.ids)
        columns = self._width + room
        if prefix.cache is None:
            self._cache: Any = caching.empty(module, columns)
        else:
            self._cache = spread_cache(prefix.cache, [max(0, len(source) - read) for source in sources], columns)
        source_mask = mask(sources, "left", device)
        self._mask = torch.cat([source_mask, source_mask.new_ones((len(sources), room))], dim=1)
        ids = padded([source[-read:] for source in sources], pad, "left", device)
        self._run(ids, positions(source_mask)[:, -read:])
        self._next = torch.tensor([len(source) for source in sources], device=device)

    def step(self, tokens: Tensor) -> None:
        self._width += 1
        if self._width > self._mask.shape[1]:
            self._mask = torch.cat([self._mask, torch.ones_like(self._mask)], dim=1)
        self._run(tokens[:, None], self._next[:, None])
        self._next += 1

    def keep(self, order: Sequence[int]) -> None:
        index = torch.tensor(order)
        self._cache.reorder_cache(index)
        index = index.to(self._mask.device)
        self._mask, self._next, self.logits = self._mask[index], self._next[index], self.logits[index]

    def read(self, ids: Tensor, ids_mask: Tensor) -> Tensor:
        """Read ids [R, T] after each row; return the logits [R, T, V] of what follows each. Ends the state."""
        begin, self._width = self._width, self._width + ids.shape[1]
        self._mask = torch.cat([self._mask[:, :begin], ids_mask], dim=1)
        steps = torch.arange(ids.shape[1], device=ids.device)
        return self._forward(ids, self._next[:, None] + steps, last_only=False)

    def _run(self, ids: Tensor, position_ids: Tensor) -> None:
        self.logits = self._forward(ids, position_ids, last_only=True)[:, -1]

    def _forward(self, ids: Tensor, position_ids: Tensor, last_only: bool) -> Tensor:
        self._counted.add(ids)
        caching = self._caching
        told: dict[str, Any] = {caching.argument: self._cache}
        if caching.takes_pads:
            told["attention_mask"] = self._mask[:, : self._width]
        if caching.takes_positions:
            told["position_ids"] = position_ids
        if caching.keeps_logits and last_only:
            told["logits_to_keep"] = 1
        logits: Tensor = self._module(input_ids=ids, use_cache=True, **told).logits
        return logits


def read_prefix(module: PreTrainedModel, caching: Caching, ids: Ids, counted: Positions) -> Prefix:
    """Read the rows' common beginning once, into a plain cache."""
    if not ids:
        return NO_PREFIX
    cache = caching.empty(module, len(ids))
    read = torch.tensor([list(ids)], device=module.device)
    counted.add(read)
    reader: Any = module
    reader(
        input_ids=read, past_key_values=cache, use_cache=True, **({"logits_to_keep": 1} if caching.keeps_logits else {})
    )
    return Prefix(tuple(ids), cache)
