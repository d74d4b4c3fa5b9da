"""One teacher's session with its server: retries, the server's dialect, and the meaning of its errors for the run."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, Literal, TypeVar

from distillrun.errors import ConfigError
from distillrun.process.background_loop import Gate, Start
from distillrun.teacher.openai_api.answer import UnreadableError
from distillrun.teacher.openai_api.client import MOST_BYTES, Client, Connection, RequestFailedError
from distillrun.teacher.openai_api.error import ApiError
from distillrun.teacher.openai_api.request import Dialect

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S, LONGEST_RETRY_AFTER_S = 0.5, 30.0, 120.0

UNREACHED_RETRIES, UNREACHED_WAIT_S = 3, 1.0
"""How often, and after how long at most, a server that has never answered is tried: it is down, rather than busy."""

PATIENCE = 2
"""When more than this many times `concurrency` requests in a row have failed, the server is taken to be gone."""

_log = logging.getLogger(__name__)


class RowFailedError(Exception):
    """A prompt without an answer, for a reason of its own or after all retries."""

    def __init__(self, finish_reason: Literal["refused", "too_long", "failed"], reason: str) -> None:
        super().__init__(reason)
        self.finish_reason = finish_reason
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request, and what is made of its answer.

    Attributes:
        body: writes the request in the server's dialect.
        cost: the most that it can cost, in prompt and completion tokens.
        read: returns what an answer holds, and what it cost.
        url: where it goes instead of the endpoint; then `read` is given the JSON of the answer.
        was_cut: says whether a stop text ended what was read before anything was said.
    """

    body: Callable[[Dialect], dict[str, Any]]
    cost: tuple[int, int]
    read: Callable[[Any], tuple[T, tuple[int, int]]]
    was_cut: Callable[[T], bool] = lambda read: False
    url: str = ""


class Session:
    """A client, and the dialect of its server. Raises ConfigError where the URL or the key cannot be used."""

    def __init__(self, connection: Connection, most_bytes: int = MOST_BYTES) -> None:
        self.client = Client(connection, most_bytes)
        self.start = Start()
        self._connection = connection
        self._dialect = Dialect()
        self._failed_in_a_row = 0
        self._warned: set[str] = set()
        self._jitter = Random()

    def warn_once(self, text: str, habit: str = "") -> None:
        """Log a warning unless it was logged before; one that holds figures is known by the habit that it tells of."""
        if (habit or text) not in self._warned:
            self._warned.add(habit or text)
            _log.warning("teacher=api: %s", text)

    async def ask(self, request: Ask[T], gate: Gate) -> T:
        """Send a request, again where that may help, and return what is read from its answer.

        Raises:
            RowFailedError: this one gets no answer.
            ConfigError: none will get one.
            EndedError: nothing more may be sent.
        """
        attempt = 0
        while True:
            body = request.body(self._dialect)
            async with gate.booked(*request.cost) as booked:
                try:
                    answer = await (self.client.post(request.url, body) if request.url else self.client.send(body))
                    self.start.reach()
                    result, cost = request.read(answer)
                except UnreadableError as error:
                    trouble = ApiError("lost", str(error), answered=False)
                except RequestFailedError as troubled:
                    trouble = troubled.trouble
                    if trouble.answered:
                        booked.settle(0, 0)  # the request stays counted
                else:
                    booked.settle(*cost)
                    self._failed_in_a_row = 0
                    if request.was_cut(result) and self._dialect.spares_thinking(body):
                        continue
                    return result
            self.start.is_troubled = True
            if not self._adapts(request, trouble, body):
                await asyncio.sleep(await self._wait_s(trouble, attempt))
                attempt += 1

    def _adapts(self, request: Ask[T], trouble: ApiError, body: dict[str, Any]) -> bool:
        """Return whether the next request differs, since the dialect is or has been adapted to the error."""
        if trouble.kind != "unsupported":
            return False
        return request.body(self._dialect) != body or self._dialect.adapt(trouble.field, body)

    async def _wait_s(self, trouble: ApiError, attempt: int) -> float:
        """Return after how many seconds a request is worth another attempt; raise where it is not."""
        if trouble.kind not in ("lost", "unreached", "busy"):
            raise await self._verdict(trouble)
        is_down = not self.start.is_reached and trouble.kind != "busy"
        if attempt >= min(self._connection.max_retries, UNREACHED_RETRIES if is_down else attempt + 1):
            raise self._down(trouble) if is_down else self._failed(trouble.reason)
        self.warn_once(f"some requests fail with {trouble.reason.partition(':')[0]}; they are asked again")
        if trouble.wait_s is not None:
            return min(trouble.wait_s, LONGEST_RETRY_AFTER_S)
        longest = UNREACHED_WAIT_S if is_down else LONGEST_WAIT_S
        return min(FIRST_WAIT_S * float(2 ** min(attempt, 16)), longest) * self._jitter.uniform(0.5, 1.0)

    async def _verdict(self, trouble: ApiError) -> Exception:
        """Return the exception for an error that a retry would not cure."""
        where = self._where
        if trouble.kind == "too_long":
            return self._answered(RowFailedError("too_long", "too long"))
        if trouble.kind == "filtered":
            return self._answered(RowFailedError("refused", "refused by the server's filter"))
        if trouble.kind == "moved":
            return ConfigError(f"{where} redirects ({trouble.reason}), which is not followed; give the right address")
        if trouble.kind == "spent":
            return ConfigError(
                f"{where} requires payment ({trouble.reason}); top up the account and give the same command again"
            )
        if trouble.kind == "absent":
            return await self._absent(trouble)
        if trouble.kind == "denied" and not (self.start.is_reached and "403" in trouble.reason):
            name = self._connection.api_key_env
            cure = (
                f"put a valid one into the environment variable {name} (teacher.api_key_env)"
                if name
                else "set teacher.api_key_env to the name of the environment variable that holds one"
            )
            return ConfigError(f"{where} does not accept the key ({trouble.reason}); {cure}")
        return self._failed(f"refused request: {trouble.reason}")

    @property
    def _where(self) -> str:
        return f"teacher.base_url={self._connection.base_url}"

    async def _absent(self, trouble: ApiError) -> ConfigError:
        models = await self.client.models()
        known = f"the server has {models}" if models else "base URLs mostly end in /v1, and GET /models lists no models"
        return ConfigError(
            f"{self._where} has no such path, or no teacher.model={self._connection.model} ({trouble.reason}); {known}"
        )

    def _down(self, trouble: ApiError) -> ConfigError:
        where = self._where
        if trouble.kind == "unreached":
            return ConfigError(
                f"{where} cannot be reached ({trouble.reason}); start the server, or give the right address"
            )
        return ConfigError(
            f"{where} does not answer as an OpenAI-compatible server does ({trouble.reason}); give the address of one, "
            "with its path (mostly /v1), or raise teacher.timeout_s if it is only slow"
        )

    def _answered(self, row: RowFailedError) -> RowFailedError:
        self._failed_in_a_row = 0
        self.start.reach()
        return row

    def _failed(self, reason: str) -> Exception:
        """Return the failure of a row; after too many in a row, that of the run."""
        self._failed_in_a_row += 1
        self.start.reach()
        if self._failed_in_a_row <= PATIENCE * self._connection.concurrency:
            return RowFailedError("failed", reason)
        at_once = self._connection.concurrency
        return ConfigError(
            f"{self._where} has failed {self._failed_in_a_row} requests in a row, the last with: {reason}. Has the"
            f" server gone away, or is teacher.concurrency={at_once} too much for it? What was answered is kept; give"
            " the same command again to resume"
        )
