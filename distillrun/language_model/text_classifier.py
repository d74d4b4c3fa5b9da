"""A student that writes nothing: a text encoder with an output for each label, one forward pass for all of them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from distillrun.errors import ConfigError
from distillrun.files.json import read_json, write_json
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.limits import Truncate
from distillrun.language_model.saving import save_model
from distillrun.language_model.text_encoder import TextEncoder, load_encoder
from distillrun.records import Json, ScoredContinuation, Segment

HEAD, LABELS, EMBEDDINGS = "head.safetensors", "text_classifier.json", "embeddings.safetensors"

KEY_BYTES = 16

_Sources = Sequence[Sequence[Segment]]
_Continuations = Sequence[Sequence[Sequence[Segment]]]


class Classifier(nn.Module):
    """An encoder and a linear head. A frozen encoder is never trained and never drops anything."""

    def __init__(self, encoder: nn.Module, width: int, labels: int, dropout: float, freeze: bool) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(not freeze)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, labels)
        self._freeze = freeze

    def train(self, mode: bool = True) -> "Classifier":
        """Set the mode; a frozen encoder stays as it is when it evaluates."""
        super().train(mode)
        self.encoder.train(mode and not self._freeze)
        return self


class TextClassifier:
    """A `ChoiceModel` whose choices are always the same labels, in their order.

    Args:
        encoder: reads the texts.
        labels: their names.
        dropout: share of the units of a text's vector dropped in training.
        freeze: train the head alone; each text is then encoded once.
        tables: folders with vectors of texts that were encoded before, see `save_embeddings`.
        several: a text may have several labels: each has a probability of its own.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        labels: Sequence[str],
        dropout: float,
        freeze: bool,
        tables: Sequence[Path] = (),
        several: bool = False,
    ) -> None:
        self.encoder = encoder
        self.labels = tuple(labels)
        self.module: nn.Module = Classifier(encoder.module, encoder.width(), len(self.labels), dropout, freeze)
        self._freeze = freeze
        self.several = several
        self._known = {key: vector for folder in tables for key, vector in _stored(folder)}

    def choice_size(self, source: Sequence[Segment], continuations: Sequence[Sequence[Segment]]) -> tuple[int, int]:
        return (1 if self._freeze else self.encoder.tokens(text_of(source))), 0

    def choose(self, sources: _Sources, continuations: _Continuations) -> Tensor:
        for own in continuations:
            if len(own) != len(self.labels):
                raise ConfigError(
                    f"student=text_classifier has {len(self.labels)} labels, and a question has {len(own)} choices; it "
                    "learns task=classification alone"
                )
        vectors = self._vectors([text_of(source) for source in sources])
        scores: Tensor = self.module.head(self.module.dropout(vectors))  # type: ignore[operator]
        return scores

    def mixed_choose(
        self, sources: _Sources, continuations: _Continuations, partners: Sequence[int], shares: Sequence[float]
    ) -> tuple[Tensor, Tensor]:
        raise ConfigError("student=text_classifier reads no mixtures; choose objective=label_only")

    def score(
        self, sources: _Sources, continuations: _Continuations, tokens_per_batch: int
    ) -> list[tuple[ScoredContinuation, ...]]:
        """Return the log-probability of each label, as of one token."""
        scores: list[tuple[ScoredContinuation, ...]] = [()] * len(sources)
        sizes = [self.choice_size(source, ()) for source in sources]
        with evaluating(self.module):
            for group in micro_batches(sizes, tokens_per_batch):
                logits = self.choose([sources[row] for row in group], [continuations[row] for row in group]).float()
                log_probs = nn.functional.logsigmoid(logits) if self.several else logits.log_softmax(dim=-1)
                for row, found in zip(group, log_probs.tolist(), strict=True):
                    scores[row] = tuple(ScoredContinuation(value, 1) for value in found)
        return scores

    def save(self, folder: Path) -> None:
        save_model(self.encoder.module, self.encoder.tokenizer, folder, self.encoder.saved_type)
        head = {name: weight.detach().cpu().contiguous() for name, weight in self.module.head.state_dict().items()}  # type: ignore[union-attr]
        save_file(head, folder / HEAD)
        several: dict[str, Json] = {"several": True} if self.several else {}
        write_json(folder / LABELS, {"labels": list(self.labels), "pooling": self.encoder.pooling, **several})

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        """Return [N, D] the vectors of texts; those of a frozen encoder are made once."""
        if not self._freeze:
            return self.encoder(texts)
        keys = [key_of(text) for text in texts]
        absent = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if absent:
            self._known.update(zip(absent, embedded(self.encoder, list(absent.values())), strict=True))
        device = self.module.head.weight.device  # type: ignore[union-attr]
        return torch.stack([self._known[key] for key in keys]).to(device)  # type: ignore[arg-type]


