"""Linear maps between the hidden states of two models: trained with the student, and not saved with it."""

from torch import nn


def projection(width: int, other: int) -> nn.Linear:
    """Return a fresh map without bias from states of one width to another (Glorot & Bengio 2010)."""
    made = nn.Linear(width, other, bias=False)
    nn.init.xavier_uniform_(made.weight)
    return made
