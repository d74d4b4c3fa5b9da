"""A student that writes nothing: an encoder with a head that scores a question with each of its choices."""

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMultipleChoice, AutoTokenizer, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.likelihood import ragged
from distillrun.language_model.limits import Truncate
from distillrun.language_model.padding import mixed_mask, padded
from distillrun.language_model.precision import stored_type
from distillrun.language_model.saving import save_model
from distillrun.language_model.weights import load_weights, why
from distillrun.records import ScoredContinuation, Segment

log = logging.getLogger(__name__)

REMEMBERED_TEXTS = 16384
"""How many tokenised questions with a choice are kept: a step is measured and then encoded, and epochs repeat."""


class ChoiceScorer:
    """A `ChoiceModel` on any `AutoModelForMultipleChoice` (BERT, MiniLM, DeBERTa, RoBERTa).

    Args:
        module: the module.
        tokenizer: its tokenizer.
        max_tokens: of a question with one choice, special tokens included.
        group: the config group that sets `max_tokens`, for messages.
        truncate: what becomes of a longer one: its question is cut, never its choice, or it is refused.
    """

    def __init__(
        self,
        module: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int,
        group: str = "student",
        truncate: Truncate = "refuse",
    ) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._group, self._truncate = group, truncate
        self._has_said = False
        self.saved_type: torch.dtype | None = None
        self._encoded = lru_cache(REMEMBERED_TEXTS)(self._tokenised)

    @property
    def device(self) -> torch.device:
        """The device that the module is on."""
        return next(self.module.parameters()).device

    def choice_size(self, source: Sequence[Segment], continuations: Sequence[Sequence[Segment]]) -> tuple[int, int]:
        rows = [self._encoded(written(source), written(segments)) for segments in continuations]
        return len(rows) * max(len(row["input_ids"]) for row in rows), 0

    def choose(
        self, sources: Sequence[Sequence[Segment]], continuations: Sequence[Sequence[Sequence[Segment]]]
    ) -> Tensor:
        inputs = self._inputs(sources, continuations)
        logits: Tensor = self.module(**inputs).logits
        return ragged(logits.squeeze(1).float(), [len(own) for own in continuations])

    def mixed_choose(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        partners: Sequence[int],
        shares: Sequence[float],
    ) -> tuple[Tensor, Tensor]:
        counts = [len(own) for own in continuations]
        if any(counts[row] != counts[partner] for row, partner in enumerate(partners)):
            raise ValueError("questions with different numbers of choices cannot be mixed")
        inputs = self._inputs(sources, continuations)
        starts = [sum(counts[:row]) for row in range(len(partners))]
        begins = [sum(counts[:partner]) for partner in partners]
        mixed = range(len(partners))
        own = self._index(starts[row] + choice for row in mixed for choice in range(counts[row]))
        other = self._index(begins[row] + choice for row in mixed for choice in range(counts[row]))
        module: Any = self.module
        embedded = module.get_input_embeddings()(inputs.pop("input_ids"))
        share = torch.tensor([shares[row] for row in mixed for _ in range(counts[row])]).to(embedded)[:, None, None]
        embedded = torch.lerp(embedded[other], embedded[own], share[..., None])
        mask = inputs.pop("attention_mask")
        # token types cannot be mixed: they are those of the question with the larger share
        rest = {name: torch.where(share > 0.5, tensor[own], tensor[other]) for name, tensor in inputs.items()}
        mask = mixed_mask(mask[own], mask[other], share)
        logits: Tensor = module(inputs_embeds=embedded, attention_mask=mask, **rest).logits
        scores = ragged(logits.squeeze(1).float(), counts[: len(partners)])
        return scores, scores

    def _index(self, places: Iterable[int]) -> Tensor:
        return torch.tensor(list(places), device=self.device)

    def score(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        tokens_per_batch: int,
    ) -> list[tuple[ScoredContinuation, ...]]:
        """Return the log-probability of each choice among those of its question, as of one token."""
        scores: list[tuple[ScoredContinuation, ...]] = [()] * len(sources)
        sizes = [self.choice_size(source, own) for source, own in zip(sources, continuations, strict=True)]
        with evaluating(self.module):
            for group in micro_batches(sizes, tokens_per_batch):
                logits = self.choose([sources[row] for row in group], [continuations[row] for row in group])
                for row, found in zip(group, logits.float().log_softmax(dim=-1).tolist(), strict=True):
                    scores[row] = tuple(ScoredContinuation(value, 1) for value in found[: len(continuations[row])])
        return scores

    def save(self, folder: Path) -> None:
        save_model(self.module, self.tokenizer, folder, self.saved_type)

    def _inputs(
        self, sources: Sequence[Sequence[Segment]], continuations: Sequence[Sequence[Sequence[Segment]]]
    ) -> dict[str, Tensor]:
        """Return what the module takes, [R, 1, S]: each choice of each question in a row of its own."""
        rows = [
            self._encoded(written(source), written(segments))
            for source, own in zip(sources, continuations, strict=True)
            for segments in own
        ]
        fill = {"input_ids": self.tokenizer.pad_token_id or 0}
        return {
            name: padded([row[name] for row in rows], fill.get(name, 0), "right", self.device)[:, None]
            for name in rows[0]
        }

    def _tokenised(self, question: str, choice: str) -> dict[str, list[int]]:
        encoding = self.tokenizer(question, choice, return_attention_mask=True, verbose=False)
        tokens = len(encoding["input_ids"])
        if tokens > self._max_tokens and self._truncate != "refuse":
            if not self._has_said:
                self._has_said = True
                told = "cut the question that begins %r from %d tokens to %s.max_tokens=%d (said once)"
                log.warning(told, question[:60], tokens, self._group, self._max_tokens)
            self.tokenizer.truncation_side = "left" if self._truncate == "head" else "right"
            room = {"truncation": "only_first", "max_length": self._max_tokens}
            encoding = self.tokenizer(question, choice, return_attention_mask=True, verbose=False, **room)
            tokens = len(encoding["input_ids"])
        if tokens > self._max_tokens:
            raise ConfigError(
                f"{self._group}.max_tokens={self._max_tokens} is too small for the question that begins "
                f"{question[:60]!r} with the choice {choice[:40]!r}; set {self._group}.max_tokens={tokens} or more"
            )
        return {name: list(ids) for name, ids in encoding.items()}


