"""Completions and scores of letters: asked for, and read from a server's answers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.process.background_loop import Gate
from distillrun.records import Completion, Draw, Prompt, Sampling, ScoredContinuation
from distillrun.teacher.openai_api.answer import Answer, Tokens, UnreadableError
from distillrun.teacher.openai_api.request import Writer, estimated_tokens
from distillrun.teacher.openai_api.session import Ask, RowFailedError, Session
from distillrun.text.thinking import CLOSING, OPENING, first_stop, was_cut

OVERSHOOT = (1.1, 8)
"""Factor and tokens by which a server may count past `max_new_tokens`: some count the end, some a stop text."""

CUT_PROMPT = (3, 100)
"""Factor and tokens by which a prompt must be longer, by estimate, than the server counts before it is said to be cut:
no tokenizer has tokens of twelve bytes on average."""

_BLANKS = "\u0120\u2581"
"""How byte-level and sentencepiece vocabularies write a blank before a word, where a server shows tokens raw."""

_LEAST_REST = 1e-9
"""Rounded probabilities may add up to 1 or more; the rest is taken to be at least this."""


@dataclass(frozen=True, slots=True)
class Asker:
    """The requests to one server on behalf of the teacher of this name."""

    name: str
    session: Session
    writer: Writer

    async def complete(self, draw: Draw, sampling: Sampling, gate: Gate) -> Completion:
        """Return the completion of a draw, also where it failed for a reason of its own."""
        messages = draw.prompt.messages
        reader = Reader(self.name, self.session.client.secret.hide, self.session.warn_once)

        def read(answer: Answer) -> tuple[Completion, tuple[int, int]]:
            made = reader.completion(answer, sampling, self.writer.estimated_tokens(messages))
            return made, (made.prompt_tokens, made.completion_tokens)

        cost = (self.writer.prompt_token_bound(messages), sampling.max_new_tokens)
        request = Ask(lambda dialect: self.writer.draw(draw, sampling, dialect), cost, read, was_cut)
        try:
            return await self.session.ask(request, gate)
        except RowFailedError as failed:
            return Completion("", failed.finish_reason, 0, 0, teacher=self.name, reason=failed.reason)

    async def score(
        self, prompt: Prompt, continuations: Sequence[str], top: int, gate: Gate
    ) -> tuple[ScoredContinuation, ...]:
        """Return the scores of continuations among the `top` likeliest next tokens. Raises ConfigError without them."""

        def read(answer: Answer) -> tuple[tuple[ScoredContinuation, ...], tuple[int, int]]:
            if answer.tokens == () and answer.first is None:
                raise UnreadableError("it wrote no token whose alternatives it could list")
            if answer.first is None and answer.lists_first:
                raise UnreadableError("its list of likeliest tokens holds an entry without a token or a log-prob")
            if answer.first is None:
                raise ConfigError(
                    f"teacher.top_log_probs={top}, but teacher.model={self.name} lists no likeliest tokens at the"
                    f" {self.writer.endpoint} endpoint; try the other teacher.endpoint, or a teacher that scores,"
                    " such as teacher=local or teacher=vllm"
                )
            usage = answer.usage or (self.writer.estimated_tokens(prompt.messages), 1)
            return score_continuations(answer.first, continuations), usage

        cost = (self.writer.prompt_token_bound(prompt.messages), 1)
        request = Ask(lambda dialect: self.writer.next_token(prompt, top, dialect), cost, read)
        try:
            return await self.session.ask(request, gate)
        except RowFailedError as failed:
            question = prompt.request.example.id
            raise ConfigError(
                f"teacher.model={self.name} could not score the choices of {question}: {failed.reason}; what was scored"
                " is kept, so give the same command again, or leave the question out"
            ) from None


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of answers, which makes completions of them.

    Attributes:
        teacher: its name.
        hide: takes the key out of a text.
        warn_once: tells the user of a habit of the server.
    """

    teacher: str
    hide: Callable[[str], str]
    warn_once: Callable[..., None]

    def completion(self, answer: Answer, sampling: Sampling, prompt_tokens: int) -> Completion:
        """Return an answer as a completion. `prompt_tokens` is the estimate for a server that does not count."""
        prompt_tokens, completion_tokens = self.usage(answer, prompt_tokens)
        if answer.refusal or answer.finish == "content_filter":
            return Completion(
                self.hide(answer.refusal or answer.text or ""),
                "refused",
                prompt_tokens,
                completion_tokens,
                teacher=self.teacher,
                reason="refused by the model" if answer.refusal else "refused by the server's filter",
            )
        text = answer.text or ""
        written = max(completion_tokens - answer.hidden_tokens, 0)
        thinking = _thinking(answer)
        kept, used, finish = self._end(text, thinking, written, answer.finish, sampling)
        return Completion(
            self.hide(thinking + text[:kept]),
            finish,
            prompt_tokens,
            completion_tokens,
            round(written * (len(text) - used) / len(text)) if text else 0,
            _log_prob(answer, kept),
            self.teacher,
            "the server sent no text" if answer.text is None and not thinking else "",
        )

    def usage(self, answer: Answer, prompt_tokens: int) -> tuple[int, int]:
        """Return prompt and completion tokens as the server counts, or about how many there are."""
        if answer.usage is not None:
            factor, tokens = CUT_PROMPT
            if answer.usage[0] * factor + tokens < prompt_tokens:
                self.warn_once(
                    f"the server counts {answer.usage[0]} tokens of a prompt that has about {prompt_tokens}; it may"
                    " truncate prompts silently: check its context length (num_ctx of Ollama, --ctx-size of llama.cpp)",
                    "truncates prompts",
                )
            return answer.usage
        self.warn_once("the server returns no token counts; cost and budget are estimated at one token per four bytes")
        listed = None if answer.tokens is None else len(answer.tokens)
        return prompt_tokens, listed or estimated_tokens((answer.text or "") + answer.refusal)

    def _end(
        self, text: str, thinking: str, written: int, finish: str, sampling: Sampling
    ) -> tuple[int, int, Literal["stop", "length"]]:
        """Return how many characters are the completion, how many with its stop text, and why it ends there.

        Where a server pays no heed to `max_new_tokens`, the text is cut in proportion, since its tokens are not known.
        """
        factor, tokens = OVERSHOOT
        allowed = len(text)
        if written > sampling.max_new_tokens * factor + tokens:
            self.warn_once("the server writes more than max_new_tokens; completions are paid for in full, and cut here")
            allowed = len(text) * sampling.max_new_tokens // written
        if (stop := first_stop(thinking + text, sampling.stop, len(thinking) + allowed)) is not None:
            kept, used = stop[0] - len(thinking), stop[1] - len(thinking)
            if used < len(text):
                self.warn_once("the server writes on after a stop text; completions are paid for in full, and cut here")
            return kept, used, "stop"
        if allowed < len(text):
            return allowed, allowed, "length"
        is_full = finish in ("length", "max_tokens") or (not finish and written >= sampling.max_new_tokens)
        return len(text), len(text), "length" if is_full else "stop"


