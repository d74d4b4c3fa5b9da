"""Interleaved sampling: the student writes, and the teacher replaces the tokens that it finds unlikely."""

from collections.abc import Sequence

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.language_model.sampling import Interleaved, writer_of
from distillrun.language_model.token_selection import Choosing
from distillrun.objective.on_policy import OnPolicy
from distillrun.objective.shared.token_distillation import TokenDistillation


class Speculative(OnPolicy):
    """On-policy distillation in which a token outside the teacher's likeliest is replaced by a draw of the teacher.

    With as many as there are ids, the student alone writes; with 1, nearly the teacher alone.

    Args:
        accepted_top_k: how many of the teacher's likeliest tokens let the student's draw stand.
        divergence, student_share, sampling_temperature, top_p, max_new_tokens, sampling_seed: see `OnPolicy`; teacher
            and student draw at the same temperature.

    Source: Xu et al. 2024, https://arxiv.org/abs/2410.11325, algorithm 1.
    """

    def __init__(
        self,
        divergence: TokenDistillation,
        student_share: float,
        accepted_top_k: int,
        sampling_temperature: float,
        top_p: float,
        max_new_tokens: int | None,
        sampling_seed: int,
    ) -> None:
        super().__init__(divergence, student_share, sampling_temperature, top_p, max_new_tokens, sampling_seed)
        if accepted_top_k < 1:
            raise ConfigError(f"objective.accepted_top_k={accepted_top_k} must be 1 or more")
        self._top_k = accepted_top_k
        self._batches: list[Interleaved] = []

    @property
    def writers(self) -> Sequence[ChoiceModel]:
        return [self.context.student, writer_of(self.context.teacher)]

    def choosing(self, seeds: Sequence[int]) -> Choosing:
        vocabulary = min(writer_of(writer).vocabulary_size for writer in self.writers)
        made = Interleaved(seeds, self._room, *self._drawing, self._top_k, vocabulary)
        self._batches.append(made)
        return made

    def end_step(self) -> dict[str, float]:
        proposed = sum(batch.proposed for batch in self._batches)
        accepted = sum(batch.accepted for batch in self._batches)
        self._batches.clear()
        return {**super().end_step(), "accepted_share": accepted / proposed if proposed else 0.0}
