"""Files inside a folder that somebody else may have made: no link in it is followed, in writing or in reading.

The folder itself is the user's word and may be a link; what lies in it is reached part by part, each through the open
folder around it, so that nothing can be put in the way meanwhile.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from secrets import token_hex
from typing import BinaryIO

from distillrun.errors import ConfigError
from distillrun.files.disk import named

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


def write_whole(root: Path, name: str, content: str | bytes) -> None:
    """Write a file under another name first, so that nobody reads half of it; folders on the way are made.

    Args:
        root: a folder that is there.
        name: of the file, or its path inside the folder.
        content: text is written as UTF-8.

    Raises:
        ConfigError: a folder on the way is a link.
    """
    with named((root / name).absolute()), _around(root, name, make=True) as (folder, last):
        part = f".{last}.{token_hex(8)}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content.encode("utf-8") if isinstance(content, str) else content)
                stream.flush()
                os.fsync(handle)  # a name may reach the disk before what it names does
            os.replace(part, last, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
            raise


def append_to(root: Path, name: str) -> BinaryIO:
    """Open a file to add to its end; it is made where it is not there. Raises ConfigError where it is a link."""
    with _around(root, name, make=True) as (folder, last):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        try:
            return os.fdopen(os.open(last, flags, 0o666, dir_fd=folder), "ab")
        except OSError as error:
            raise _explained(error, root / name, folder, last) from error


def read_text(root: Path, name: str, errors: str = "strict") -> str:
    """Return the text of a file. Raises OSError where it is missing, is a link, or is not a plain file."""
    with _around(root, name, make=False) as (folder, last):
        handle = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)  # a pipe would wait
        with os.fdopen(handle, encoding="utf-8", errors=errors) as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError(f"{root / name} is not a plain file")
            return stream.read()


def link_to(root: Path, name: str, target: Path) -> None:
    """Make a name in a folder a link to something, in the place of the link or file that is there.

    Raises:
        OSError: links are not to be had.
        ConfigError: a folder on the way is a link.
    """
    with _around(root, name, make=True) as (folder, last):
        with suppress(FileNotFoundError):
            os.unlink(last, dir_fd=folder)
        os.symlink(target, last, target_is_directory=True, dir_fd=folder)


def refuse_links(root: Path, names: Iterable[str], deep: bool = True) -> None:
    """Refuse links by which other programs, which follow them, would write outside of a folder.

    Args:
        root: a folder.
        names: patterns of what other programs write there, as in `Path.glob`.
        deep: look at everything below, too.

    Raises:
        ConfigError: naming such a link.
    """
    inside = root.resolve()
    for top in (path for name in names for path in root.glob(name)):
        walked = os.walk(top) if deep else ()
        below = [Path(folder, entry) for folder, folders, files in walked for entry in (*folders, *files)]
        for path in (top, *below):
            if path.is_symlink() and not (path.resolve().is_relative_to(inside) or _is_wandbs_own(path)):
                raise ConfigError(_leads_out(path))


def _is_wandbs_own(link: Path) -> bool:
    """Return whether a link is the one that wandb makes in each of its runs, to its log in the user's cache."""
    return link.name == "debug-core.log" and link.resolve().match("wandb/logs/core-debug-*.log")


@contextmanager
def _around(root: Path, name: str, make: bool) -> Iterator[tuple[int, str]]:
    """Yield the open folder in which a file lies, and the file's name there."""
    *folders, last = PurePath(name).parts
    handle = os.open(root, _FOLDER)
    try:
        for part in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            except OSError as error:
                raise (_explained(error, root / name, handle, part) if make else error) from error
            os.close(handle)
            handle = inner
        yield handle, last
    finally:
        os.close(handle)


def _explained(error: OSError, path: Path, folder: int, name: str) -> Exception:
    """Return the error itself, or what is wrong where it is a link that was not followed."""
    try:
        is_link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return error
    return ConfigError(_leads_out(path)) if is_link else error


def _leads_out(path: Path) -> str:
    return f"{path} is reached by a link, and what is written there would leave the folder; delete the link"
