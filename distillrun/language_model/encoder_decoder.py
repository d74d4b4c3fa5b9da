"""Models that read the source with an encoder and write the target with a decoder (T5, BERT2BERT)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from distillrun.language_model.padding import mask, padded


@dataclass(frozen=True, slots=True)
class EncoderDecoder:
    """The decoder reads the start token and the target without its last token, so that column t predicts token t.

    What it reads is built from the real ids, not from the labels: target text that is not learnt is still read.
    """

    pad: int
    start: int

    def inputs(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], device: torch.device
    ) -> dict[str, Tensor]:
        return {**self._encoder_inputs(sources, device), **self._decoder_inputs(targets, device)}

    def logits(self, module: nn.Module, inputs: Mapping[str, Tensor], target_tokens: int) -> Tensor:
        logits: Tensor = module(**inputs, use_cache=False).logits
        return logits

    def write(
        self, module: nn.Module, sources: Sequence[Sequence[int]], max_new_tokens: int, device: torch.device
    ) -> Tensor:
        generator: Any = module
        written: Tensor = generator.generate(**self._encoder_inputs(sources, device), max_new_tokens=max_new_tokens)
        return written[:, 1:]  # without the start token

    def continue_logits(
        self,
        module: nn.Module,
        sources: Sequence[Sequence[int]],
        owners: Sequence[int],
        targets: Sequence[Sequence[int]],
        device: torch.device,
    ) -> Tensor:
        reader: Any = module
        inputs = self._encoder_inputs(sources, device)
        index = torch.tensor(owners, dtype=torch.long, device=device)
        states = reader.get_encoder()(**inputs).last_hidden_state[index]
        logits: Tensor = module(
            encoder_outputs=(states,),
            attention_mask=inputs["attention_mask"][index],
            **self._decoder_inputs(targets, device),
            use_cache=False,
        ).logits
        return logits

    def _encoder_inputs(self, sources: Sequence[Sequence[int]], device: torch.device) -> dict[str, Tensor]:
        return {
            "input_ids": padded(sources, self.pad, "right", device),
            "attention_mask": mask(sources, "right", device),
        }

    def _decoder_inputs(self, targets: Sequence[Sequence[int]], device: torch.device) -> dict[str, Tensor]:
        read = [(self.start, *target[:-1]) for target in targets]
        return {
            "decoder_input_ids": padded(read, self.pad, "right", device),
            "decoder_attention_mask": mask(read, "right", device),
        }
