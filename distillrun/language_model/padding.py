"""Rows of different length as tensors. Masks come from lengths, never from ids: a pad id may be a real token (EOS)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Side = Literal["left", "right"]


def padded(rows: Sequence[Sequence[int]], fill: int, side: Side, device: torch.device) -> Tensor:
    """Return the rows as one tensor [N, longest], filled up on one side."""
    width = max((len(row) for row in rows), default=0)
    fillers = [[fill] * (width - len(row)) for row in rows]
    if side == "left":
        filled = [[*filler, *row] for filler, row in zip(fillers, rows, strict=True)]
    else:
        filled = [[*row, *filler] for filler, row in zip(fillers, rows, strict=True)]
    return torch.tensor(filled, dtype=torch.long, device=device).reshape(len(rows), width)


def mask(rows: Sequence[Sequence[int]], side: Side, device: torch.device) -> Tensor:
    """Return the attention mask [N, longest] of the rows padded on one side: 1 where a token is real."""
    return padded([[1] * len(row) for row in rows], 0, side, device)


def positions(attention_mask: Tensor) -> Tensor:
    """Return the position of each token [N, S]: real tokens count from 0, whatever pads stand before them."""
    return (attention_mask.cumsum(dim=1) - 1).clamp(min=0)


def mixed_mask(own: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return the mask of mixtures [M, S]: 1 where a token that is mixed in with a share above 0 is real.

    Args:
        own, other: masks [M, S] of what is mixed.
        share: [M, 1] of the own.
    """
    return ((own * share + other * (1 - share)) > 0).to(own.dtype)
