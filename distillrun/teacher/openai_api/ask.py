"""One request to a teacher: a completion, or the log-probs of the next token."""

from collections.abc import Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError
from distillrun.records import Completion, Draw, Prompt, Sampling, ScoredContinuation
from distillrun.teacher.openai_api.answer import Answer, UnreadableError
from distillrun.teacher.openai_api.body import Writer
from distillrun.teacher.openai_api.completion import Reader
from distillrun.teacher.openai_api.loop import Gate
from distillrun.teacher.openai_api.score import score_continuations
from distillrun.teacher.openai_api.session import Ask, RowFailedError, Session
from distillrun.text.thinking import was_cut


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