def written(segments: Sequence[Segment]) -> str:
    """Return segments as one text."""
    return "".join(segment.text for segment in segments)


def load_scorer(
    folder: Path,
    max_tokens: int,
    group: str = "student",
    outline: bool = False,
    truncate: Truncate = "refuse",
    dtype: torch.dtype = torch.float32,
) -> ChoiceScorer:
    """Return the scorer of a checkpoint, on the CPU; no code of the checkpoint runs.

    The head, which a plain encoder does not have, draws from torch's global generator. With `outline`, names and shapes
    of the weights are read alone, to see whether it would load.

    Raises:
        ConfigError: transformers cannot load the folder as an encoder.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        stored = stored_type(config)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        module, missing = load_weights(AutoModelForMultipleChoice, folder, config, outline, dtype)
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        raise ConfigError(
            f"{group}.checkpoint={folder} did not load as an encoder with a multiple-choice head ({why(error)}); "
            "choose an encoder such as BERT, MiniLM or DeBERTa"
        ) from error
    encoder = str(module.base_model_prefix)
    if missing := [name for name in missing if name.startswith(f"{encoder}.") and "pooler" not in name]:
        raise ConfigError(
            f"{group}.checkpoint={folder} is missing {len(missing)} weights of its encoder ({missing[0]}, ...); copy "
            "or download it again"
        )
    scorer = ChoiceScorer(module, tokenizer, max_tokens, group, truncate)
    scorer.saved_type = stored
    return scorer
