"""A server that speaks OpenAI's protocol: a hosted model, vLLM, llama.cpp, Ollama, TGI."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from distillrun.errors import ConfigError, refusals
from distillrun.interfaces import Account, Task
from distillrun.language_model.loading import Chat
from distillrun.process.background_loop import Loop
from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Json,
    Price,
    Prompt,
    Sampling,
    ScoredContinuation,
    TargetPair,
    TokenText,
)
from distillrun.teacher.local_checkpoint.pair_format import PairFormat, TokenizerReference
from distillrun.teacher.local_checkpoint.prompting import Prompting
from distillrun.teacher.openai_api.client import MOST_BYTES, Connection
from distillrun.teacher.openai_api.completion import Asker
from distillrun.teacher.openai_api.distributions import READING_BYTES, DistributionAsker, LogProbServer, texts_of
from distillrun.teacher.openai_api.request import Endpoint, Writer
from distillrun.teacher.openai_api.server import body_problems, name_problems, read_address
from distillrun.teacher.openai_api.session import Session

PROBE = "The answer is 12 (twelve)."
"""A text whose distributions are asked for before all others."""

MOST_LISTED = 20
"""How many likeliest tokens OpenAI's protocol can list."""


@dataclass(eq=False)
class Api:
    """A teacher on a server that is asked many requests at once, one draw each.

    Args:
        base_url: of the server, up to and with `/v1`; https unless it is this machine.
        model: the server's name for it.
        revision: a word of the user's own for which weights stand behind the name; part of the identity.
        api_key_env: the name of the environment variable that holds the key; None = the server wants none.
        endpoint: chat, which the server's own template turns into text, or completion, for base models.
        block_separator, reply_separator: how messages are joined for the completion endpoint, see `plain_text`.
        extra_body: further fields of each request, such as vLLM's or llama.cpp's own.
        concurrency: how many requests are under way at once.
        timeout_s: of one request, in seconds.
        max_retries: of one request, after errors that may pass.
        seed_requests: send each draw's own seed; servers keep to it more or less.
        log_probs: ask for log-probs of what is written.
        top_log_probs: how many likeliest tokens are asked for when continuations are scored; 0 = it cannot score.
        price_per_million, budget: what requests cost and may cost.
        tokenizer: a folder, or a name on the Hugging Face Hub, of the served model's tokenizer, with which its
            distributions can be read; None = they cannot.
        log_prob_server: whose schema they are read in.
        chat, chat_options, target_separator: how a student's pairs are written for that, as of `Local`.
    """

    base_url: str | None
    model: str | None
    revision: str | None
    api_key_env: str | None
    endpoint: Endpoint
    block_separator: str
    reply_separator: str
    extra_body: Mapping[str, Any]
    concurrency: int
    timeout_s: float
    max_retries: int
    seed_requests: bool
    log_probs: bool
    top_log_probs: int
    price_per_million: Price
    budget: Budget
    tokenizer: str | None = None
    log_prob_server: LogProbServer = "vllm"
    chat: Chat = "auto"
    chat_options: Mapping[str, Any] = field(default_factory=dict)
    target_separator: str = "\n"
    _opened: tuple[Loop, Session] | None = field(init=False, default=None, repr=False)

    @property
    def name(self) -> str:
        return self.model or "api"

    @property
    def can(self) -> frozenset[str]:
        return frozenset({"complete", "score"} if self.top_log_probs > 0 else {"complete"})

    def check(self, task: Task) -> list[str]:
        return self._problems()

    def identity(self) -> Mapping[str, Json]:
        """Return what outputs depend on. The port is left out, so a server may move; `revision` tells two apart.

        Log-probs count where they are asked for, since an answer that came without them does not hold them.
        """
        address = read_address(self.base_url or "")
        identity: dict[str, Json] = {
            "server": address.host + address.path,
            "model": self.model,
            "revision": self.revision,
            "endpoint": self.endpoint,
            "extra_body": dict(self.extra_body),
        }
        if self.endpoint == "completion":
            identity |= {"block_separator": self.block_separator, "reply_separator": self.reply_separator}
        asked = {"log_probs": self.log_probs, "top_log_probs": self.top_log_probs}
        return identity | {name: value for name, value in asked.items() if value}

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Return an estimate: one token for four bytes of UTF-8, and four for each message."""
        return self._writer.estimated_tokens(prompt.messages)

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        loop, session = self._open()
        asker = Asker(self.name, session, self._writer)
        return loop.stream(
            len(draws),
            self.concurrency,
            account,
            session.start,
            lambda index, gate: asker.complete(draws[index], sampling, gate),
        )

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Score continuations that are one token each, such as letters, among the `top_log_probs` likeliest.

        One request tells of all continuations of a prompt; see `score_continuations` for those that are not listed.
        Texts of several tokens cannot be scored by a server: they all get the same bound.
        """
        loop, session = self._open()
        asker = Asker(self.name, session, self._writer)
        return loop.stream(
            len(prompts),
            self.concurrency,
            account,
            session.start,
            lambda index, gate: asker.score(prompts[index], continuations[index], self.top_log_probs, gate),
        )

    def tokens(self) -> Mapping[str, int]:
        return self._pairs.tokens()

    def cut(self, text: str) -> Sequence[int]:
        return self._pairs.cut(text)

    def check_reading(self) -> list[str]:
        if self.tokenizer is None:
            return [
                "teacher.tokenizer is not set, and distributions are read by token ids; set it to the folder, or the "
                "name on the Hugging Face Hub, of the served model"
            ]
        return self._reference.problems() or refusals(self._pairs.tokens) or self._pairs.problems()

    def reading(self) -> Mapping[str, Json]:
        """Return what its distributions depend on; a server's word for its weights is `model` and `revision`."""
        address = read_address(self.base_url or "")
        return {
            "server": address.host + address.path,
            "model": self.model,
            "revision": self.revision,
            "extra_body": dict(self.extra_body),
            "log_prob_server": self.log_prob_server,
            "tokens": self._pairs.digest(),
            **self._pairs.identity(),
        }

    def source(self, pair: TargetPair, max_source_tokens: int) -> Sequence[int]:
        return self._pairs.source(pair, max_source_tokens)

    def probe(self) -> TokenText:
        return TokenText(tuple(self.cut(PROBE)), 1)

    def distributions(
        self, texts: Sequence[TokenText], top_k: int | None, account: Account
    ) -> Iterator[tuple[int, Sequence[Mapping[int, float]]]]:
        loop, session = self._open()
        decode = texts_of(self._pairs.prompting.prompts.tokenizer)
        server = (self.base_url or "", self.model or "", self.extra_body, self.log_prob_server)
        asker = DistributionAsker(session, *server, decode)
        return loop.stream(
            len(texts),
            self.concurrency,
            account,
            session.start,
            lambda index, gate: asker.read(texts[index], top_k, gate, is_first=index == 0),
        )

    def release(self) -> None:
        """Close the connections and end the thread."""
        if self._opened is not None:
            loop, session = self._opened
            self._opened = None
            loop.run(session.client.close())
            loop.close()

    @property
    def _reference(self) -> TokenizerReference:
        return TokenizerReference(self.tokenizer or "", "main", "teacher")

    @cached_property
    def _pairs(self) -> PairFormat:
        settings = self.chat, self.chat_options, self.block_separator, self.reply_separator
        return PairFormat(Prompting(self._reference, *settings), self.target_separator)

    @property
    def _writer(self) -> Writer:
        return Writer(
            self.model or "",
            self.endpoint,
            self.block_separator,
            self.reply_separator,
            self.extra_body,
            self.seed_requests,
            self.log_probs,
        )

    def _open(self) -> tuple[Loop, Session]:
        """Return loop and session, the same until they are released. Raises ConfigError for settings that are wrong."""
        if self._opened is None:
            if problems := self._problems():
                raise ConfigError("\n".join(problems))
            connection = Connection(
                self.base_url or "",
                self.model or "",
                self.endpoint,
                self.api_key_env,
                self.concurrency,
                self.timeout_s,
                self.max_retries,
            )
            most_bytes = MOST_BYTES if self.tokenizer is None else READING_BYTES
            session = Session(connection, most_bytes)  # reads the key: a run that asks nothing needs none
            self._opened = (Loop(), session)
        return self._opened

    def _problems(self) -> list[str]:
        problems = [*name_problems(self.api_key_env), *body_problems(self.extra_body)]
        for name, low in (("concurrency", 1), ("timeout_s", 0.001), ("max_retries", 0), ("top_log_probs", 0)):
            value = getattr(self, name)
            if value < low:
                problems.append(f"teacher.{name}={value} must be {low} or more")
        if self.top_log_probs > MOST_LISTED:
            problems.append(f"teacher.top_log_probs={self.top_log_probs} must be {MOST_LISTED} or less")
        if self.budget.usd is not None and not self.price_per_million.input and not self.price_per_million.output:
            problems.append(
                f"teacher.budget.usd={self.budget.usd} caps nothing while teacher.price_per_million is 0; set the "
                "server's prices (.input and .output), or cap teacher.budget.tokens or .requests"
            )
        if not self.model:
            problems.append(
                "teacher.model is not set; set it to the server's name for the model, as GET /models lists it"
            )
        if not self.base_url:
            problems.append("teacher.base_url is not set; set it to that of a server, such as http://127.0.0.1:8000/v1")
        else:
            try:
                read_address(self.base_url)
            except ConfigError as error:
                problems.append(str(error))
        return problems
