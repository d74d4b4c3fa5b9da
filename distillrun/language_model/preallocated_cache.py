"""A key-value cache with room: new columns are written into place instead of copying everything at every token."""

from collections.abc import Sequence

from torch import Tensor
from transformers import Cache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer


class PreallocatedLayer(DynamicLayer):  # type: ignore[no-untyped-call]
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
            self._open(key_states, value_states, key_states.shape[0], max(end, self._columns))
        elif end > self._buffers[0].shape[-2]:
            grown = [_room(buffer, buffer.shape[0], 2 * end) for buffer in self._buffers]
            for new, old in zip(grown, self._buffers, strict=True):
                new[:, :, :begin] = old[:, :, :begin]
            self._buffers = grown
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[: states.shape[0], :, begin:end] = states
        return self._show(key_states.shape[0], end)

    def spread(self, known: Sequence[int], columns: int) -> "PreallocatedLayer":
        """Return a layer of many rows: row n holds the first `known[n]` columns of this one's only row.

        They stand right-aligned in as many columns as this layer has; zeros fill the left, since what is masked there
        is still multiplied.
        """
        layer = PreallocatedLayer(columns)
        length = self.get_seq_length()
        keys, values = self._buffers
        layer._open(keys, values, len(known), max(length, columns))
        for buffer, mine in zip(layer._buffers, self._buffers, strict=True):
            for row, count in enumerate(known):
                buffer[row, :, : length - count] = 0
                buffer[row, :, length - count : length] = mine[0, :, :count]
        layer._show(len(known), length)
        return layer

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Make row n what row `beam_idx[n]` was; the signature is that of transformers.

        Rows move in place where they are fewer and none is overwritten before it has moved.
        """
        order = beam_idx.tolist()
        length = self.get_seq_length()
        moves = [(new, old) for new, old in enumerate(order) if new != old]
        if len(order) > self._rows or {old for _, old in moves} & {new for new, _ in moves}:
            index = beam_idx.to(self.device)
            self._buffers = [buffer.index_select(0, index) for buffer in self._buffers]
        else:
            for buffer in self._buffers:
                for new, old in moves:
                    buffer[new, :, :length] = buffer[old, :, :length]
        self._show(len(order), length)

    def _open(self, keys: Tensor, values: Tensor, rows: int, columns: int) -> None:
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._buffers = [_room(states, rows, columns) for states in (keys, values)]

    def _show(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        self._rows = rows
        keys, values = (buffer[:rows, :, :columns] for buffer in self._buffers)
        self.keys, self.values = keys, values
        return keys, values


def roomy_cache(config: PreTrainedConfig, columns: int) -> Cache:
    """Return an empty cache with room for so many columns."""
    count = config.get_text_config(decoder=True).num_hidden_layers
    return Cache(layers=[PreallocatedLayer(columns) for _ in range(count)])


def spread_cache(cache: Cache, known: Sequence[int], columns: int) -> Cache:
    """Return a roomy cache of many rows from one of a single row, see `PreallocatedLayer.spread`."""
    return Cache(
        layers=[layer.spread(known, columns) for layer in cache.layers if isinstance(layer, PreallocatedLayer)]
    )


def _room(states: Tensor, rows: int, columns: int) -> Tensor:
    return states.new_empty((rows, states.shape[1], columns, states.shape[3]))
