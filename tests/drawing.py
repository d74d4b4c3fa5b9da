"""What tests of teachers ask, and the accounts that they ask with."""

from dataclasses import dataclass, field
from typing import Any

from distillrun.records import Completion, Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.api import Api
from tests.leaves import EXAMPLE, made
from tests.loopback import Answer, Answering, Loopback, Seen, told, written

SAMPLING = Sampling(50, 0.7, 0.9, 1, ("\n\n",))


def prompt(*texts: str) -> Prompt:
    """Return a prompt of user texts, with replies at every second place."""
    messages = tuple(Message("assistant" if index % 2 else "user", text) for index, text in enumerate(texts))
    return Prompt(messages, Request("rationale", EXAMPLE, 1))


def draws(count: int, text: str = "question {index}") -> list[Draw]:
    """Return a draw of each of so many prompts."""
    return [Draw(prompt(text.format(index=index)), 0, 7) for index in range(count)]


def api(server: Loopback | str, **changes: Any) -> Api:
    """Return a teacher that asks a server, given by itself or by its URL, without a key."""
    url = server if isinstance(server, str) else server.url
    teacher = made("teacher", "api", **{"base_url": url, "model": "m", "api_key_env": None, **changes})
    assert isinstance(teacher, Api)
    return teacher


@dataclass
class Booked:
    """A reservation that its account watches."""

    most: tuple[int, int]
    settled: tuple[int, int] | None = None

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        assert self.settled is None, "settled twice"
        self.settled = (prompt_tokens, completion_tokens)


@dataclass
class Account:
    """Lets requests through while what is booked or settled stays within so many requests and completion tokens."""

    requests: int = 10**9
    tokens: int = 10**9
    booked: list[Booked] = field(default_factory=list)

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Booked | None:
        tokens = sum((one.settled or one.most)[1] for one in self.booked)
        if len(self.booked) >= self.requests or tokens + completion_tokens > self.tokens:
            return None
        self.booked.append(Booked((prompt_tokens, completion_tokens)))
        return self.booked[-1]


def ask(
    answering: Answering, count: int = 1, account: Any = None, sampling: Sampling = SAMPLING, **changes: Any
) -> dict[int, Completion]:
    """Return the completions of so many draws, from a server that answers so; fewer where the account ends them."""
    return asked(answering, count, account, sampling, **changes)[0]


def asked(
    answering: Answering, count: int = 3, account: Any = None, sampling: Sampling = SAMPLING, **changes: Any
) -> tuple[dict[int, Completion], list[dict[str, Any]]]:
    """Return the completions of so many draws, and the bodies of the requests that were sent for them."""
    with Loopback(answering) as server:
        teacher = api(server, **changes)
        try:
            rows = dict(sorted(teacher.complete(draws(count), sampling, account or Account())))
        finally:
            teacher.release()
        return rows, [seen.body for seen in server.asked]


def good(seen: Seen) -> Answer:
    """Answer as a server in good order does."""
    return Answer(written(told(seen)))


def failed(status: int, message: str = "no", **parts: Any) -> Answer:
    """Return an HTTP error in OpenAI's form, to be asked again at once."""
    return Answer({"error": {"message": message, **parts}}, status, {"retry-after": "0"})


def first(bad: Answer) -> Answering:
    """Answer so once, and well from then on."""
    return lambda seen: bad if seen.number == 0 else Answer(written("good"))
