"""Sampling from a student during training, alone or together with its teacher."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.decoding import Row, written_rows
from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.stopping import Stops
from distillrun.language_model.token_selection import Choosing, Drawn, drawn_tokens
from distillrun.language_model.transformer import TransformerModel
from distillrun.records import Segment

Choose = Callable[[Sequence[int]], Choosing]
"""Takes the seeds of a batch's rows; returns what chooses their tokens."""


def sampled_targets(
    models: Sequence[ChoiceModel],
    sources: Sequence[Sequence[Segment]],
    seeds: Sequence[int],
    choose: Choose,
    max_new_tokens: int,
    tokens_per_batch: int,
) -> list[tuple[int, ...]]:
    """Return the ids that are written after each source, up to and with the first end, or `max_new_tokens` of them.

    Without dropout and without gradient; what a row gets depends on its own seed alone, not on its batch. Every model
    keeps its cache, and a finished row leaves the batch.

    Args:
        models: the student, and whoever else has a say in each token; they share a tokenizer.
        sources: what is read.
        seeds: of each source.
        choose: chooses the tokens.
        max_new_tokens: after so many tokens a target ends without one.
        tokens_per_batch: the largest padded size of a batch.
    """
    writers = [writer_of(model) for model in models]
    text = writers[0].text
    stops = Stops(text.tokenizer, text.ends, ())
    max_new_tokens = min(max_new_tokens, text.max_target_tokens)  # there is no room for more
    ids = [[writer.text.source(tuple(source)) for source in sources] for writer in writers]
    written: list[tuple[int, ...]] = [()] * len(sources)
    sizes = [(len(source), max_new_tokens) for source in ids[0]]
    with evaluating(writers[0].module):
        for group in _batches(
            writers, ids, micro_batches(sizes, tokens_per_batch, tokens_per_forward=tokens_per_batch)
        ):
            with torch.inference_mode():
                states = [
                    writer.architecture.state(writer.module, [own[row] for row in group], max_new_tokens, writer.device)
                    for writer, own in zip(writers, ids, strict=True)
                ]
            rows = [Row(row, max_new_tokens, seeds[row]) for row in group]
            for row, _ in written_rows(states, rows, stops, choose([seeds[row] for row in group])):
                written[row.index] = tuple(row.ids)
    return written


def _batches(
    writers: Sequence[TransformerModel], ids: Sequence[Sequence[Sequence[int]]], groups: Iterable[Sequence[int]]
) -> Iterator[list[int]]:
    """Yield the rows of each group that may stand in one batch: of equal length for a model that takes no pads."""
    padless = [own for writer, own in zip(writers, ids, strict=True) if not writer.architecture.takes_pads]

    def lengths(row: int) -> list[int]:
        return [len(own[row]) for own in padless]

    for group in groups:
        for _, rows in groupby(sorted(group, key=lengths), key=lengths):
            yield list(rows)


def writer_of(model: ChoiceModel | None) -> TransformerModel:
    """Return a model as one that can be sampled. Raises ConfigError where it writes no texts."""
    if not isinstance(model, TransformerModel):
        raise ConfigError(f"{type(model).__name__} writes no texts that could be sampled; choose a student that does")
    return model


class Mixed(Drawn):
    """Drawn from share x teacher + (1 - share) x student, the second state's and the first's distributions.

    Source: MiniLLM, Gu et al. 2023, https://arxiv.org/abs/2306.08543, section 2.2.
    """

    def __init__(self, seeds: Sequence[int], max_new_tokens: int, share: float, vocabulary: int) -> None:
        super().__init__(seeds, max_new_tokens, temperature=1.0, top_p=1.0)
        self._share = share
        self._vocabulary = vocabulary

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        q, p = (found[:, : self._vocabulary].float().softmax(dim=-1) for found in logits)
        mixed = (self._share * p + (1 - self._share) * q).log()
        return drawn_tokens(mixed, self.uniform(steps, mixed.device), 1.0, 1.0)


class Interleaved(Drawn):
    """The student's draw where it is among the teacher's `top_k` likeliest tokens, else a draw of the teacher.

    Source: speculative knowledge distillation, Xu et al. 2024, https://arxiv.org/abs/2410.11325, algorithm 1.
    """

    def __init__(
        self, seeds: Sequence[int], max_new_tokens: int, temperature: float, top_p: float, top_k: int, vocabulary: int
    ) -> None:
        # a second number of its own for each token: the teacher's draw must not depend on the student's
        super().__init__(seeds, 2 * max_new_tokens, temperature, top_p)
        self._top_k = top_k
        self._vocabulary = vocabulary
        self.proposed = self.accepted = 0

    def tokens(self, logits: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        student, teacher = (found[:, : self._vocabulary] for found in logits)
        device = student.device
        first = self.uniform([2 * step for step in steps], device)
        second = self.uniform([2 * step + 1 for step in steps], device)
        own = drawn_tokens(student, first, self._temperature, self._top_p)
        likeliest = teacher.topk(min(self._top_k, self._vocabulary), dim=-1).indices
        accepted = (likeliest == own[:, None]).any(dim=-1)
        self.proposed += len(own)
        self.accepted += int(accepted.sum())
        return torch.where(accepted, own, drawn_tokens(teacher, second, self._temperature, self._top_p))
