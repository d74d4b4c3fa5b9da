"""The base of on-policy objectives: a divergence on targets that the student writes during training."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol, runtime_checkable

from torch import nn

from distillrun.errors import ConfigError
from distillrun.interfaces import ActiveObjective, ChoiceModel, ObjectiveContext, TextObjective
from distillrun.language_model.sampling import sampled_targets, writer_of
from distillrun.language_model.token_selection import Choosing, Drawn
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.token_distillation import SAMPLED
from distillrun.records import Json, Requirements, TargetPair, TrainingItem


def derived(seed: int, *parts: object) -> int:
    """Return a seed of 31 bits that depends on all parts."""
    return random.Random("\x1f".join(map(str, (seed, *parts)))).getrandbits(31)


def check_sampling(temperature: float, top_p: float) -> tuple[float, float]:
    """Return temperature and nucleus of the writing, checked. Raises ConfigError."""
    if not temperature > 0 or not 0 < top_p <= 1:
        raise ConfigError(
            f"objective.sampling_temperature={temperature} must be above 0, "
            f"and objective.top_p={top_p} above 0 and at most 1"
        )
    return temperature, top_p


def check_room(max_new_tokens: int | None) -> None:
    """Check how many tokens may be written. Raises ConfigError."""
    if max_new_tokens is not None and max_new_tokens < 1:
        raise ConfigError(f"objective.max_new_tokens={max_new_tokens} must be 1 or more, or null")


class Writing:
    """How many texts were written in a step, and how many of them were cut: what follows a cut is never judged."""

    def __init__(self) -> None:
        self._texts = self._cut = 0

    def add(self, written: Sequence[Sequence[int]], eos: int) -> None:
        """Count texts; one that does not end in EOS was cut."""
        self._texts += len(written)
        self._cut += sum(not ids or ids[-1] != eos for ids in written)

    def told(self) -> dict[str, float]:
        """Return the share of texts that were cut, and begin anew."""
        share = self._cut / self._texts if self._texts else 0.0
        self._texts = self._cut = 0
        return {"cut_share": share}


@runtime_checkable
class SharedDivergence(ActiveObjective, Protocol):
    """An objective whose loss can be shared between given targets and those that a student writes."""

    @property
    def texts(self) -> TextObjective: ...

    @property
    def teacher(self) -> str:
        """stored or live."""

    @abstractmethod
    def shared_loss(self, outputs: StudentOutputs, counts: Mapping[str, Count], sampled: float) -> Loss:
        """Return the loss where sampled targets have this share of it, and given ones the rest."""


class SampledDistillation(AroundTexts, ABC):
    """A divergence on targets of which some are written by the student, without dropout and under their own seed.

    The divergence is learnt on given and on written targets, which weigh as much as they are many; labels count on the
    given ones alone, since a written token is not a label. Everything after the first EOS is gone.

    Args:
        divergence: any objective that compares next-token distributions, with its teacher live; `UniversalLogit` where
            the teacher has another tokenizer.
        sampling_temperature, top_p: of the writing; above 0, and above 0 up to 1.
        max_new_tokens: of a written target; None = as many as the longest given one has.
        sampling_seed: decides what is written, together with step and example.
    """

    MEANING: ClassVar[int | Mapping[str, int]] = {"divergence._target_=objective/TAID": 2}

    def __init__(
        self,
        divergence: SharedDivergence,
        sampling_temperature: float,
        top_p: float,
        max_new_tokens: int | None,
        sampling_seed: int,
    ) -> None:
        super().__init__(divergence.texts)
        if divergence.teacher != "live":
            raise ConfigError(
                f"objective.divergence.teacher={divergence.teacher} cannot follow what the student writes while it is "
                "trained; set objective.divergence.teacher=live"
            )
        check_room(max_new_tokens)
        self._divergence = divergence
        self._drawing = check_sampling(sampling_temperature, top_p)
        self._wanted_room = max_new_tokens
        self._seed = sampling_seed
        self._pairs = self._written = 0
        self._writing = Writing()

    @property
    def requirements(self) -> Requirements:
        return self._divergence.requirements

    @property
    def share(self) -> float:
        """Share of the pairs of this step that were written."""
        return self._written / self._pairs if self._pairs else 0.0

    def is_taught(self, pair: TargetPair) -> bool:
        return self._divergence.is_taught(pair)

    def start(self, context: ObjectiveContext) -> None:
        super().start(context)
        self._room = self._wanted_room or context.longest_target()
        self._divergence.start(context)

    def modules(self) -> nn.ModuleDict:
        return self._divergence.modules()

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return self._divergence.shared_loss(outputs, counts, self.share)

    def end_step(self) -> dict[str, float]:
        share = self.share
        self._pairs = self._written = 0
        return {**self._divergence.end_step(), "sampled_share": share, **self._writing.told()}

    def state(self) -> Mapping[str, Json]:
        return {"divergence": dict(self._divergence.state())}

    def load_state(self, state: Mapping[str, Json]) -> None:
        inner = state["divergence"]
        self._divergence.load_state(inner if isinstance(inner, dict) else {})

    @property
    def writers(self) -> Sequence[ChoiceModel]:
        """The models whose distributions the tokens are drawn from."""
        return [self.context.student]

    @abstractmethod
    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        """Return the pairs of a step; heirs say which of them are written."""

    def choosing(self, seeds: Sequence[int]) -> Choosing:
        """Return what chooses the tokens of a batch."""
        return Drawn(seeds, self._room, *self._drawing)

    def write(
        self, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]], chosen: Sequence[bool]
    ) -> list[list[TargetPair]]:
        """Return the pairs, those of the chosen visits with targets that the student wrote.

        A target that opens with text which is read but not learnt stays as it is: there is no place for the student to
        begin.
        """
        found = [list(own) for own in pairs]
        places = [
            (row, place)
            for row, own in enumerate(pairs)
            for place, pair in enumerate(own)
            if chosen[row] and all(segment.learn for segment in pair.target)
        ]
        self._pairs += sum(map(len, pairs))
        self._written += len(places)
        if places:
            sources = [pairs[row][place].source for row, place in places]
            seeds = [derived(self._seed, visits[row].seed, place) for row, place in places]
            tokens = self.context.tokens_per_batch
            written = sampled_targets(self.writers, sources, seeds, self.choosing, self._room, tokens)
            self._writing.add(written, writer_of(self.context.student).text.eos)
            for (row, place), ids in zip(places, written, strict=True):
                pair = pairs[row][place]
                found[row][place] = replace(pair, target=(), view=f"{pair.view}/{SAMPLED}", written=ids)
        return found
