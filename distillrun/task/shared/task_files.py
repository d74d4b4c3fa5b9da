"""The files of a task: of each split, in a user's folder or from the Hub."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.rows import Row, digest_of, read_all
from distillrun.files.split_files import split_files, stem_patterns
from distillrun.files.utf8_stream import check_encoding
from distillrun.records import Json, Split
from distillrun.task.shared.columns import check_keys
from distillrun.task.shared.hub import hub_files
from distillrun.task.shared.split import SPLITS

Files = Mapping[str, str | Sequence[str] | None]
"""Of each split a name, a stem, a pattern or a list of these, see `split_files`; None = a share of another split."""


class TaskFiles:
    """The files that `task.folder` or `task.hub_name`, `task.files` and `task.encoding` name.

    Args:
        folder: where the files are; it goes before the Hub. None = on the Hub.
        hub_name, revision: where they are on the Hub; the commit that the revision resolved to is recorded.
        files: see `Files`; relative to the folder.
        test_share: of train, which is the test where it has no file.
        encoding: of text files, such as cp1252; None = UTF-8. A byte-order mark goes before it.
    """

    def __init__(
        self,
        folder: str | None,
        hub_name: str | None,
        revision: str,
        files: Files,
        encoding: str | None,
        test_share: float = 0.0,
    ) -> None:
        check_keys("files", files, SPLITS)
        check_encoding(encoding, "task.encoding")
        self._local = Path(folder) if folder is not None else None
        self._hub_name, self._revision = hub_name, revision
        self._files, self._encoding, self._test_share = files, encoding, test_share

    def rows(self, split: Split) -> Iterator[Row]:
        """Yield the rows of a split that has files."""
        return read_all(self.paths[split] or (), self._encoding)

    def source(self) -> dict[str, Json]:
        """Return the digests of all files, and the commit where they are from the Hub."""
        files: dict[str, Json] = {str(path): digest_of(path) for paths in self.paths.values() for path in paths or ()}
        if self._local is not None:
            return {"files": files}
        return {
            "files": files,
            "hub": {"name": self._hub_name, "revision": self._revision, "commit": self.folder.name},
        }

    @cached_property
    def paths(self) -> dict[Split, list[Path] | None]:
        """The files of each split; None where it is cut from another."""
        if self._files["train"] is None:
            raise ConfigError("task.files.train is not set; name the file of the training rows")
        if self._files["test"] is None and not self._test_share:
            raise ConfigError(
                "task.files.test is not set; name a file, or take a share of train: task.test_share=0.2, for example"
            )
        if self._files["test"] is not None and self._test_share:
            raise ConfigError(
                f"task.test_share={self._test_share} takes the test from train, but task.files.test="
                f"{self._files['test']} names a file of it; set one of them to null or 0"
            )
        return {split: self._files_of(split) for split in SPLITS}

    @cached_property
    def folder(self) -> Path:
        """The folder in which the files are. Raises ConfigError where none is named, or there is none."""
        if self._local is None and self._hub_name is None:
            raise ConfigError("task.folder is not set; set it to the folder that holds task.files")
        if self._local is None:
            patterns = [one for wanted in self._files.values() if wanted is not None for one in stem_patterns(wanted)]
            cure = "set task.folder to a folder that holds its files"
            return hub_files(str(self._hub_name), self._revision, patterns, cure)
        if not self._local.is_dir():
            raise ConfigError(f"task.folder={self._local} is not a folder; name the folder that holds task.files")
        return self._local

    def _files_of(self, split: Split) -> list[Path] | None:
        if (wanted := self._files[split]) is None:
            return None
        folder = self.folder
        try:
            return split_files(folder, wanted)
        except ConfigError as error:
            shown = wanted if isinstance(wanted, str) else f"[{', '.join(wanted)}]"
            raise ConfigError(f"task.files.{split}={shown}: {error}") from error