def load_classifier(
    folder: Path,
    max_tokens: int,
    truncate: Truncate,
    dropout: float,
    freeze: bool,
    tables: Sequence[Path],
    dtype: torch.dtype = torch.float32,
) -> TextClassifier:
    """Return the classifier that `save` wrote to a folder.

    Raises:
        ConfigError: the folder holds none.
    """
    try:
        noted: Any = read_json(folder / LABELS)
        labels, pooling, head = noted["labels"], noted["pooling"], load_file(folder / HEAD)
        several = noted.get("several") is True
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{folder} holds no text classifier ({error}); give the student/ folder of its run"
        ) from error
    encoder = load_encoder(folder, pooling, max_tokens, truncate, dtype=dtype)
    model = TextClassifier(encoder, labels, dropout, freeze, tables, several)
    model.module.head.load_state_dict(head)  # type: ignore[union-attr]
    return model


def embedded(encoder: TextEncoder, texts: Sequence[str], tokens_per_batch: int = 4096) -> Tensor:
    """Return [N, D] the vectors of texts on the CPU, in batches of about equally long ones, without gradients."""
    found: list[Tensor] = [torch.empty(0)] * len(texts)
    order = sorted(range(len(texts)), key=lambda row: (encoder.tokens(texts[row]), row))
    with evaluating(encoder.module):
        for group in _runs(order, [encoder.tokens(text) for text in texts], tokens_per_batch):
            vectors = encoder([texts[row] for row in group]).cpu()
            for row, vector in zip(group, vectors, strict=True):
                found[row] = vector
    return torch.stack(found)


def _runs(order: Sequence[int], tokens: Sequence[int], most: int) -> Iterable[list[int]]:
    """Yield runs of rows sorted by length whose padded size is within the most, one row at least."""
    run: list[int] = []
    for row in order:
        if run and (len(run) + 1) * tokens[row] > most:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def save_embeddings(texts: Sequence[str], vectors: Tensor, folder: Path) -> None:
    """Write the vectors [N, D] of texts, with the keys of these, into a folder."""
    keys = torch.frombuffer(bytearray(b"".join(map(key_of, texts))), dtype=torch.uint8).view(-1, KEY_BYTES)
    save_file({"keys": keys, "vectors": vectors.contiguous()}, folder / EMBEDDINGS)


def _stored(folder: Path) -> Iterable[tuple[bytes, Tensor]]:
    """Yield each key of the vectors that a folder holds, with its vector."""
    for file in sorted(folder.rglob(EMBEDDINGS)):
        tensors = load_file(file)
        for key, vector in zip(tensors["keys"].numpy(), tensors["vectors"], strict=True):
            yield key.tobytes(), vector


def key_of(text: str) -> bytes:
    """Return the key of a text among stored vectors."""
    return hashlib.sha256(text.encode()).digest()[:KEY_BYTES]


def text_of(segments: Sequence[Segment]) -> str:
    """Return what is read as one text."""
    return "".join(segment.text for segment in segments)
