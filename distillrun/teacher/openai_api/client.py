"""The `openai` client, restricted to one host, one key, and answers of a limited size."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from distillrun.teacher.openai_api.answer import Answer, UnreadableError, read_answer, read_json, unstreamed
from distillrun.teacher.openai_api.error import ApiError, error_status, shown, status_trouble
from distillrun.teacher.openai_api.request import Endpoint
from distillrun.teacher.openai_api.server import read_address, read_secret

T = TypeVar("T")

LISTED_MODELS = 12
LISTING_S = 5.0

_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that say how a body was sent, and are no longer true once it was read."""

_UNREACHED = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol")
"""What httpx, or its successor that newer clients use, raises where no connection came about."""

MOST_BYTES = 2**24
"""More than the log-probs of 4,096 tokens with their twenty likeliest alternatives take."""

ENCODING = "gzip"
"""The one packing that is asked for: it can be undone piece by piece."""


class RequestFailedError(Exception):
    """A failed request; see `trouble`."""

    def __init__(self, trouble: ApiError) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection settings of a server; the settings of `teacher/Api` describe them."""

    base_url: str
    model: str
    endpoint: Endpoint
    api_key_env: str | None
    concurrency: int
    timeout_s: float
    max_retries: int


def bounded_http(trust_env: bool, most_bytes: int = MOST_BYTES) -> Any:
    """Return an HTTP client for `openai` that reads no more than so many bytes of an answer."""
    import openai

    class Bounded(openai.DefaultAsyncHttpxClient):
        async def send(self, request: Any, *, stream: bool = False, **settings: Any) -> Any:
            """Return the answer, read whole; errors and lists of models come this way, too."""
            response = await super().send(request, stream=True, **settings)
            try:
                content = await read_whole(
                    response.aiter_raw(), response.headers.get("content-encoding", ""), most_bytes
                )
            finally:
                await response.aclose()
            headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_WIRE]
            return type(response)(response.status_code, headers=headers, content=content, request=request)

    return Bounded(follow_redirects=False, trust_env=trust_env, headers={"accept-encoding": ENCODING})


async def read_whole(pieces: AsyncIterator[bytes], encoding: str, most_bytes: int = MOST_BYTES) -> bytes:
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
                content += unpacking.decompress(piece, most_bytes + 1 - len(content)) if unpacking else piece
                if len(content) > most_bytes:
                    size = f"{most_bytes // 2**20} MiB{' when unpacked' if packed else ''}"
                    raise UnreadableError(f"it answered more than {size}, which no completion takes")
                piece = unpacking.unconsumed_tail if unpacking else b""
    except zlib.error as error:
        raise UnreadableError(f"it answered gzip that cannot be unpacked: {error}") from None
    return bytes(content)


class Client:
    """A client that sends one HTTP exchange per request: no retries, no redirects, and no proxy to this machine.

    Raises:
        ConfigError: the URL may not be asked, or there is no key.
    """

    def __init__(self, connection: Connection, most_bytes: int = MOST_BYTES) -> None:
        import openai

        address = read_address(connection.base_url)
        self.secret = read_secret(connection.api_key_env)
        self._timeout_s = connection.timeout_s
        self._openai = openai.AsyncOpenAI(
            base_url=connection.base_url,
            api_key=self.secret.value,
            default_headers={"Authorization": f"Bearer {self.secret.value}"},  # whatever OPENAI_CUSTOM_HEADERS says
            max_retries=0,
            timeout=connection.timeout_s,
            http_client=bounded_http(not address.is_loopback, most_bytes),
        )
        endpoint = self._openai.chat.completions if connection.endpoint == "chat" else self._openai.completions
        self._create = cast(Callable[..., Awaitable[Any]], endpoint.with_raw_response.create)
        self._read_as = "messages" if connection.endpoint == "chat" else "prompt"

    async def send(self, body: dict[str, Any]) -> Answer:
        """Return the answer to a request. Raises RequestFailedError, and never shows the key."""
        named = {name: body[name] for name in ("model", self._read_as)}
        rest = {name: value for name, value in body.items() if name not in named}

        async def sent() -> Any:
            return (await self._create(**named, extra_body=rest)).http_response

        return await self._exchanged(sent, read_answer)

    async def post(self, url: str, body: dict[str, Any]) -> Any:
        """Return the JSON that a server answers at a URL of its own; raises as `send` does."""
        import httpx

        async def sent() -> Any:
            return await self._openai.post(url, cast_to=httpx.Response, body=body)

        return await self._exchanged(sent, read_json)

    async def _exchanged(self, sent: Callable[[], Awaitable[Any]], read: Callable[[bytes, str], T]) -> T:
        """Return what is read of the answer to one HTTP request."""
        import openai

        try:
            async with asyncio.timeout(self._timeout_s):
                response = await sent()
            content_type = response.headers.get("content-type", "")
            content = unstreamed(response.content, content_type)
            if (status := error_status(content)) is None:
                return read(content, content_type)
            text = content.decode("utf-8", "replace")
            trouble = status_trouble(status, response.headers, text, self.secret.hide)
        except openai.APIStatusError as error:
            text = error.response.content.decode("utf-8", "replace")
            trouble = status_trouble(error.status_code, error.response.headers, text, self.secret.hide)
        except openai.APIConnectionError as error:
            cause = error.__cause__
            is_unreached = type(cause).__name__ in _UNREACHED
            reason = f"{'no' if is_unreached else 'a broken'} connection: {type(cause).__name__} {cause}"
            if isinstance(cause, UnreadableError):  # older clients wrap whatever sending raises
                reason = str(cause)
            trouble = ApiError("unreached" if is_unreached else "lost", shown(self.secret.hide(reason)), answered=False)
        except TimeoutError:
            trouble = ApiError("lost", f"no answer within teacher.timeout_s={self._timeout_s:g}", answered=False)
        except UnreadableError as error:
            trouble = ApiError("lost", shown(self.secret.hide(str(error))), answered=False)
        except UnicodeEncodeError:
            trouble = ApiError(
                "refused",
                "the prompt holds a lone surrogate (half a character), which cannot be sent as UTF-8",
                answered=True,
            )
        raise RequestFailedError(trouble)

    async def models(self) -> str:
        """Return which models the server says it has, in words; empty where it does not say."""
        import openai

        try:
            async with asyncio.timeout(LISTING_S):
                response = (await self._openai.models.with_raw_response.list()).http_response
            names = [str(model["id"]) for model in response.json()["data"]]
        except (openai.OpenAIError, UnreadableError, TimeoutError, ValueError, KeyError, TypeError):
            return ""
        more = f" and {len(names) - LISTED_MODELS} more" if len(names) > LISTED_MODELS else ""
        return shown(self.secret.hide(", ".join(names[:LISTED_MODELS]))) + more

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()
