"""The bytes that tensors would take, counted while a model runs on tensors without data."""

import weakref
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from distillrun.upstream import without_data


class TrackedBytes:
    """Counts the bytes of the tensors that are alive inside `counting`, and their peak; nothing is computed.

    Attributes:
        live: the bytes now.
        peak: the most bytes so far.
    """

    def __init__(self) -> None:
        self.live = self.peak = 0
        self._known: set[int] = set()

    def counting(self) -> AbstractContextManager[None]:
        """Return the block in which tensors have no data and are counted."""
        return without_data(self.count)

    def dataless(self, module: nn.Module) -> None:
        """Move a module from the meta device to the CPU, as tensors without data that are counted."""
        module.to_empty(device="cpu")
        for part in module.modules():  # each has a copy now of what they share
            if isinstance(part, PreTrainedModel):
                part.tie_weights()
        self.count([*module.parameters(), *module.buffers()])

    def count(self, made: Any) -> None:
        """Count a tensor, or those in a list, each storage once and for as long as it lives."""
        if isinstance(made, list | tuple):
            for one in made:
                self.count(one)
        if not isinstance(made, Tensor):
            return
        storage = made.untyped_storage()
        if id(storage) not in self._known:
            self._known.add(id(storage))
            self.live += storage.nbytes()
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._forget, id(storage), storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size
