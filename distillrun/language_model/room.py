"""A key-value cache with room: new columns are written into place instead of copying everything at every token."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, [R, heads, columns, width] each, as views of larger buffers.

    Args:
        columns: for how many columns there is room; beyond it the buffers grow.
    """

    def __init__(self, columns: int) -> None:
        self.is_initialized = False
        self._columns = columns
        self._buffers: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Add columns and return all of them; the signature is that of transformers."""
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        if not self._buffers:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self._buffers = [self._room(states, max(end, self._columns)) for states in (key_states, value_states)]
        elif end > self._buffers[0].shape[-2]:
            grown = [self._room(buffer, 2 * end) for buffer in self._buffers]
            for new, old in zip(grown, self._buffers, strict=True):
                new[:, :, :begin] = old[:, :, :begin]
            self._buffers = grown
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[: states.shape[0], :, begin:end] = states
        return self._show(key_states.shape[0], end)

    def spread(self, rows: int, columns: int) -> "RoomyLayer":
        """Return a layer of so many rows, each with what the only row of this one holds, and room for more."""
        layer = RoomyLayer(columns)
        length = self.get_seq_length()
        keys, values = (buffer[:1, :, :length].expand(rows, -1, -1, -1) for buffer in self._buffers)
        layer.update(keys, values)
        return layer

    def keep(self, order: Sequence[int]) -> None:
        """Make row n what row `order[n]` was. Rows move in place where they are fewer and none is overwritten early."""
        length = self.get_seq_length()
        moves = [(new, old) for new, old in enumerate(order) if new != old]
        if len(order) > self._rows or {old for _, old in moves} & {new for new, _ in moves}:
            index = torch.tensor(order, device=self.device)
            self._buffers = [buffer.index_select(0, index) for buffer in self._buffers]
        else:
            for buffer in self._buffers:
                for new, old in moves:
                    buffer[new, :, :length] = buffer[old, :, :length]
        self._show(len(order), length)

    def _room(self, states: Tensor, columns: int) -> Tensor:
        rows, heads, _, width = states.shape
        return states.new_empty((rows, heads, columns, width))

    def _show(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        self._rows = rows
        keys, values = (buffer[:rows, :, :columns] for buffer in self._buffers)
        self.keys, self.values = keys, values
        return keys, values


def has_plain_cache(config: PreTrainedConfig) -> bool:
    """Return whether every layer of a model keeps plain keys and values: no sliding window, no recurrent state."""
    layers = DynamicCache(config=config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def roomy_cache(config: PreTrainedConfig, columns: int) -> Cache:
    """Return an empty cache with room for so many columns."""
    count = config.get_text_config(decoder=True).num_hidden_layers
    return Cache(layers=[RoomyLayer(columns) for _ in range(count)])


def spread_cache(cache: Cache, rows: int, columns: int) -> Cache:
    """Return a cache of so many rows, each like the only row of another one, with room for so many columns."""
    return Cache(layers=[layer.spread(rows, columns) for layer in cache.layers if isinstance(layer, RoomyLayer)])
