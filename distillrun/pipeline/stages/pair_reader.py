"""Two ways to read a teacher's distributions for pairs: from a model in memory, and from a server."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import LanguageModel, ServedTeacher
from distillrun.journal.client import TeacherClient
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.sampling import writer_of
from distillrun.language_model.text import SegmentTokenizer
from distillrun.loss.distribution import LEAST, teacher_rows
from distillrun.loss.tensors import IGNORE, TeacherRows
from distillrun.loss.token_loss import learnt_places
from distillrun.process.interrupt import stops_when_saved
from distillrun.records import LogitRequest, TargetPair, TokenText
from distillrun.training.supervision import check_labels, shared_ids

Rows = Mapping[str, Tensor]
"""A pair's distributions at its learnt positions, as they are stored."""

LEAST_REST = 1e-9
"""The least mass of what a server does not list: 1 - the listed mass is rounding noise below it."""


class PairReader(Protocol):
    """A reader of a teacher's distributions at the learnt positions of pairs."""

    @property
    def pairs_at_once(self) -> int:
        """How many pairs are kept at once: what a kill can lose."""

    @property
    def vocabulary(self) -> int:
        """How many ids student and teacher share."""

    def read(self, pairs: Sequence[TargetPair]) -> Iterator[tuple[int, Rows]]:
        """Yield (index of the pair, its rows), each once, in any order."""


@dataclass(frozen=True)
class MemoryReader:
    """A reader of a teacher that is in memory.

    Attributes:
        student: whose tokens count.
        teacher: in memory.
        request: how distributions are read.
        tokens_per_batch: of a batch, with padding.
    """

    student: LanguageModel
    teacher: LanguageModel
    request: LogitRequest
    tokens_per_batch: int

    pairs_at_once = 1024

    @cached_property
    def vocabulary(self) -> int:
        return shared_ids(self.student, self.teacher)

    def read(self, pairs: Sequence[TargetPair]) -> Iterator[tuple[int, Rows]]:
        for begin in range(0, len(pairs), self.pairs_at_once):
            yield from enumerate(self.read_part(pairs[begin : begin + self.pairs_at_once]), begin)

    def read_part(self, pairs: Sequence[TargetPair]) -> list[Rows]:
        """Return the rows of pairs, all at once: an interrupt changes no batch, and so no byte, of a later part."""
        lengths = [(source, target) for source, target, _ in self.teacher.lengths(pairs)]
        found: dict[int, Rows] = {}
        with torch.inference_mode():
            for group in micro_batches(lengths, self.tokens_per_batch):
                chosen = [pairs[row] for row in group]
                outputs = self.teacher.forward(self.teacher.encode(chosen, group))
                check_labels(self.student.encode(chosen, group).labels, outputs.labels, chosen)
                read = [
                    stored(teacher_rows(outputs.logits.at(some), self.vocabulary, self.request), self.request)
                    for some in torch.split(learnt_places(outputs.labels), outputs.logits.positions_at_once())
                ]
                counts = (outputs.labels != IGNORE).sum(dim=1).tolist()
                whole = {name: torch.split(torch.cat([one[name] for one in read]), counts) for name in read[0]}
                found |= {row: {name: own[n] for name, own in whole.items()} for n, row in enumerate(group)}
        return [found[row] for row in range(len(pairs))]


