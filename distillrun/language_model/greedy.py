"""Greedy decoding for any architecture."""

from collections.abc import Callable, Sequence

from torch import Tensor

from distillrun.language_model.batching import micro_batches
from distillrun.language_model.text import SegmentTokenizer


def greedy_texts(
    write: Callable[[Sequence[Sequence[int]]], Tensor],
    text: SegmentTokenizer,
    sources: Sequence[Sequence[int]],
    max_new_tokens: int,
    tokens_per_batch: int,
) -> list[str]:
    """Return the greedy text of each source in the order given, each read up to its own end.

    Sources of like length share a batch, whose rows x (longest source + max_new_tokens) fit `tokens_per_batch`.

    Args:
        write: source ids of a batch -> the ids [N, T] that are written after each.
        text: reads ids as text.
        sources: complete source ids.
        max_new_tokens: after so many tokens a text ends without EOS.
        tokens_per_batch: the largest padded size of a batch.
    """
    texts = [""] * len(sources)
    lengths = [(len(source), max_new_tokens) for source in sources]
    # decoding is one forward per token, so few large batches matter more than padding
    for group in micro_batches(lengths, tokens_per_batch, tokens_per_forward=tokens_per_batch):
        written = write([sources[row] for row in group]).tolist()
        for row, ids in zip(group, written, strict=True):
            texts[row] = text.reply(ids)
    return texts
