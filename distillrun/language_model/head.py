"""The head of a language model run on hidden states: what else its architecture does to the logits is done, too."""

from typing import Any

from torch import Tensor, nn

CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
"""Settings of a cap c, which makes c tanh(logits / c) of logits (Gemma 2, T5Gemma, RecurrentGemma, xLSTM)."""

FACTORS = ("logit_scale", "lm_head_multiplier")
"""Settings by which logits are multiplied (Cohere, Falcon-H1)."""

TIED_AND_SCALED = ("umt5", "switch_transformers")
"""Kin of T5 that scale the states before the head wherever it is their embeddings, and have no setting for it."""

DIVISORS = ("logits_scaling",)
"""Settings by which they are divided (Granite)."""


def head_logits(module: Any, hidden: Tensor, frozen: bool) -> Tensor:
    """Return the logits [..., V] that a transformers model makes of its last hidden state [..., D].

    Where an architecture does something that is not known here, they differ from its own: `head_problem` tells.

    Args:
        module: the model.
        hidden: behind its last layer and norm.
        frozen: let no gradient reach the weights of the head.
    """
    if _scales_states(module.config):
        hidden = hidden * module.config.d_model**-0.5
    head = module.get_output_embeddings()
    hidden = hidden.to(head.weight.dtype)
    if frozen:
        bias = None if head.bias is None else head.bias.detach()
        logits = nn.functional.linear(hidden, head.weight.detach(), bias)
    else:
        logits = head(hidden)
    return finished(module, logits)


def finished(module: Any, logits: Tensor) -> Tensor:
    """Return the logits that a model makes of its head's output."""
    if (added := getattr(module, "final_logits_bias", None)) is not None:  # BART and its kin
        logits = logits + added.to(logits)
    config = module.config.get_text_config(decoder=True)
    for name in FACTORS:
        if (factor := getattr(config, name, None)) is not None:
            logits = logits * factor
    for name in DIVISORS:
        if (divisor := getattr(config, name, None)) is not None:
            logits = logits / divisor
    for name in CAPS:
        if (cap := getattr(config, name, None)) is not None:
            logits = (logits / cap).tanh() * cap
    return logits


def _scales_states(config: Any) -> bool:
    """Return whether an architecture of the T5 family, whose head is its embeddings, scales the states before it."""
    if config.model_type in TIED_AND_SCALED:
        return bool(config.tie_word_embeddings)
    return bool(getattr(config, "scale_decoder_outputs", False))
