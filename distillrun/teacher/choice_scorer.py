"""A trained choice scorer as a teacher: it scores choices and writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.errors import ConfigError, refusals
from distillrun.interfaces import Account, Task
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder
from distillrun.language_model.limits import positions_of
from distillrun.language_model.plain_text import plain_text
from distillrun.process.runtime import pick_device
from distillrun.records import Budget, Completion, Draw, Json, Price, Prompt, Sampling, ScoredContinuation, Segment
from distillrun.teacher.shared.reserving import reserved_parts

if TYPE_CHECKING:
    from distillrun.language_model.choice_scorer import ChoiceScorer

PROMPTS_AT_ONCE = 256
"""How many questions are read before their scores are handed over, and kept."""


@dataclass(eq=False)
class ChoiceScorerTeacher:
    """An encoder with a multiple-choice head, such as the `student` folder of a run with `student=choice_scorer`.

    It reads the prompt with one continuation at a time; a score is the log-probability of a continuation among those of
    its prompt.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_tokens: of a prompt with one continuation; a longer one is refused.
        block_separator: between the messages of a prompt.
        device: where the model goes; auto = cuda, mps or cpu.
        tokens_per_batch: with padding, of one batch: memory and speed, never results.
        price_per_million, budget: what its tokens are taken to cost, and the most that may be asked.

    Source: Devlin et al. 2018, https://arxiv.org/abs/1810.04805, section 4.4 (SWAG).
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it writes nothing and scores choices; use a teacher that writes, such as teacher=local"
    )

    checkpoint: str | None
    revision: str
    max_tokens: int
    block_separator: str
    device: str
    tokens_per_batch: int
    price_per_million: Price
    budget: Budget

    can = frozenset({"score"})

    @property
    def name(self) -> str:
        return Path(self.checkpoint or "choice_scorer").resolve().name

    def check(self, task: Task) -> list[str]:
        if self.checkpoint is None:
            return ["teacher.checkpoint is not set; set it to the student folder of a run with student=choice_scorer"]
        problems = self._reference.problems()
        try:
            pick_device(self.device, "teacher.device")
        except ConfigError as error:
            problems.append(str(error))
        config = {} if problems else self._reference.config() or {}
        if config and not is_encoder(config):
            problems.append(f"teacher.checkpoint={self.checkpoint} is not an encoder; choose teacher=local for it")
        positions = positions_of(config)
        if positions is not None and self.max_tokens > positions:
            problems.append(f"teacher.max_tokens={self.max_tokens} is more than the {positions} positions of the model")
        return problems or self._loading_problems

    def identity(self) -> Mapping[str, Json]:
        return {**self._reference.identity(), "block_separator": self.block_separator}

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._loaded.tokenizer(self._text(prompt), verbose=False)["input_ids"])

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        raise ConfigError(f"{self.name} scores choices and writes nothing; choose another teacher")

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        sources = [(Segment(self._text(prompt)),) for prompt in prompts]
        ends = [[(Segment(text),) for text in texts] for texts in continuations]
        costs = [(self.prompt_tokens(prompt), 0) for prompt in prompts]
        for start in range(0, len(prompts), PROMPTS_AT_ONCE):
            chunk = range(start, min(start + PROMPTS_AT_ONCE, len(prompts)))
            answered = 0
            for part in reserved_parts(chunk, costs, account):
                rows = [row for row, _ in part]
                found = self._loaded.score(
                    [sources[row] for row in rows], [ends[row] for row in rows], self.tokens_per_batch
                )
                for (row, reservation), scores in zip(part, found, strict=True):
                    reservation.settle(costs[row][0], 0)
                    answered += 1
                    yield row, scores
            if answered < len(chunk):
                return

    def release(self) -> None:
        self.__dict__.pop("_loaded", None)

    @cached_property
    def _loading_problems(self) -> list[str]:
        from distillrun.language_model.choice_scorer import load_scorer

        return refusals(lambda: load_scorer(self._reference.outline(), self.max_tokens, "teacher", outline=True))

    def _text(self, prompt: Prompt) -> str:
        return plain_text(prompt.messages, self.block_separator, self.block_separator)

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint or "", self.revision, "teacher")

    @cached_property
    def _loaded(self) -> "ChoiceScorer":
        from distillrun.language_model.choice_scorer import load_scorer

        model = load_scorer(self._reference.folder(), self.max_tokens, "teacher")
        model.module.to(pick_device(self.device, "teacher.device"))
        return model
