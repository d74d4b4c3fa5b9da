"""A teacher's next-token distributions: how they are read off its logits, and two places where they come from."""

from dataclasses import dataclass

import torch
from torch import Tensor

from distillrun.loss.logits import Logits
from distillrun.loss.tensors import TeacherRows
from distillrun.records import LogitRequest


def teacher_rows(logits: Tensor, vocabulary: int, request: LogitRequest) -> TeacherRows:
    """Return the distributions [P, K] that logits [P, V] give, in float32 or better.

    The mass of what is not kept is summed over those ids themselves: 1 - the kept mass would be rounding noise wherever
    a teacher is sure of itself. Padded rows of the embeddings, from `vocabulary` on, have no token and no part in it.
    """
    wide = logits[:, :vocabulary].to(torch.promote_types(logits.dtype, torch.float32)) / request.temperature
    log_probs = wide.log_softmax(dim=-1)
    if request.top_k is None or request.top_k >= vocabulary:
        return TeacherRows(None, _finite(log_probs), None)
    kept, ids = log_probs.topk(request.top_k, dim=-1)
    rest = log_probs.scatter(-1, ids, -torch.inf).logsumexp(dim=-1)
    return TeacherRows(ids, _finite(kept), _finite(rest))


LEAST = torch.finfo(torch.float32).min / 4
"""The floor of log-probs in float32: it stays finite when two of them are subtracted."""


def _finite(log_probs: Tensor) -> Tensor:
    """Return log-probs with a floor that stays finite when two of them are subtracted."""
    return log_probs.clamp(min=torch.finfo(log_probs.dtype).min / 4)


@dataclass(frozen=True, slots=True)
class LiveDistribution:
    """Read off a teacher that is in memory, a few positions at a time, where the student's are.

    Attributes:
        logits: [N', T', V] of the teacher, whose batch may have fewer rows than the student's.
        places: [P] positions in the student's batch.
        own_places: [P] the same positions in the teacher's.
        vocabulary: how many ids teacher and student share.
        request: how they are read.
    """

    logits: Logits
    places: Tensor
    own_places: Tensor
    vocabulary: int
    request: LogitRequest

    def rows(self, index: Tensor) -> TeacherRows:
        with torch.no_grad():
            logits = self.logits.at(self.own_places[index]).to(self.places.device)
            return teacher_rows(logits, self.vocabulary, self.request)


@dataclass(frozen=True, slots=True)
class StoredDistribution:
    """Read earlier; in the precision in which it was stored until it is used.

    Attributes:
        places: [P] positions.
        ids: [P, K]; None = all.
        log_probs: [P, K].
        rest: [P] float32; None with all ids.
        vocabulary: how many ids teacher and student share.
    """

    places: Tensor
    ids: Tensor | None
    log_probs: Tensor
    rest: Tensor | None
    vocabulary: int

    def rows(self, index: Tensor) -> TeacherRows:
        return TeacherRows(
            None if self.ids is None else self.ids[index],
            self.log_probs[index].float(),
            None if self.rest is None else self.rest[index],
        )
