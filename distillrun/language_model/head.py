"""The head of a language model run on hidden states, and the check that it alone gives the logits."""

from typing import Any

import torch
from torch import Tensor

from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.transformer import TransformerModel
from distillrun.records import Segment, TargetPair

PROBE = TargetPair((Segment("Where do fish live?"),), (Segment("The answer is the sea."),), "probe")
LARGE = 100.0
"""What the head's largest output is brought to, so that a cap shows that small logits would not reach."""

TOLERANCE = {torch.float32: 1e-4}
"""Largest difference that is rounding, as a share of the largest logit; of shorter types `COARSE`."""

COARSE = 2e-2


def skips_the_head(model: TransformerModel) -> str | None:
    """Return how the model's logits differ from its head on its last hidden states; None where they are the same.

    Some architectures scale the head's output (Granite, Cohere) or cap it (Gemma 2). The head's outputs are made large
    for the comparison.
    """
    module: Any = model.module
    batch = model.encode([PROBE], [0])
    head = module.get_output_embeddings()
    scale = 1.0

    def enlarged(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        return output * scale

    with evaluating(model.module):
        plain = model.head(model.forward(batch, hidden=True).hidden[-1])
        scale = LARGE / max(plain.float().abs().max().item(), 1e-9)
        handle = head.register_forward_hook(enlarged)
        try:
            outputs = model.forward(batch, hidden=True)
            expected = model.head(outputs.hidden[-1]).float()
        finally:
            handle.remove()
    gap = (outputs.logits.float() - expected).abs().max().item() / LARGE
    if gap <= TOLERANCE.get(outputs.logits.dtype, COARSE):
        return None
    return f"its logits and its head's output differ by up to {gap:.0%} of the largest: it scales or caps them"
