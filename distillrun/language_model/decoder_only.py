"""Models that read the source and write the target in one stream (Qwen, Llama, GPT)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from distillrun.errors import ConfigError
from distillrun.language_model.caching import Caching
from distillrun.language_model.decoding_state import NO_PREFIX, CausalState, Positions, State
from distillrun.language_model.lora import base_of
from distillrun.language_model.padding import mask, padded, positions
from distillrun.language_model.reader import Reader
from distillrun.loss.logits import Logits


@dataclass(frozen=True, slots=True)
class DecoderOnly:
    """The stream is the source, padded on its left, and the target without its last token, padded on its right.

    All targets of a batch therefore start in one column: the last T columns predict the T tokens of the target, and
    the labels are the very tensor that an encoder-decoder with the same tokenizer gets. Positions count real tokens.

    Attributes:
        pad: fills up rows; may be a real token's id, since masks come from lengths.
        caching: what can be done with its cache. Where it can run its head on the last columns alone, that saves most
            of the logits' memory; where texts cannot go on from a cache, each continuation reads its source again.
    """

    pad: int
    caching: Caching

    @property
    def takes_pads(self) -> bool:
        return self.caching.takes_pads

    def inputs(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], device: torch.device
    ) -> dict[str, Tensor]:
        read = [target[:-1] for target in targets]
        attention_mask = torch.cat([mask(sources, "left", device), mask(read, "right", device)], dim=1)
        ids = [padded(sources, self.pad, "left", device), padded(read, self.pad, "right", device)]
        return {
            "input_ids": torch.cat(ids, dim=1),
            "attention_mask": attention_mask,
            "position_ids": positions(attention_mask),
        }

    def logits(
        self, reader: Reader, inputs: Mapping[str, Tensor], target_tokens: int, hidden: bool
    ) -> tuple[Logits, tuple[Tensor, ...]]:
        wanted = {"output_hidden_states": True} if hidden else {}
        output, logits = self._run(reader, inputs, target_tokens, use_cache=False, **wanted)
        states = tuple(state[:, -target_tokens:] for state in output.hidden_states) if hidden else ()
        return replace(logits, states=logits.states[:, -target_tokens:]), states

    def write(
        self, module: nn.Module, sources: Sequence[Sequence[int]], max_new_tokens: int, device: torch.device
    ) -> Tensor:
        generator: Any = module
        inputs = self.inputs(sources, [()] * len(sources), device)
        written: Tensor = generator.generate(**inputs, max_new_tokens=max_new_tokens)
        return written[:, inputs["input_ids"].shape[1] :]

    def continue_logits(
        self,
        reader: Reader,
        sources: Sequence[Sequence[int]],
        owners: Sequence[int],
        targets: Sequence[Sequence[int]],
        device: torch.device,
    ) -> Logits:
        if not self.caching.continues:
            inputs = self.inputs([sources[owner] for owner in owners], targets, device)
            return self.logits(reader, inputs, max(map(len, targets)), hidden=False)[0]
        index = torch.tensor(owners, dtype=torch.long, device=device)
        prefix = self.inputs(sources, [()] * len(sources), device)
        width = prefix["input_ids"].shape[1]
        output, read = self._run(reader, prefix, 1, use_cache=True)
        first = read.states[index, -1:]
        if max(map(len, targets)) == 1:
            return replace(read, states=first)
        rest = self.inputs([sources[owner] for owner in owners], targets, device)
        output.past_key_values.batch_select_indices(index)
        _, written = reader.read(
            input_ids=rest["input_ids"][:, width:],
            attention_mask=rest["attention_mask"],
            position_ids=rest["position_ids"][:, width:],
            past_key_values=output.past_key_values,
            use_cache=True,
        )
        return replace(read, states=torch.cat([first, written.states], dim=1))

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
        raise ConfigError(
            "objective=mixkd mixes what an encoder reads, and this student has none; choose "
            "student=choice_scorer, or an encoder-decoder such as student=tiny_t5"
        )

    def state(self, module: nn.Module, sources: Sequence[Sequence[int]], room: int, device: torch.device) -> State:
        return CausalState(base_of(module), self.caching, NO_PREFIX, sources, self.pad, room, Positions())

    def _run(
        self, reader: Reader, inputs: Mapping[str, Tensor], columns: int, use_cache: bool, **wanted: bool
    ) -> tuple[Any, Logits]:
        """Run the module, its head on the last columns alone where it can."""
        kept = {"logits_to_keep": columns} if self.caching.keeps_logits else {}
        return reader.read(**inputs, **kept, use_cache=use_cache, **wanted)
