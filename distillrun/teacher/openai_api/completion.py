"""Completions from a server's answers: cut at the stop texts, counted, and with our finish reasons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from distillrun.records import Completion, Sampling
from distillrun.teacher.openai_api.answer import Answer
from distillrun.teacher.openai_api.body import estimated_tokens
from distillrun.text.thinking import CLOSING, OPENING, first_stop

OVERSHOOT = (1.1, 8)
"""Factor and tokens by which a server may count past `max_new_tokens`: some count the end, some a stop text."""

CUT_PROMPT = (3, 100)
"""Factor and tokens by which a prompt must be longer, by estimate, than the server counts before it is said to be cut:
no tokenizer has tokens of twelve bytes on average."""


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
                    f"the server counts {answer.usage[0]} tokens of a prompt that has about {prompt_tokens}; it may cut"
                    " prompts in silence: see the length of its context (num_ctx of Ollama, --ctx-size of llama.cpp)",
                    "cuts prompts",
                )
            return answer.usage
        self.warn_once("the server does not count tokens; cost and budget go by estimates, one token for four bytes")
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
