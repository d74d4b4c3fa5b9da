"""A replay buffer of the student's own texts, which is used more as the student gains less."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from distillrun.errors import ConfigError
from distillrun.objective.shared.sampled_distillation import SampledDistillation, derived
from distillrun.objective.shared.token_distillation import TokenDistillation
from distillrun.objective.shared.view import check_weight
from distillrun.records import Json, Segment, TargetPair, TrainingItem


class AdaptiveOffPolicy(SampledDistillation):
    """A divergence on targets that the student wrote now or earlier, for some of the examples.

    An example of step k of N, counted from 1, is written again with probability threshold x (1 - k / N), and with
    probability `threshold` while the buffer is not full; what is written goes into the buffer, first in, first out.
    Otherwise, up to `threshold`, pairs from the buffer stand in its place. Each example has a draw of its own, so that
    the share of a step varies little; in DistiLLM's code a whole batch has one.

    The threshold rises at a dev check whose loss lies `tolerance` or more above the loss that is remembered. That is
    the one before the training and, from then on, the one at which the threshold last rose. So it stays where it starts
    for as long as the student gains, which a student with fresh weights does: at 0 it would never replay.

    Args:
        divergence: D with its own texts, temperature and labels; its teacher must be live.
        threshold: at the beginning, 0 to 1. DistiLLM's runs with LoRA start at 0.2, all others at 0, from a student
            that was fine-tuned before.
        threshold_rise: at each such check.
        tolerance: in nats per token of the right answers.
        capacity: pairs in the buffer.
        sampling_temperature, top_p, max_new_tokens, sampling_seed: see `SampledDistillation`.

    Source: DistiLLM, Ko et al. 2024, https://arxiv.org/abs/2402.03898, algorithm 1, with the rule of its code
    (https://github.com/jongwooko/distillm, finetune.py at d47e77f).
    """

    MEANING: ClassVar[int] = 2

    def __init__(
        self,
        divergence: TokenDistillation,
        threshold: float,
        threshold_rise: float,
        tolerance: float,
        capacity: int,
        sampling_temperature: float,
        top_p: float,
        max_new_tokens: int | None,
        sampling_seed: int,
    ) -> None:
        super().__init__(divergence, sampling_temperature, top_p, max_new_tokens, sampling_seed)
        self.threshold = check_weight("threshold", threshold)
        self._rise = check_weight("threshold_rise", threshold_rise)
        if capacity < 1:
            raise ConfigError(f"objective.capacity={capacity} must be 1 or more")
        self._tolerance = tolerance
        self.buffer: deque[TargetPair] = deque(maxlen=capacity)
        self._remembered: float | None = None

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        coins = [random.Random(derived(self._seed, "coin", visit.seed)) for visit in visits]
        draws = [coin.random() for coin in coins]
        threshold = self.threshold * (1 - (step + 1) / self.context.max_steps)
        filling = len(self.buffer) < (self.buffer.maxlen or 0)
        newly_written = [draw < (self.threshold if filling else threshold) for draw in draws]
        made = self.write(visits, pairs, newly_written)
        old = list(self.buffer)
        for row, own in enumerate(made):
            if newly_written[row]:
                self.buffer.extend(pair for pair in own if pair.written is not None)
            elif draws[row] < self.threshold and old:
                made[row] = [coins[row].choice(old) for _ in own]
                self._written += len(own)
        return made

    def after_check(self, dev_loss: Callable[[], float]) -> None:
        loss = dev_loss()
        if self._remembered is None:
            self._remembered = loss
        elif loss >= self._remembered + self._tolerance:
            self.threshold = min(1.0, self.threshold + self._rise)
            self._remembered = loss

    def end_step(self) -> dict[str, float]:
        return {**super().end_step(), "threshold": self.threshold, "buffer": float(len(self.buffer))}

    def state(self) -> Mapping[str, Json]:
        pairs: list[Json] = [
            {
                "source": [asdict(segment) for segment in pair.source],
                "view": pair.view,
                "written": list(pair.written or ()),
            }
            for pair in self.buffer
        ]
        return {**super().state(), "threshold": self.threshold, "remembered": self._remembered, "buffer": pairs}

    def load_state(self, state: Mapping[str, Json]) -> None:
        super().load_state(state)
        stored: Any = state
        self.threshold, self._remembered = stored["threshold"], stored["remembered"]
        for pair in stored["buffer"]:
            source = tuple(Segment(**segment) for segment in pair["source"])
            self.buffer.append(TargetPair(source, (), pair["view"], tuple(pair["written"])))
