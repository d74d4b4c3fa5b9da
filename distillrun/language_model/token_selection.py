"""Selection of the next token of each row. Every function works on whole batches; no row depends on another one."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


def greedy_tokens(logits: Tensor) -> Tensor:
    """Return the likeliest token of each row, [R] from [R, V]."""
    return logits.argmax(dim=-1)


def drawn_tokens(logits: Tensor, uniform: Tensor, temperature: float, top_p: float) -> Tensor:
    """Return one token of each row, drawn from the tempered distribution cut to its nucleus.

    The nucleus is the smallest set of likeliest tokens whose mass is at least `top_p` (Holtzman et al. 2020,
    https://arxiv.org/abs/1904.09751). The draw inverts the cumulative distribution, tokens in order of likelihood, at
    one uniform number for each row: a row's token depends on its own logits and number alone.

    Args:
        logits: [R, V].
        uniform: [R], in [0, 1).
        temperature: above 0.
        top_p: in (0, 1].
    """
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    ordered, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    cumulative = ordered.cumsum(dim=-1)
    inside = cumulative - ordered < top_p
    mass = (ordered * inside).sum(dim=-1, keepdim=True)
    place = torch.searchsorted(cumulative, uniform.to(cumulative)[:, None] * mass, right=True)
    last = inside.sum(dim=-1, keepdim=True) - 1
    return tokens.gather(-1, place.minimum(last)).squeeze(-1)


def contrasted_tokens(logits: Tensor, against: Tensor, weight: Tensor, plausibility: Tensor) -> Tensor:
    """Return the token of each row that is likely under its own prompt and much less so under another answer's.

    argmax over v of log p(v) - weight * log p'(v), among the v with p(v) >= plausibility * max p.

    Args:
        logits: [R, V], under the prompt.
        against: [R, V], under the prompt with the other answer.
        weight: [R].
        plausibility: [R], in [0, 1].

    Source: SCOTT, https://arxiv.org/abs/2305.01879, section 3.1 (there (1 + a) log p - a log p', the same argmax for
    weight = a / (1 + a)); the mask: https://arxiv.org/abs/2210.15097, equation 2.
    """
    likely = logits.float().log_softmax(dim=-1)
    other = against.float().log_softmax(dim=-1)
    other = other.clamp(min=torch.finfo(other.dtype).min)  # a weight of 0 times -inf would be no number
    floor = likely.max(dim=-1, keepdim=True).values + plausibility.log()[:, None]
    scores = (likely - weight[:, None] * other).masked_fill(likely < floor, -torch.inf)
    return scores.argmax(dim=-1)


def uniform_numbers(seeds: Sequence[int], count: int) -> Tensor:
    """Return `count` numbers in [0, 1) for each seed, [R, count]: each row's are its seed's own."""
    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        rows.append(torch.rand(count, generator=generator, dtype=torch.float64))
    return torch.stack(rows)


class Choosing(Protocol):
    """The choice of the next tokens of a batch from which rows leave."""

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        """Return one token of each row, [R] from [R, V] of each state; row n has written `steps[n]` tokens so far."""

    def keep(self, order: Tensor) -> None:
        """Reorder the rows: row n becomes what row `order[n]` was."""


class Greedy:
    """The likeliest token."""

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        return greedy_tokens(logits[0])

    def keep(self, order: Tensor) -> None:
        return


class Contrasted:
    """Likely under the first state and much less so under the second; `contrasts` are [R, 2] weight, plausibility."""

    def __init__(self, contrasts: Tensor) -> None:
        self._contrasts = contrasts

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        return contrasted_tokens(logits[0], logits[1], self._contrasts[:, 0], self._contrasts[:, 1])

    def keep(self, order: Tensor) -> None:
        self._contrasts = self._contrasts[order.to(self._contrasts.device)]


class Drawn:
    """Drawn from the first state's tempered nucleus, each row with numbers of its own seed."""

    def __init__(self, seeds: Sequence[int], max_new_tokens: int, temperature: float, top_p: float) -> None:
        self._numbers = uniform_numbers(seeds, max_new_tokens)
        self._temperature = temperature
        self._top_p = top_p

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        return drawn_tokens(logits[0], self.uniform(steps, logits[0].device), self._temperature, self._top_p)

    def uniform(self, steps: Sequence[int], device: torch.device) -> Tensor:
        """Return each row's number at its step, [R]."""
        return self._numbers.gather(1, torch.tensor(steps)[:, None]).squeeze(1).to(device)

    def keep(self, order: Tensor) -> None:
        self._numbers = self._numbers[order]
