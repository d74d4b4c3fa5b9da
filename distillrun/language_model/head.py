"""The head of a language model run on hidden states, and the check that it alone gives the logits."""

from typing import Any

from torch import Tensor

from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.reader import COARSE, LARGE, TOLERANCE
from distillrun.language_model.transformer import PROBE, TransformerModel


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
            logits = outputs.logits.dense()
        finally:
            handle.remove()
    gap = (logits.float() - expected).abs().max().item() / LARGE
    if gap <= TOLERANCE.get(logits.dtype, COARSE):
        return None
    return f"its logits and its head's output differ by up to {gap:.0%} of the largest: it scales or caps them"
