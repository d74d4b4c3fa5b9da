"""Reverse KL of whole texts, by policy gradient on what the student writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import ObjectiveContext
from distillrun.language_model.sampling import Mixed, sampled_targets, writer_of
from distillrun.language_model.token_selection import Choosing
from distillrun.loss.divergence import reverse_kl
from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.tensors import Count, Loss, StudentOutputs, TeacherDistribution
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.sampled_distillation import Writing, check_room, derived
from distillrun.objective.shared.token_distillation import SAMPLED
from distillrun.objective.shared.view import check_weight
from distillrun.records import LogitRequest, Requirements, TargetPair, TrainingItem


@dataclass(eq=False)
class MiniLLM(AroundTexts):
    """L = (1 - cross_entropy_weight) L_written + cross_entropy_weight CE on the given targets.

    Every example is written by a mixture of teacher and student, teacher_share p + (1 - teacher_share) q. Its gradient
    is that of KL(student || teacher) over whole texts, per token, in two parts:

    - single step: the exact KL(q || p) of each position, differentiated through;
    - long: - R_{t+1} log q(y_t), with R_{t+1} the discounted sum of r = log p - log q over the later tokens, without
      gradient; with `length_normalised`, their discounted mean.

    Both carry the importance weight q / mixture of the position's token. A sample is used for one step, so that
    there is no ratio to clip. The authors' code (microsoft/LMOps) is another estimate: it takes R_t for R_{t+1},
    gives the single step no weight, whitens the returns of a batch, uses samples for several clipped steps, and adds a
    language-modelling loss.

    Args:
        texts: what is read, and the given targets.
        teacher_share: of the teacher in the mixture that writes, 0 to below 1.
        discount: of later rewards, 0 to 1.
        length_normalised: the mean of the later rewards instead of their sum.
        reward_limit: each r is cut to +- so many nats.
        cross_entropy_weight: share of the given targets, 0 to 1.
        max_new_tokens: of a written target; None = as many as the longest given one has.
        sampling_seed: decides what is written, together with step and example.

    Source: Gu et al. 2023, https://arxiv.org/abs/2306.08543, equations 4 to 6.
    """

    teacher_share: float
    discount: float
    length_normalised: bool
    reward_limit: float
    cross_entropy_weight: float
    max_new_tokens: int | None
    sampling_seed: int
    _room: int = field(init=False, default=0, repr=False)
    _writing: Writing = field(init=False, default_factory=Writing, repr=False)

    requirements = Requirements("live", LogitRequest(None, 1.0, "float32"))

    def __post_init__(self) -> None:
        check_weight("cross_entropy_weight", self.cross_entropy_weight)
        check_weight("discount", self.discount)
        if not 0 <= self.teacher_share < 1:
            raise ConfigError(f"objective.teacher_share={self.teacher_share} must be from 0 to below 1")
        check_room(self.max_new_tokens)
        if not self.reward_limit > 0:
            raise ConfigError(f"objective.reward_limit={self.reward_limit} must be above 0")

    def start(self, context: ObjectiveContext) -> None:
        super().start(context)
        self._room = self.max_new_tokens or context.longest_target()

    def end_step(self) -> dict[str, float]:
        return self._writing.told()

    def is_taught(self, pair: TargetPair) -> bool:
        return pair.written is not None

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        context = self.context
        models = [context.student, writer_of(context.teacher)]
        vocabulary = min(writer_of(model).vocabulary_size for model in models)

        def choose(seeds: Sequence[int]) -> Choosing:
            return Mixed(seeds, self._room, self.teacher_share, vocabulary)

        asked = [
            (row, pair) for row, own in enumerate(pairs) for pair in own if all(part.learn for part in pair.target)
        ]
        seeds = [derived(self.sampling_seed, visits[row].seed, place) for place, (row, _) in enumerate(asked)]
        sources = [pair.source for _, pair in asked]
        written = sampled_targets(models, sources, seeds, choose, self._room, context.tokens_per_batch)
        self._writing.add(written, writer_of(context.student).text.eos)
        found = [list(own) if self.cross_entropy_weight else [] for own in pairs]
        for (row, pair), ids in zip(asked, written, strict=True):
            found[row].append(replace(pair, target=(), view=f"{pair.view}/{SAMPLED}", written=ids))
        return found

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        given = {view: self.cross_entropy_weight * weight for view, weight in self.texts.weights.items()}
        labels = self.text_loss(outputs, counts, given if self.cross_entropy_weight else {})
        if outputs.teacher is None:
            return labels
        written = self._written(outputs, outputs.teacher, counts)
        return Loss(labels.total + written.total, {**labels.parts, **written.parts})

    def _written(self, outputs: StudentOutputs, teacher: TeacherDistribution, counts: Mapping[str, Count]) -> Loss:
        places, width = teacher.places, outputs.labels.shape[1]
        tokens = outputs.labels.flatten()[places]
        log_q, log_p = _of_tokens(outputs, teacher, tokens)
        reward = (log_p - log_q).clamp(-self.reward_limit, self.reward_limit)
        rows = places // width
        later = self._later(reward, rows)
        mixture = self.teacher_share * log_p.exp() + (1 - self.teacher_share) * log_q.exp()
        weight = log_q.exp() / mixture
        shares = {
            f"{view}/{SAMPLED}": (1 - self.cross_entropy_weight) * share for view, share in self.texts.weights.items()
        }
        scale = torch.tensor(
            [shares.get(view, 0.0) / counts[view].tokens for view in outputs.views], device=places.device
        ).to(weight)[rows]
        everywhere = torch.arange(len(places), device=places.device)

        def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
            q = logits[:, : teacher.vocabulary].log_softmax(dim=-1)
            single = reverse_kl(teacher.rows(everywhere[begin:end]).log_probs.to(q.dtype), q)
            chosen = q.gather(-1, tokens[begin:end, None]).squeeze(1)
            cost = weight[begin:end] * (single - later[begin:end] * chosen)
            return scale[begin:end] * cost, single[:, None]

        total, single = summed_costs(outputs.logits, places, 1, costs)
        unscaled = scale / (1 - self.cross_entropy_weight) if self.cross_entropy_weight < 1 else scale
        parts = {
            "written/reverse_kl": (single.squeeze(1) * unscaled).sum(),
            "written/reward": (reward * unscaled).sum(),
        }
        return Loss(total, parts)

    def _later(self, reward: Tensor, rows: Tensor) -> Tensor:
        """Return the discounted sum, or mean, of the rewards that follow each token in its text, [P]."""
        later = torch.zeros_like(reward)
        total, count, row = 0.0, 0.0, -1
        values, owners = reward.double().tolist(), rows.tolist()
        for place in range(len(values) - 1, -1, -1):
            if owners[place] != row:
                total, count, row = 0.0, 0.0, owners[place]
            later[place] = total / count if self.length_normalised and count else total
            total = values[place] + self.discount * total
            count = 1.0 + self.discount * count
        return later


@torch.no_grad()
def _of_tokens(outputs: StudentOutputs, teacher: TeacherDistribution, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probs [P] of the tokens that were written, by student and teacher."""

    def log_probs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        index, own = torch.arange(begin, end, device=tokens.device), tokens[begin:end, None]
        log_q = logits[:, : teacher.vocabulary].log_softmax(dim=-1).gather(-1, own).squeeze(1)
        log_p = teacher.rows(index).log_probs.to(log_q.dtype).gather(-1, own).squeeze(1)
        return log_q, torch.stack([log_q, log_p], dim=1)

    _, both = summed_costs(outputs.logits, teacher.places, 2, log_probs)
    return both[:, 0], both[:, 1]
