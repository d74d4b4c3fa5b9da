"""Sentence embeddings, and the similarity of two texts under them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from distillrun.language_model.checkpoint import CheckpointReference

BATCH = 64


class Encoder:
    """A sentence encoder: the mean of the last hidden states of a text's tokens.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.

    Source: Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084, section 3 (mean pooling).
    """

    def __init__(self, checkpoint: str) -> None:
        self._reference = CheckpointReference(checkpoint, "main", "encoder")

    def problems(self) -> list[str]:
        """Return why the checkpoint cannot be used; empty if it can."""
        return self._reference.problems()

    def cosines(self, texts: Sequence[str], others: Sequence[str]) -> list[float]:
        """Return the cosine of each pair of texts, -1 to 1; 0 where either is empty."""
        unique = list(dict.fromkeys(text for text in (*texts, *others) if text.strip()))
        vectors = dict(zip(unique, self._embedded(unique), strict=True))
        return [
            float(vectors[text] @ vectors[other]) if text.strip() and other.strip() else 0.0
            for text, other in zip(texts, others, strict=True)
        ]

    def _embedded(self, texts: Sequence[str]) -> list[Any]:
        """Return a vector of length 1 for each text; texts of like length are read together."""
        import torch

        tokenizer, module = self._loaded
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        found: list[Any] = [None] * len(texts)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            longest = min(tokenizer.model_max_length, module.config.max_position_embeddings)
            inputs = tokenizer(
                [texts[n] for n in rows], padding=True, truncation=True, max_length=longest, return_tensors="pt"
            )
            with torch.inference_mode():
                hidden = module(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None].to(hidden.dtype)
            vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
            for n, vector in zip(rows, vectors, strict=True):
                found[n] = vector
        return found

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModel, AutoTokenizer

        from distillrun.language_model.quiet import quiet

        folder = self._reference.folder()
        with quiet():
            module: Any = AutoModel.from_pretrained(
                folder, trust_remote_code=False, weights_only=True, dtype=torch.float32
            )
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False), module.eval()
