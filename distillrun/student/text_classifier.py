"""An encoder or decoder with an output for each label of a classification."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from distillrun.errors import ConfigError, refusals
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder, quantised
from distillrun.language_model.limits import Truncate, positions_of
from distillrun.language_model.loading import WeightType, is_short
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from distillrun.interfaces import ChoiceModel
    from distillrun.language_model.text_encoder import Pooling, TextEncoder


class TextClassifier:
    """Any encoder or decoder that transformers loads, with a linear head: one forward pass of a text for all labels.

    With `freeze` the head alone learns. The vectors of all texts are then made once, as a stage of their own that runs
    with other seeds, objectives and training settings share.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        pooling: what stands for a text: the mean of its tokens' states, that of the first (cls) or the last token; auto
            = as sentence-transformers' files in the folder say, else mean for encoders and last for decoders.
        max_tokens: of a text.
        truncate: what becomes of longer ones: cut at the end (tail), at the beginning (head), or refused.
        freeze: train the head alone.
        dropout: share of the units of a text's vector dropped in training.
        gradient_checkpointing: compute activations twice instead of keeping them; without `freeze` only.
        dtype: of the encoder's weights in memory: fp32, bf16, or auto = bf16 where they are frozen and on a GPU. They
            are saved in the type in which the checkpoint came; vectors and head are fp32.

    Source: the linear probe of sentence embeddings: Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084, section
    5; fine-tuned: Devlin et al. 2018, https://arxiv.org/abs/1810.04805, section 4.1.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"dtype": "auto"}
    CHOICES_ONLY: ClassVar[str] = "it has an output for each label; use a student that writes, such as student=t5_small"

    writes = False
    has_encoder = False  # what it reads is not mixed

    def __init__(
        self,
        checkpoint: str,
        revision: str,
        pooling: Literal["auto", "mean", "cls", "last"],
        max_tokens: int,
        truncate: Truncate,
        freeze: bool,
        dropout: float,
        gradient_checkpointing: bool,
        dtype: WeightType = "auto",
    ) -> None:
        self._reference = CheckpointReference(checkpoint, revision)
        self._checkpoint, self._pooling = checkpoint, pooling
        self._max_tokens, self._truncate = max_tokens, truncate
        self.freezes = freeze
        self._dropout, self._checkpointing = dropout, gradient_checkpointing
        self._dtype: WeightType = dtype
        self._labels: tuple[str, ...] = ()
        self._several = False
        self._tables: Callable[[], Sequence[Path]] = tuple

    @property
    def trains_all(self) -> bool:
        return not self.freezes

    def for_labels(self, labels: Sequence[str], several: bool = False) -> "TextClassifier":
        """Return the student with an output for each of these labels, of which a text may have several."""
        other = copy(self)
        other._labels, other._several = tuple(labels), several
        return other

    def with_embeddings(self, folders: Callable[[], Sequence[Path]]) -> "TextClassifier":
        """Return the student with the vectors that stages made, so that it makes none of them again."""
        other = copy(self)
        other._tables = folders
        return other

    def check(self) -> list[str]:
        config = self._reference.config() or {}
        problems = [*self._reference.problems(), *quantised(config, self._checkpoint)]
        if config.get("is_encoder_decoder"):
            cure = "choose an encoder such as MiniLM, a decoder, or student=t5_base, which writes the label"
            problems.append(f"student.checkpoint={self._checkpoint} is an encoder-decoder; {cure}")
        positions = positions_of(config)
        if self._max_tokens < 2 or (positions is not None and self._max_tokens > positions):
            most = f"the {positions} positions of this model" if positions is not None else "the model's"
            problems.append(f"student.max_tokens={self._max_tokens} must be from 2 to {most}")
        if not 0 <= self._dropout < 1:
            problems.append(f"student.dropout={self._dropout} must be from 0 to below 1")
        return problems or refusals(lambda: self._encoder(self._reference.outline(), self._pooled, outline=True))

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        from distillrun.language_model.teacher_model import load_tokenizer

        def tokenizer() -> "PreTrainedTokenizerBase":
            return load_tokenizer(self._reference.outline(), None, "student")

        return long_texts(tokenizer, self._max_tokens, self._truncate, pairs)

    def weights(self) -> int | None:
        return self._reference.weights()

    def identity(self) -> Mapping[str, Json]:
        return {**self._read_by(), **self._reference.saved_as()}

    def _read_by(self) -> dict[str, Json]:
        short: dict[str, Json] = {"dtype": "bf16"} if is_short(self._dtype, self.freezes) else {}
        return {**self._reference.identity(), "pooling": self._pooled, **short}

    def embedding(self) -> Mapping[str, Json]:
        """Return what the vectors of texts depend on."""
        return {**self._read_by(), "max_tokens": self._max_tokens, "truncate": self._truncate}

    def embedder(self, device: str) -> Callable[[Sequence[str], Path], None]:
        """Return what writes the vectors of distinct texts into a folder."""
        from distillrun.language_model.text_classifier import embedded, save_embeddings
        from distillrun.process.runtime import pick_device

        encoder = self._encoder(self._reference.folder(), self._pooled)
        encoder.module.to(pick_device(device))

        def write(texts: Sequence[str], folder: Path) -> None:
            save_embeddings(texts, embedded(encoder, texts), folder)

        return write

    def build(self, seed: int) -> "ChoiceModel":
        from distillrun.language_model.load import checkpoint_gradients
        from distillrun.language_model.text_classifier import TextClassifier as Model
        from distillrun.process.runtime import seeded

        if not self._labels:
            raise ConfigError("student=text_classifier learns the labels of task=classification; choose that task")
        encoder = self._encoder(self._reference.folder(), self._pooled)
        if self._checkpointing and not self.freezes:
            checkpoint_gradients(encoder.module)
        with seeded(seed):
            tables = self._tables() if self.freezes else ()
            return Model(encoder, self._labels, self._dropout, self.freezes, tables, self._several)

    def load(self, folder: Path) -> "ChoiceModel":
        from distillrun.language_model.precision import weight_type
        from distillrun.language_model.text_classifier import load_classifier

        tables = self._tables() if self.freezes else ()
        limits = (self._max_tokens, self._truncate)
        dtype = weight_type(self._dtype, self.freezes)
        return load_classifier(folder, *limits, self._dropout, self.freezes, tables, dtype)

    @cached_property
    def _pooled(self) -> "Pooling":
        from distillrun.language_model.text_encoder import pooling_of

        if self._pooling != "auto":
            return self._pooling
        config = self._reference.config() or {}
        return pooling_of(self._reference.outline()) or ("mean" if is_encoder(config) else "last")

    def _encoder(self, folder: Path, pooling: "Pooling", outline: bool = False) -> "TextEncoder":
        from distillrun.language_model.precision import weight_type
        from distillrun.language_model.text_encoder import load_encoder

        dtype = weight_type(self._dtype, self.freezes)
        return load_encoder(folder, pooling, self._max_tokens, self._truncate, outline, dtype)
