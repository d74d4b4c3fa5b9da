"""On-policy distillation: the teacher corrects what the student itself writes."""

import random
from collections.abc import Sequence

from distillrun.objective.shared.sampled_distillation import SampledDistillation, SharedDivergence, derived
from distillrun.objective.shared.view import check_weight
from distillrun.records import TargetPair, TrainingItem


class OnPolicy(SampledDistillation):
    """L = (1 - student_share) E_data[D] + student_share E_student[D], no gradient through the sampling.

    Each example of a step is written by the student with probability `student_share`, so that the share of a step
    varies little; what came of it is logged.

    Args:
        divergence: D with its own texts, temperature and labels; its teacher must be live.
        student_share: 0 (the student never writes) to 1 (always).
        sampling_temperature, top_p, max_new_tokens, sampling_seed: see `SampledDistillation`.

    With `UniversalLogit` as D, the teacher reads what the student wrote with its own tokenizer: TRL's GOLD.

    Source: GKD, Agarwal et al. 2023, https://arxiv.org/abs/2306.13649, algorithm 1.
    """

    def __init__(
        self,
        divergence: SharedDivergence,
        student_share: float,
        sampling_temperature: float,
        top_p: float,
        max_new_tokens: int | None,
        sampling_seed: int,
    ) -> None:
        super().__init__(divergence, sampling_temperature, top_p, max_new_tokens, sampling_seed)
        self._student_share = check_weight("student_share", student_share)

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        coins = [random.Random(derived(self._seed, "coin", visit.seed)).random() for visit in visits]
        return self.write(visits, pairs, [coin < self._student_share for coin in coins])
