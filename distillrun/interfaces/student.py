"""The interface of students."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from distillrun.interfaces.model import ChoiceModel, LanguageModel
from distillrun.records import Json, LongText, TargetPair


@runtime_checkable
class Student(Protocol):
    """A kind of student: `build` makes the untrained one, `load` reads a trained one back."""

    def check(self) -> list[str]:
        """Return what is wrong with the settings, such as a checkpoint that is not there; empty if nothing is."""

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        """Return which of the texts are too long for the student, cut or refused; loads no weights.

        A student that writes nothing reads the sources, and the targets where it scores them.
        """

    def identity(self) -> Mapping[str, Json]:
        """Return the digest or the commit of the weights that it starts from, for fingerprints.

        The settings `checkpoint`, `revision`, `chat` and `chat_options` are hashed by what this says of them alone.
        """

    def weights(self) -> int | None:
        """Return how many weights it has, about; None where that is not known without loading or downloading them."""

    @property
    def writes(self) -> bool:
        """True if it writes texts: its model is then a `LanguageModel`, and otherwise only a `ChoiceModel`."""

    @property
    def has_encoder(self) -> bool:
        """True if it has an encoder, or if that is not known yet."""

    def build(self, seed: int) -> ChoiceModel:
        """Return the untrained student. The seed decides every freshly initialised weight."""

    def load(self, folder: Path) -> ChoiceModel:
        """Return the student that `ChoiceModel.save` wrote to the folder."""


@runtime_checkable
class PretrainedStudent(Student, Protocol):
    """A student that starts from weights that were trained before."""

    @property
    def trains_all(self) -> bool:
        """True if training changes these weights, rather than adapters or a head alone."""


@runtime_checkable
class OutlinedStudent(Student, Protocol):
    """A student that writes, whose shapes are known without loading its weights."""

    def outline(self) -> LanguageModel:
        """Return the untrained student on the meta device, with what its training adds; loads no weights."""


@runtime_checkable
class ContinuingStudent(Student, Protocol):
    """A student whose training adds something to its weights, such as adapters, or sets how they are trained."""

    def build_from(self, folder: Path, seed: int) -> ChoiceModel:
        """Return the student with the weights that `ChoiceModel.save` wrote, ready to be trained on."""


@runtime_checkable
class LabelStudent(Student, Protocol):
    """A student with an output for each label of a `LabelTask`; it is built after it was given them."""

    def for_labels(self, labels: Sequence[str], several: bool = False) -> "LabelStudent":
        """Return the student for these labels, of which a text may have several."""


@runtime_checkable
class EmbeddingStudent(LabelStudent, Protocol):
    """A label student that may train its head alone: the vectors of texts are made once then, for all trainings."""

    freezes: bool

    def embedding(self) -> Mapping[str, Json]:
        """Return what the vectors of texts depend on, for fingerprints."""

    def embedder(self, device: str) -> Callable[[Sequence[str], Path], None]:
        """Return what writes the vectors of distinct texts into a folder. It loads weights."""

    def with_embeddings(self, folders: Callable[[], Sequence[Path]]) -> "EmbeddingStudent":
        """Return the student with vectors that were made before; others it makes itself.

        `folders` is called where a model is built or loaded, and only then makes what is not there.
        """


@runtime_checkable
class WritingStudent(Student, Protocol):
    """A student that writes texts of limited length."""

    @property
    def max_source_tokens(self) -> int: ...

    @property
    def max_target_tokens(self) -> int: ...

    def tokens(self) -> Mapping[str, int]:
        """Return its tokenizer's token -> id map; loads no weights."""

    def cut(self, text: str) -> Sequence[int]:
        """Return the ids of a text that is learnt, EOS last; loads no weights."""

    def build(self, seed: int) -> LanguageModel: ...

    def load(self, folder: Path) -> LanguageModel: ...
