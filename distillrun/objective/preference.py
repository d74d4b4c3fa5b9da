"""Preference learning: of two texts for a question, the better one becomes likelier than the worse one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import Task, TokenLossObjective
from distillrun.language_model.sampling import sampled_targets, writer_of
from distillrun.language_model.token_selection import Choosing, Drawn
from distillrun.loss.tensors import IGNORE, Count, Loss, StudentOutputs
from distillrun.loss.token_loss import token_costs
from distillrun.objective.counterfactual import draw_counterfactual
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.sampled_distillation import check_sampling, derived
from distillrun.records import (
    Example,
    Requirements,
    TargetPair,
    TeacherRecord,
    TrainingItem,
    factual,
    find_factual,
    is_right,
)

WINNER, LOSER = "winner", "loser"


@dataclass(eq=False)
class Preference(AroundTexts):
    """L = mean over pairs of -log sigmoid(margin) + winner_weight x CE on the winners, per token.

    With s the log-likelihood of a text, of its learnt tokens:

    - dpo: margin = beta [(s_w - s_w of the reference) - (s_l - s_l of the reference)]; the reference is the student as
      it was before the training.
    - length_normalised: the same with s divided by the number of tokens.
    - simpo: margin = beta (s_w / tokens_w - s_l / tokens_l) - target_margin, without a reference.

    What is compared (`pairs`), in the words of the text objective:

    - revision: the revised rationale with the first draft, both for the right answer.
    - counterfactual: the right answer with its rationale and a wrong answer with a rationale that argues for it.
    - sample: of texts that the student itself writes, a right one with a wrong one; where none is right, the given
      target with a wrong one; where none is wrong, nothing.

    Pairs whose two texts are equal teach nothing and are left out.

    Args:
        texts: how a question with its rationale is read and written; it learns the initial rationale.
        pairs: revision, counterfactual or sample.
        form: dpo, length_normalised or simpo.
        beta: above 0.
        target_margin: of simpo, in nats x beta; 0 or more.
        winner_weight: of the cross-entropy on the winners, 0 or more: it keeps their likelihood from falling.
        samples: how many texts the student writes for each question.
        sampling_temperature, top_p, max_new_tokens: of its writing.
        sampling_seed: decides what is written, together with step and example.

    Source: DPO, Rafailov et al. 2023, https://arxiv.org/abs/2305.18290, equation 7; SimPO, Meng et al. 2024,
    https://arxiv.org/abs/2405.14734, equation 6.
    """

    MEANING: ClassVar[Mapping[str, int]] = {"pairs=sample": 2}  # answers are read otherwise

    pairs: Literal["revision", "counterfactual", "sample"]
    form: Literal["dpo", "length_normalised", "simpo"]
    beta: float
    target_margin: float
    winner_weight: float
    samples: int
    sampling_temperature: float
    top_p: float
    max_new_tokens: int
    sampling_seed: int

    def __post_init__(self) -> None:
        if not self.beta > 0 or not 0 <= self.target_margin < math.inf or not 0 <= self.winner_weight < math.inf:
            raise ConfigError(
                f"objective.beta={self.beta} must be above 0, objective.target_margin={self.target_margin} and "
                f"objective.winner_weight={self.winner_weight} 0 or more"
            )
        if self.samples < 1 or self.max_new_tokens < 1:
            raise ConfigError(
                f"objective.samples={self.samples} and objective.max_new_tokens={self.max_new_tokens} must be 1 or more"
            )
        check_sampling(self.sampling_temperature, self.top_p)
        if self.pairs != "sample" and self.texts.needs != {"initial"}:
            raise ConfigError(
                f"objective.texts must learn the initial rationale alone where objective.pairs={self.pairs}; choose "
                "objective@objective.texts=rationale_answer or multitask, with objective.texts.rationale=initial"
            )

    @property
    def requirements(self) -> Requirements:
        return Requirements("none" if self.form == "simpo" else "reference", whole_examples=True)

    @property
    def needs(self) -> frozenset[str]:
        other = {"revision": {"revised"}, "counterfactual": {"counterfactual"}, "sample": set[str]()}
        return self.texts.needs | other[self.pairs]

    def is_taught(self, pair: TargetPair) -> bool:
        return True

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        if self.pairs == "sample":
            return self.texts.targets(example, record, task, seed)
        if self.pairs == "revision":
            winner = self.texts.targets(example, _with_draft(record, factual(record, "revised").text), task, seed)
            loser = self.texts.targets(example, record, task, seed)
        else:
            wrong = draw_counterfactual(example, record, seed)
            if wrong is None:
                return []
            winner = self.texts.targets(example, record, task, seed)
            other = replace(example, answer=wrong.supports)
            loser = self.texts.targets(other, _with_draft(record, wrong.text), task, seed)
        return _paired(winner, loser)

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        if self.pairs != "sample":
            return [list(own) for own in pairs]
        context = self.context
        student = writer_of(context.student)
        queries = [self.texts.query(visit.example, context.task).answer for visit in visits]
        sources = [query for query in queries for _ in range(self.samples)]
        seeds = [derived(self.sampling_seed, visit.seed, number) for visit in visits for number in range(self.samples)]
        written = sampled_targets(
            [student], sources, seeds, self._choosing, self.max_new_tokens, context.tokens_per_batch
        )
        found: list[list[TargetPair]] = []
        for row, (visit, own, query) in enumerate(zip(visits, pairs, queries, strict=True)):
            right: list[tuple[int, ...]] = []
            wrong: list[tuple[int, ...]] = []
            for ids in written[row * self.samples : (row + 1) * self.samples]:
                reply = self.texts.read(student.decode(ids), None)
                chosen = context.task.parse(reply.answer, visit.example)
                (right if is_right(visit.example, chosen) else wrong).append(ids)
            given = next((pair for pair in own if pair.source == query), None)
            if not wrong or given is None:
                found.append([])
                continue
            winner = replace(given, target=(), written=right[0]) if right else given
            found.append(_paired([winner], [replace(given, target=(), written=wrong[0])]))
        return found

    def _choosing(self, seeds: Sequence[int]) -> Choosing:
        return Drawn(seeds, self.max_new_tokens, self.sampling_temperature, self.top_p)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        winners = [n for n, view in enumerate(outputs.views) if view.endswith(f"/{WINNER}")]
        losers = {(outputs.rows[n], view): n for n, view in enumerate(outputs.views) if view.endswith(f"/{LOSER}")}
        both = [(n, losers[outputs.rows[n], outputs.views[n].removesuffix(WINNER) + LOSER]) for n in winners]
        if not both:
            return outputs.no_loss()
        nll = token_costs(outputs.logits, outputs.labels)
        margins = self._margins(outputs, -nll.sum(dim=1), torch.tensor(both, device=nll.device))
        pairs = sum(count.pairs for view, count in counts.items() if view.endswith(f"/{WINNER}"))
        tokens = sum(count.tokens for view, count in counts.items() if view.endswith(f"/{WINNER}"))
        preference = -F.logsigmoid(margins).sum() / pairs
        own = self.texts.token_loss if isinstance(self.texts, TokenLossObjective) else None
        costs = nll if own is None else token_costs(outputs.logits, outputs.labels, own)
        labels = costs[torch.tensor(winners, device=nll.device)].sum() / tokens
        parts = {
            "preference": preference.detach(),
            "winner": labels.detach(),
            "preferred": (margins.detach() > 0).to(nll.dtype).sum() / pairs,
        }
        return Loss(preference + self.winner_weight * labels, parts)

    def _margins(self, outputs: StudentOutputs, log_likelihoods: Tensor, both: Tensor) -> Tensor:
        """Return the margin of each pair (winner's row, loser's row), [M]."""
        found = log_likelihoods
        if self.form != "simpo":
            if outputs.teacher_outputs is None:
                raise ValueError("a preference without its reference; the trainer must keep the untrained student")
            found = found + token_costs(outputs.teacher_outputs.logits, outputs.teacher_outputs.labels).sum(dim=1)
        if self.form != "dpo":
            found = found / (outputs.labels != IGNORE).sum(dim=1)
        margins = self.beta * (found[both[:, 0]] - found[both[:, 1]])
        return margins - self.target_margin if self.form == "simpo" else margins


def _with_draft(record: TeacherRecord | None, text: str) -> TeacherRecord | None:
    """Return the record with another text in the place of its first draft."""
    draft = find_factual(record, "initial")
    if record is None or draft is None:
        return record
    rationales = tuple(replace(one, text=text) if one is draft else one for one in record.rationales)
    return replace(record, rationales=rationales)


def _paired(winners: Sequence[TargetPair], losers: Sequence[TargetPair]) -> list[TargetPair]:
    """Return the pairs of those views in which the two differ, under views that tell them apart."""
    other = {pair.view: pair for pair in losers}
    found = []
    for pair in winners:
        loser = other.get(pair.view)
        if loser is not None and loser != pair:
            found += [replace(pair, view=f"{pair.view}/{WINNER}"), replace(loser, view=f"{pair.view}/{LOSER}")]
    return found