def _thinking(answer: Answer) -> str:
    """Return what the server sent apart from the text, between tags; not closed where nothing follows it."""
    if (answer.text or "").strip():
        return f"{OPENING}{answer.reasoning}{CLOSING}" if answer.reasoning else ""
    is_hidden = answer.hidden_tokens > 0 and answer.finish == "length"
    return f"{OPENING}{answer.reasoning}" if answer.reasoning or is_hidden else ""


def _log_prob(answer: Answer, kept: int) -> float | None:
    """Return the summed log-prob of the tokens that begin in the first `kept` characters; of all, if that is all."""
    if answer.tokens is None or (answer.text and not answer.tokens):
        return None
    if kept == len(answer.text or ""):
        return sum(log_prob for _, log_prob in answer.tokens)
    total, position = 0.0, 0
    for token, log_prob in answer.tokens:
        if position >= kept:
            break
        total += log_prob
        position += len(token)
    return total


def score_continuations(first: Tokens, continuations: Sequence[str]) -> tuple[ScoredContinuation, ...]:
    """Return the log-prob of each continuation as the one next token.

    Variants of a token that differ in blanks around it, such as "A" and " A", are added up. A continuation that is not
    listed gets an upper bound: it is at most as likely as the least likely one listed, and as all that are not listed.

    Args:
        first: the likeliest next tokens.
        continuations: texts of one token each, such as letters; of a longer one, only the bound can be told.
    """
    rest = max(1.0 - sum(math.exp(log_prob) for _, log_prob in first), _LEAST_REST)
    bound = min([math.log(rest), *(log_prob for _, log_prob in first)])
    return tuple(ScoredContinuation(_letter_log_prob(first, _bare(text), bound), 1) for text in continuations)


def _letter_log_prob(first: Tokens, bare: str, bound: float) -> float:
    mass = sum(math.exp(log_prob) for token, log_prob in first if _bare(token) == bare)
    return math.log(min(mass, 1.0)) if mass > 0 else bound


def _bare(text: str) -> str:
    return text.strip().lstrip(_BLANKS).strip()
