"""Models that read the source with an encoder and write the target with a decoder (T5, BERT2BERT)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from distillrun.language_model.decoding_state import Positions, State
from distillrun.language_model.lora import base_of
from distillrun.language_model.padding import mask, mixed_mask, padded
from distillrun.language_model.reader import Reader
from distillrun.language_model.source_state import EncoderDecoderState
from distillrun.loss.logits import Logits


@dataclass(frozen=True, slots=True)
class EncoderDecoder:
    """The decoder reads the start token and the target without its last token, so that column t predicts token t.

    What it reads is built from the real ids, not from the labels: target text that is not learnt is still read.
    """

    pad: int
    start: int

    takes_pads = True

    def inputs(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], device: torch.device
    ) -> dict[str, Tensor]:
        return {**self._encoder_inputs(sources, device), **self._decoder_inputs(targets, device)}

    def logits(
        self, reader: Reader, inputs: Mapping[str, Tensor], target_tokens: int, hidden: bool
    ) -> tuple[Logits, tuple[Tensor, ...]]:
        wanted = {"output_hidden_states": True} if hidden else {}
        output, logits = reader.read(**inputs, use_cache=False, **wanted)
        return logits, tuple(output.decoder_hidden_states) if hidden else ()

    def write(
        self, module: nn.Module, sources: Sequence[Sequence[int]], max_new_tokens: int, device: torch.device
    ) -> Tensor:
        generator: Any = module
        written: Tensor = generator.generate(**self._encoder_inputs(sources, device), max_new_tokens=max_new_tokens)
        return written[:, 1:]  # without the start token

    def continue_logits(
        self,
        reader: Reader,
        sources: Sequence[Sequence[int]],
        owners: Sequence[int],
        targets: Sequence[Sequence[int]],
        device: torch.device,
    ) -> Logits:
        module: Any = reader.module
        inputs = self._encoder_inputs(sources, device)
        states = module.get_encoder()(**inputs).last_hidden_state
        return self._decoded(reader, states, inputs["attention_mask"], owners, targets)

    def mixed_logits(
        self,
        reader: Reader,
        sources: Sequence[Sequence[int]],
        partners: Sequence[int],
        shares: Sequence[float],
        owners: Sequence[int],
        targets: Sequence[Sequence[int]],
        device: torch.device,
    ) -> Logits:
        module: Any = reader.module
        inputs = self._encoder_inputs(sources, device)
        embedded = module.get_input_embeddings()(inputs["input_ids"])
        other = torch.tensor(partners, device=device)
        share = torch.tensor(shares, device=device).to(embedded)[:, None, None]
        mixed = torch.lerp(embedded[other], embedded[: len(partners)], share)
        mask = mixed_mask(inputs["attention_mask"][: len(partners)], inputs["attention_mask"][other], share[..., 0])
        states = module.get_encoder()(inputs_embeds=mixed, attention_mask=mask).last_hidden_state
        return self._decoded(reader, states, mask, owners, targets)

    def _decoded(
        self, reader: Reader, states: Tensor, mask: Tensor, owners: Sequence[int], targets: Sequence[Sequence[int]]
    ) -> Logits:
        """Return the logits of targets, each after the source with encoder states [N, S, D] that owns it."""
        index = torch.tensor(owners, dtype=torch.long, device=states.device)
        _, logits = reader.read(
            encoder_outputs=BaseModelOutput(states[index]),
            attention_mask=mask[index],
            **self._decoder_inputs(targets, states.device),
            use_cache=False,
        )
        return logits

    def state(self, module: nn.Module, sources: Sequence[Sequence[int]], room: int, device: torch.device) -> State:
        return EncoderDecoderState(base_of(module), sources, self.pad, self.start, Positions())

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
