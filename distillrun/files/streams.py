"""Standard output and error that may go away: a closed terminal costs what is printed, never what is computed.

A pipe whose reader has gone raises BrokenPipeError on standard output alone: a command with no other effect ends then.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO


class _Lasting(io.FileIO):
    """A stream to a descriptor as long as its terminal is there, and to nobody afterwards."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno != errno.EIO and not (error.errno == errno.EPIPE and self.fileno() == 2):
                raise
            return len(content)


def outlive_the_terminal() -> None:
    """Keep this process running where its output is closed, before it starts or while it runs."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: a file that is opened later must not get this number
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def _lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(descriptor, "wb", closefd=False)),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        newline="\n",
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )
