"""The check that a model's head, run by itself on hidden states, gives the model's own logits."""

from typing import Any

from torch import Tensor

from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.reader import COARSE, LARGE, TOLERANCE
from distillrun.language_model.transformer import PROBE, TransformerModel


def head_problem(model: TransformerModel) -> str | None:
    """Return how the model's logits differ from its head on its last hidden states; None where they are the same.

    The head's outputs are made large for the comparison.
    """
    module: Any = model.module
    batch = model.encode([PROBE], [0])
    head = module.get_output_embeddings()
    scale = 1.0

    def enlarged(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        return output * scale

    with evaluating(model.module):
        plain = head(model.forward(batch, hidden=True).hidden[-1])
        scale = LARGE / max(plain.float().abs().max().item(), 1e-9)
        handle = head.register_forward_hook(enlarged)
        try:
            outputs = model.forward(batch, hidden=True)
            expected = model.head(outputs.hidden[-1]).float()
            logits = outputs.logits.dense()
        finally:
            handle.remove()
    size = max(logits.float().abs().max().item(), 1e-9)
    gap = (logits.float() - expected).abs().max().item() / size
    if gap <= TOLERANCE.get(logits.dtype, COARSE):
        return None
    return f"its logits and its head's output differ by up to {gap:.0%} of the largest"
