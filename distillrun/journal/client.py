"""The client of one teacher in one step: stored answers come from its journal, all others are asked and stored."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from distillrun.artifacts import canonical_json, digest
from distillrun.errors import BudgetSpentError
from distillrun.files.inside import refuse_links
from distillrun.interfaces import Account, AnyTeacher, Teacher, WhiteBoxTeacher, members_of
from distillrun.journal.ledger import Ledger
from distillrun.journal.ledger_account import LedgerAccount
from distillrun.journal.rows import Journal, scoring_of
from distillrun.records import Completion, Draw, Json, Prompt, Sampling, ScoredContinuation
from distillrun.text.thinking import noted, spoken

FOLDER = "journal"
"""Where journals and ledgers lie in the store."""

Q = TypeVar("Q")
A = TypeVar("A")


class TeacherClient:
    """The client of one teacher in one step.

    Args:
        store: the root of the artifact store.
        step: the name of the generation step.
        teacher: who is asked.
    """

    def __init__(self, store: Path, step: str, teacher: Teacher) -> None:
        self._folder = store / FOLDER / key_of(teacher)
        self.teacher = teacher
        self.journal = Journal(self._folder, step)
        self.ledger = Ledger(self._folder, teacher.price_per_million, teacher.budget)

    def complete(
        self, draws: Sequence[Draw], sampling: Sampling, stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, Completion, bool]]:
        """Yield (index of the draw, its completion, was it asked now), each once, known ones first.

        What is yielded is what was said; the journal keeps the teacher's thinking with it.

        Raises:
            BudgetSpentError, KeyboardInterrupt: the rest may not be asked now.
        """
        answered = self._answered(
            draws,
            lambda draw: self.journal.completion(draw, sampling),
            lambda missing, account: self.teacher.complete(missing, sampling, account),
            lambda draw, made: self.journal.add_completion(draw, sampling, noted(made)),
            stopping,
        )
        for index, made, is_new in answered:
            yield index, spoken(made), is_new

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...], bool]]:
        """Yield (index of the prompt, its scores, was it asked now), each once; raises as `complete` does."""
        teacher = self.teacher
        if not isinstance(teacher, WhiteBoxTeacher):
            raise TypeError(f"{teacher.name} does not return log-probs; check `Teacher.can` first")
        scoring = scoring_of(teacher)
        return self._answered(
            list(zip(prompts, continuations, strict=True)),
            lambda asked: self.journal.scores(*asked, scoring),
            lambda missing, account: teacher.score(
                [one for one, _ in missing], [texts for _, texts in missing], account
            ),
            lambda asked, made: self.journal.add_scores(*asked, scoring, made),
            stopping,
        )

    def ask(
        self, ask: Callable[[Account], Iterator[tuple[int, A]]], count: int, stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, A]]:
        """Yield the answers to `count` questions that the caller keeps itself; raises as `complete` does.

        Args:
            ask: puts the questions to the teacher.
            count: of the questions.
            stopping: has the user asked to stop?
        """
        self._open()
        return self._paid(ask, count, stopping)

    def _paid(
        self, ask: Callable[[LedgerAccount], Iterator[tuple[int, A]]], count: int, stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, A]]:
        """Yield what is answered, each request booked in the ledger."""
        if not count:
            return
        account = LedgerAccount(self.ledger, stopping)
        try:
            yield from self._answers(ask(account), count, account)
        finally:
            self.ledger.close()

    def _answered(
        self,
        questions: Sequence[Q],
        known: Callable[[Q], A | None],
        ask: Callable[[Sequence[Q], LedgerAccount], Iterator[tuple[int, A]]],
        keep: Callable[[Q, A], None],
        stopping: Callable[[], bool],
    ) -> Iterator[tuple[int, A, bool]]:
        """Yield (index of the question, its answer, was it asked now): the known ones, then the others as they come.

        Args:
            questions: in the caller's order.
            known: what the journal holds.
            ask: puts the questions that are left to the teacher.
            keep: writes an answer down, before it is yielded.
            stopping: has the user asked to stop?
        """
        self._open()
        with self.journal.held(stopping):
            found = [known(question) for question in questions]
            for index, answer in enumerate(found):
                if answer is not None:
                    yield index, answer, False
            missing = [index for index, answer in enumerate(found) if answer is None]
            left = [questions[index] for index in missing]
            for place, made in self._paid(lambda account: ask(left, account), len(missing), stopping):
                keep(questions[missing[place]], made)
                yield missing[place], made, True

    def _open(self) -> None:
        refuse_links(self._folder.parent.parent, [FOLDER])
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self._folder / "teacher.json"
        if not about.exists():
            about.write_text(canonical_json(dict(self.teacher.identity())) + "\n", encoding="utf-8")

    def _answers(self, answers: Iterator[tuple[int, A]], count: int, account: LedgerAccount) -> Iterator[tuple[int, A]]:
        """Yield what the teacher answers; raise where it ends before it has answered all."""
        answered = 0
        for answer in answers:
            answered += 1
            yield answer
        if answered == count:
            return
        if account.refused_by == "user":
            raise KeyboardInterrupt
        if account.refused_by is not None:
            spent = json.dumps({key: round(value, 6) for key, value in self.ledger.spent().as_dict().items()})
            left = "1 request is" if count - answered == 1 else f"{count - answered} requests are"
            raise BudgetSpentError(
                f"teacher.{account.refused_by} of {self.teacher.name} is spent ({spent}); {left} "
                "left, and what was answered is kept: raise the budget and give the same command again"
            )
        raise RuntimeError(f"{self.teacher.name} answered {answered} of {count} requests and gave no reason")


def key_of(teacher: Teacher) -> str:
    """Return what tells a teacher from any other that gives other answers, whatever they are called."""
    return digest(dict(teacher.identity()))[:16]


def spent_by(store: Path, teacher: AnyTeacher) -> dict[str, Json]:
    """Return what a teacher, or each member of an ensemble, was ever asked from a store, by its name."""
    found: dict[str, Json] = {}
    for name, member in members_of(teacher).items():
        spent = TeacherClient(store, "", member).ledger.spent().as_dict()
        if spent["requests"]:
            found[name or member.name] = dict(spent)
    return found
