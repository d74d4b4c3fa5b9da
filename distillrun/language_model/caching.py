"""The kind of key-value cache that a decoder-only model uses, and the operations on rows that it permits."""

import inspect
from dataclasses import dataclass

from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from distillrun.errors import ConfigError
from distillrun.language_model.preallocated_cache import roomy_cache


@dataclass(frozen=True, slots=True)
class Caching:
    """The way in which a decoder-only model is run.

    Attributes:
        argument: under which its forward takes the cache.
        is_plain: every layer keeps all keys and values: no sliding window, no recurrent state. What it has read can be
            shared by rows.
        takes_pads: rows of unlike length can be one batch, padded on the left: every layer heeds the mask, and the
            positions are told. Recurrent layers read pads as tokens.
        continues: several texts can go on from the cache of one that was read once. Recurrent layers keep a state that
            cannot be copied row by row.
        takes_positions: its forward takes `position_ids`.
        keeps_logits: it can run its head on the last column alone.
    """

    argument: str
    is_plain: bool
    takes_pads: bool
    continues: bool
    takes_positions: bool
    keeps_logits: bool

    def empty(self, module: PreTrainedModel, columns: int) -> Cache:
        """Return a cache that holds nothing yet, with room for so many columns where that is possible."""
        return roomy_cache(module.config, columns) if self.is_plain else DynamicCache(config=module.config)


def caching_of(module: PreTrainedModel) -> Caching:
    """Return how a decoder-only model is run; ask before it is wrapped by anything.

    Raises:
        ConfigError: it keeps no cache from which rows can be taken.
    """
    taken = inspect.signature(module.forward).parameters
    argument = next((name for name in ("past_key_values", "cache_params") if name in taken), None)
    try:
        layers = DynamicCache(config=module.config).layers if argument else []
    except (AttributeError, KeyError, ValueError):  # a config that says nothing of layers
        layers = []
    keeps_own = any(hasattr(part, "_setup_cache") for part in module.modules())  # between texts, too: RecurrentGemma
    if argument is None or not layers or keeps_own:
        raise ConfigError(
            f"the checkpoint is a {type(module).__name__}, which keeps no cache that can be batched; choose a model "
            "whose layers attend to the text before them, such as Qwen or Llama"
        )
    attends = all(isinstance(layer, DynamicLayer) and not hasattr(layer, "conv_states") for layer in layers)
    attends = attends and not _has_recurrent_layers(module)
    return Caching(
        argument,
        is_plain=attends and all(type(layer) is DynamicLayer for layer in layers),
        takes_pads=attends and "position_ids" in taken,
        continues=attends and argument == "past_key_values",
        takes_positions="position_ids" in taken,
        keeps_logits="logits_to_keep" in taken,
    )


def _has_recurrent_layers(module: PreTrainedModel) -> bool:
    """Return whether its config names layers that keep a state instead of keys: some keep it in themselves."""
    kinds = getattr(module.config.get_text_config(decoder=True), "layer_types", None) or ()
    return any("attention" not in kind or "linear" in kind for kind in kinds)
