"""A user's text file as a stream of UTF-8 bytes, whatever it was packed with and however it is encoded."""

import codecs
import gzip
import io
import zlib
from contextlib import closing
from pathlib import Path
from typing import IO, Any, BinaryIO

from distillrun.errors import ConfigError

PACKED = (".gz", ".zst")
MOST_TIMES = 200
"""How many times its size a packed file may unpack to: real tables stay below 50."""
ALWAYS_BYTES = 64 * 2**20
"""What a packed file may unpack to in any case."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NO_TEXTS = (
    (b"\x1f\x8b", "packed by gzip; call it {name}.gz"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard; call it {name}.zst"),
    (b"PAR1", "a Parquet file; call it {stem}.parquet"),
    (b"PK\x03\x04", "a workbook or a ZIP archive; call it {stem}.xlsx, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel's old kind; save it as .xlsx or CSV"),
)
"""How files begin that have the name of a text and are none, and the cure."""


def open_utf8(path: Path, encoding: str | None) -> io.BufferedReader:
    """Open a text file; it is closed with the stream.

    Args:
        path: of a plain file, or of one packed by gzip or Zstandard, as its name ends.
        encoding: of the file; a byte-order mark goes before it. None = UTF-8.

    Raises:
        ConfigError: here or in reading, the file cannot be unpacked or decoded, or unpacks to too much.
    """
    stream = open_unpacked(path)
    start = stream.peek(4)[:4]
    if (told := next((what for mark, what in _NO_TEXTS if start.startswith(mark)), None)) is not None:
        stream.close()
        raise ConfigError(f"{path} is no text: it is {told.format(name=path.name, stem=path.stem)}")
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    found = marked or encoding or "utf-8"
    return stream if codecs.lookup(found).name == "utf-8" else io.BufferedReader(_Recoded(stream, found, path))


def open_unpacked(path: Path) -> io.BufferedReader:
    """Open a file for its bytes, unpacked where it is packed."""
    if not is_packed(path):
        return path.open("rb")
    most = max(ALWAYS_BYTES, MOST_TIMES * path.stat().st_size)
    return io.BufferedReader(_Unpacked(_unpacking(path), path, most), buffer_size=2**16)


def is_packed(path: Path) -> bool:
    """Return whether a file is packed, by its name."""
    return path.suffix.lower() in PACKED


def check_encoding(encoding: str | None, key: str) -> None:
    """Raise ConfigError where an encoding is not one of texts."""
    try:
        "a".encode(encoding or "utf-8")
    except (LookupError, UnicodeError):
        raise ConfigError(
            f"{key}={encoding} is not the name of a text encoding; common ones are utf-8, utf-16, cp1252 (Windows) and "
            "latin-1"
        ) from None


def _unpacking(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix.lower() == ".gz":
        return gzip.open(path)
    import pyarrow  # type: ignore[import-untyped]

    stream: IO[bytes] = pyarrow.input_stream(str(path), compression="zstd")
    return stream


class _Unpacked(io.RawIOBase):
    """What a packed file holds, up to a limit."""

    def __init__(self, packed: IO[bytes] | gzip.GzipFile, path: Path, most: int) -> None:
        self._packed, self._path, self._left = packed, path, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._packed.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(f"{self._path} cannot be unpacked: {error}") from error
        self._left -= len(content)
        if self._left < 0:
            raise ConfigError(
                f"{self._path} unpacks to more than {MOST_TIMES} times its size, as no table does; unpack it yourself "
                "if it is right"
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._packed.close()
        super().close()


class _Recoded(io.RawIOBase):
    """A stream in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, path: Path) -> None:
        self._stream, self._encoding, self._path = stream, encoding, path
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready, self._ended, self._lines = b"", False, 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            content = self._stream.read(2**16)
            self._ended = not content
            try:
                text = self._decoder.decode(content, final=self._ended)
                self._ready = text.encode()
            except UnicodeDecodeError as error:
                line = self._lines + content[: error.start].count(b"\n")
                raise ConfigError(
                    f"{self._path}:{line}: cannot be read as {self._encoding} ({error.reason}); save the file as "
                    "UTF-8, or set task.encoding to the one that it has"
                ) from error
            self._lines += text.count("\n")
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        with closing(self._stream):
            super().close()
