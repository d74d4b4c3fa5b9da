"""The location of a checkpoint: a folder, or a name on the Hugging Face Hub with its commit. Imports no torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.language_model.checkpoint_folder import (
    WEIGHT_FILES,
    count_weights,
    folder_problems,
    gguf_problems,
    has_weights,
    read_config,
)
from distillrun.records import Json

TIMEOUT_S = 10
"""How long the Hub may take to say which commit a name is; without a network transformers itself tries for 50 s."""

READ_FILES = ("*.json", "*.model", "*.txt", "*.jinja")


@dataclass(frozen=True)
class CheckpointReference:
    """A checkpoint by name, resolved once: what is recorded is what is loaded.

    Attributes:
        checkpoint: a folder, or `owner/name` on the Hub.
        revision: branch, tag or commit on the Hub; a folder has none.
        group: the config group that names it, for messages.
        gguf_file: the file of the folder that holds the weights, where it is a GGUF file.
    """

    checkpoint: str
    revision: str
    group: str = "student"
    gguf_file: str | None = None

    def problems(self) -> list[str]:
        """Return why the checkpoint cannot be used, in words that name the cure; empty if it is there."""
        if self._is_folder and self.gguf_file is not None:
            return gguf_problems(self._path / self.gguf_file, f"{self.group}.gguf_file={self.gguf_file}")
        if self._is_folder:
            return folder_problems(self._path, self._name)
        found = self._resolved
        return [found] if isinstance(found, str) else []

    def config(self) -> Mapping[str, Any] | None:
        """Return the checkpoint's config.json where it can be read without a download."""
        return read_config(self._here) if self._here else None

    def weights(self) -> int | None:
        """Return how many weights its safetensors files hold, where these can be read without a download."""
        return count_weights(self._here) if self._here else None

    @property
    def _here(self) -> Path | None:
        """The folder of the files, as far as they need no download."""
        if self._is_folder:
            return self._path
        return None if isinstance(self._resolved, str) else self._resolved.snapshot

    def identity(self) -> dict[str, Json]:
        """Return the digest of a folder's files, or the Hub name and the commit. Raises ConfigError if not there."""
        if self._is_folder:
            self._raise_problems()
            return {"digest": self._digest}
        return {"checkpoint": self.checkpoint, "commit": self._commit.id}

    def saved_as(self) -> dict[str, Json]:
        """Return the type in which what is trained of it is saved, for fingerprints; nothing where it is float32."""
        config = read_config(self.outline()) or {}
        told = str(config.get("dtype") or config.get("torch_dtype")).removeprefix("torch.")
        return {"saved_as": told} if told in ("bfloat16", "float16") else {}

    def folder(self) -> Path:
        """Return a folder with the files, downloaded if needed. Raises ConfigError if there is none to be had."""
        if self._is_folder:
            self._raise_problems()
            return self._path
        commit = self._commit
        # files that were never asked for may be missing in a snapshot, which only the Hub can tell
        return commit.snapshot if commit.snapshot and not commit.is_online else self._download()

    def outline(self) -> Path:
        """Return a folder with config and tokenizer: the weights of a name on the Hub are not downloaded for it.

        Raises:
            ConfigError: there is none to be had.
        """
        if self._is_folder:
            return self.folder()
        if self._commit.snapshot is not None:
            return self._commit.snapshot
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self.checkpoint, revision=self._commit.id, allow_patterns=[*READ_FILES]))
        except Exception as error:  # as for a download
            raise ConfigError(f"{self._name} at commit {self._commit.id} could not be read: {error}") from error

    @property
    def _name(self) -> str:
        return f"{self.group}.checkpoint={self.checkpoint}"

    @property
    def _path(self) -> Path:
        return Path(self.checkpoint).expanduser()

    @property
    def _is_folder(self) -> bool:
        looks_like_path = self.checkpoint.startswith((".", "/", "~")) or self.checkpoint.count("/") > 1
        return looks_like_path or self._path.is_dir()

    @property
    def _weights(self) -> tuple[str, ...]:
        """Patterns of the files that hold weights, the preferred ones first."""
        return WEIGHT_FILES if self.gguf_file is None else (self.gguf_file,)

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for file in sorted(self._path.iterdir()):
            if file.is_file() and any(file.match(pattern) for pattern in READ_FILES + self._weights):
                with file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
                digest.update(f"{file.name} {content}\n".encode())
        return digest.hexdigest()

    @property
    def _commit(self) -> "_Commit":
        if isinstance(self._resolved, str):
            raise ConfigError(self._resolved)
        return self._resolved

    @cached_property
    def _resolved(self) -> "_Commit | str":
        """The commit that the name means, asked of the Hub or else of the local cache; or what is wrong."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

        name = self._name
        try:
            commit = HfApi().model_info(self.checkpoint, revision=self.revision, timeout=TIMEOUT_S).sha
        except HFValidationError:
            return f"{name} is neither a folder nor a name on the Hugging Face Hub (owner/name); check the spelling"
        except RevisionNotFoundError:
            return (
                f"{self.group}.revision={self.revision} is not a branch, tag or commit of {self.checkpoint}; try main"
            )
        except RepositoryNotFoundError:
            return (
                f"{name} is neither a folder here nor a model on the Hugging Face Hub that you may read; check the "
                "spelling, or log in with `hf auth login` if it is private or gated"
            )
        except Exception as error:  # what a missing network raises depends on the version of the Hub's client
            cached = _snapshot(self.checkpoint, self.revision, self.gguf_file)
            if cached is not None:
                return _Commit(cached.name, cached, is_online=False)
            return (
                f"{name} is not a folder here, not in the local Hub cache, and the Hub cannot be asked "
                f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}); give a "
                "folder, or connect once to download it"
            )
        return _Commit(str(commit), _snapshot(self.checkpoint, str(commit), self.gguf_file), is_online=True)

    def _download(self) -> Path:
        """Return the folder of the commit's files in the Hub cache; `.bin` weights only where there are no others."""
        from huggingface_hub import HfApi, snapshot_download

        commit = self._commit.id
        try:
            files = [file for file in HfApi().list_repo_files(self.checkpoint, revision=commit) if "/" not in file]
            weights = next(kind for kind in self._weights if any(Path(file).match(kind) for file in files))
            folder = snapshot_download(
                self.checkpoint, revision=commit, allow_patterns=[*READ_FILES, weights], ignore_patterns=["*/*"]
            )
        except StopIteration:
            raise ConfigError(f"{self._name} holds no weights ({', '.join(self._weights)})") from None
        except Exception as error:
            raise ConfigError(
                f"{self._name} at commit {commit} could not be downloaded: {error}; log in "
                "with `hf auth login` if it is gated, or give a folder"
            ) from error
        return Path(folder)

    def _raise_problems(self) -> None:
        problems = self.problems()
        if problems:
            raise ConfigError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit of a Hub repository, the folder of its files where the local cache has them, and who named it."""

    id: str
    snapshot: Path | None
    is_online: bool


def _snapshot(checkpoint: str, revision: str, gguf_file: str | None) -> Path | None:
    """Return the folder of a revision in the local Hub cache if config and weights, or the GGUF file, are there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(checkpoint, gguf_file or "config.json", revision=revision)
    if not isinstance(found, str) or not (gguf_file or has_weights(Path(found).parent)):
        return None
    return Path(found).parent
