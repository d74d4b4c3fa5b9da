"""The decoding state of a batch of an encoder-decoder."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from distillrun.language_model.decoding_state import Ids, Positions
from distillrun.language_model.padding import mask, padded


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
        self._cache: Any = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self._start = start
        self.step(torch.full((len(sources),), start, device=module.device))

    def step(self, tokens: Tensor) -> None:
        self.logits = self._forward(tokens[:, None], self._cache)[:, -1]

    def keep(self, order: Sequence[int]) -> None:
        index = torch.tensor(order, device=self._mask.device)
        self._cache.reorder_cache(index)
        self._mask, self._states, self.logits = self._mask[index], self._states[index], self.logits[index]

    def read(self, ids: Tensor, ids_mask: Tensor) -> Tensor:
        """Read ids [R, T] as targets; return the logits [R, T, V] of what follows each. Ends the state."""
        starts = torch.full_like(ids[:, :1], self._start)
        return self._forward(torch.cat([starts, ids], dim=1), None)[:, 1:]

    def _forward(self, ids: Tensor, cache: EncoderDecoderCache | None) -> Tensor:
        self._counted.add(ids)
        logits: Tensor = self._module(
            encoder_outputs=BaseModelOutput(self._states),
            attention_mask=self._mask,
            decoder_input_ids=ids,
            past_key_values=cache,
            use_cache=cache is not None,
        ).logits
        return logits
