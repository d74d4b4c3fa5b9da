"""The bytes of a server's answer, held to a size before and after they are unpacked."""

import zlib
from collections.abc import AsyncIterator

from distillrun.teacher.openai_api.answer import UnreadableError

MOST_BYTES = 2**24
"""More than the log-probs of 4,096 tokens with their twenty likeliest alternatives take."""

ENCODING = "gzip"
"""The one packing that is asked for: it can be undone piece by piece."""


async def read_whole(pieces: AsyncIterator[bytes], encoding: str) -> bytes:
    """Return what an answer's pieces hold, unpacked.

    Raises:
        UnreadableError: it is too large, packed in another way or no gzip at all; no more than the limit is held.
    """
    packed = encoding.strip().lower() not in ("", "identity")
    if packed and encoding.strip().lower() not in (ENCODING, "x-gzip"):
        raise UnreadableError(f"it answered in the encoding {encoding!r}, which was not asked for")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None
    content = bytearray()
    try:
        async for piece in pieces:
            while piece:
                content += unpacking.decompress(piece, MOST_BYTES + 1 - len(content)) if unpacking else piece
                if len(content) > MOST_BYTES:
                    size = f"{MOST_BYTES // 2**20} MiB{' when unpacked' if packed else ''}"
                    raise UnreadableError(f"it answered more than {size}, which no completion takes")
                piece = unpacking.unconsumed_tail if unpacking else b""
    except zlib.error as error:
        raise UnreadableError(f"it answered gzip that cannot be unpacked: {error}") from None
    return bytes(content)