@dataclass(frozen=True)
class ServedReader:
    """A reader of a teacher that is asked for its distributions, and paid for them.

    Attributes:
        student: whose tokens count.
        teacher: who is asked.
        request: how distributions are read; at temperature 1.
        max_source_tokens: the student's.
        store: the root of the artifact store, where the ledger is.
    """

    student: LanguageModel
    teacher: ServedTeacher
    request: LogitRequest
    max_source_tokens: int
    store: Path

    pairs_at_once = 64

    @cached_property
    def vocabulary(self) -> int:
        return min(self.student.vocabulary_size, max(self.teacher.tokens().values()) + 1)

    @cached_property
    def _text(self) -> SegmentTokenizer:
        return writer_of(self.student).text

    @cached_property
    def _ends(self) -> Mapping[int, int]:
        """The student's end and the teacher's, each taken for the other; nothing where they are one."""
        own, other = self._text.eos, int(self.teacher.cut("")[-1])
        return {} if own == other else {own: other, other: own}

    def read(self, pairs: Sequence[TargetPair]) -> Iterator[tuple[int, Rows]]:
        targets = [self._text.target_of(pair) for pair in pairs]
        texts = []
        for pair, target in zip(pairs, targets, strict=True):
            source = self.teacher.source(pair, self.max_source_tokens)
            texts.append(TokenText((*source, *target.ids), len(source) + target.learn.index(True)))
        client = TeacherClient(self.store, "read_logits", self.teacher)
        with stops_when_saved() as stopping:
            answers = client.ask(
                lambda account: self.teacher.distributions(texts, self.request.top_k, account), len(texts), stopping
            )
            for index, listed in answers:
                target = targets[index]
                learn = target.learn[target.learn.index(True) :]
                wanted = [one for one, learnt in zip(listed, learn, strict=True) if learnt]
                named = [{self._ends.get(token, token): value for token, value in one.items()} for one in wanted]
                yield index, stored(listed_rows(named, self.vocabulary, self.request.top_k), self.request)


def stored(rows: TeacherRows, request: LogitRequest) -> dict[str, Tensor]:
    """Return distributions as they are stored: ids in 4 bytes, log-probs in 2 or 4, the rest's mass in float32."""
    dtype = torch.float16 if request.dtype == "float16" else torch.float32
    tensors = {"log_probs": rows.log_probs.clamp(min=torch.finfo(dtype).min).to(dtype).cpu()}
    if rows.ids is not None and rows.rest is not None:
        tensors |= {"ids": rows.ids.int().cpu(), "rest": rows.rest.float().cpu()}
    return tensors


def listed_rows(listed: Sequence[Mapping[int, float]], vocabulary: int, top_k: int | None) -> TeacherRows:
    """Return the distributions of positions at which a server lists log-probs, as `teacher_rows` reads them off logits.

    The mass of ids from `vocabulary` on, which have no token, is taken out as far as it is listed.

    Raises:
        ConfigError: too few ids of the vocabulary are listed.
    """
    count = min(top_k or vocabulary, vocabulary)
    kept = [_kept(one, vocabulary, count) for one in listed]
    if count == vocabulary:
        every = torch.full((len(kept), vocabulary), LEAST, dtype=torch.float64)
        for row, (ids, log_probs, _) in enumerate(kept):
            every[row, ids] = torch.tensor(log_probs, dtype=torch.float64)
        return TeacherRows(None, every.clamp(min=LEAST).float(), None)
    return TeacherRows(
        torch.tensor([ids for ids, _, _ in kept]),
        torch.tensor([log_probs for _, log_probs, _ in kept], dtype=torch.float64).clamp(min=LEAST).float(),
        torch.tensor([rest for _, _, rest in kept], dtype=torch.float64).float(),
    )


def _kept(listed: Mapping[int, float], vocabulary: int, count: int) -> tuple[list[int], list[float], float]:
    """Return the likeliest ids of one position, their log-probs, and the log of the mass of all others."""
    order = sorted((token for token in listed if token < vocabulary), key=lambda token: (-listed[token], token))
    if len(order) < count:
        raise ConfigError(
            f"the teacher's server lists {len(order)} ids that are tokens of the student, {count} are wanted (its own "
            f"are {sorted(listed)[:3]}, ...); check that teacher.tokenizer is the served model's, or lower "
            "objective.top_k"
        )
    outside = math.fsum(math.exp(value) for token, value in listed.items() if token >= vocabulary)
    whole = math.log1p(-min(outside, 0.5))
    log_probs = [listed[token] - whole for token in order[:count]]
    others = math.fsum(math.exp(listed[token] - whole) for token in order[count:])
    rest = max(1.0 - math.fsum(map(math.exp, log_probs)), others, LEAST_REST)
    return order[:count], log_probs, math.log(rest)
