"""The line to one teacher for one step: what its journal holds is taken from there, the rest is asked and written."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from distillrun.artifacts import canonical_json, digest
from distillrun.errors import BudgetSpentError
from distillrun.interfaces import AnyTeacher, EnsembleTeacher, Teacher, WhiteBoxTeacher
from distillrun.journal.ledger import Ledger, LedgerAccount
from distillrun.journal.rows import Journal
from distillrun.records import Completion, Draw, Json, Prompt, Sampling, ScoredContinuation

FOLDER = "journal"
"""Where journals and ledgers lie in the store."""

A = TypeVar("A")


class Line:
    """Asks one teacher on behalf of one step.

    Args:
        store: the root of the artifact store.
        step: the name of the generation step.
        teacher: who is asked.
    """

    def __init__(self, store: Path, step: str, teacher: Teacher) -> None:
        identity = dict(teacher.identity())
        self._folder = store / FOLDER / key_of(teacher)
        self.teacher = teacher
        self.journal = Journal(self._folder, step)
        self.ledger = Ledger(self._folder, teacher.price_per_million, teacher.budget)
        self._identity: Mapping[str, Json] = identity

    def complete(
        self, draws: Sequence[Draw], sampling: Sampling, stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, Completion, bool]]:
        """Yield (index of the draw, its completion, was it asked now), each once, known ones first.

        Raises:
            BudgetSpentError, KeyboardInterrupt: the rest may not be asked now.
        """
        self._open()
        with self.journal.held():
            found = [self.journal.completion(draw, sampling) for draw in draws]
            for index, completion in enumerate(found):
                if completion is not None:
                    yield index, completion, False
            missing = [index for index, completion in enumerate(found) if completion is None]
            account = LedgerAccount(self.ledger, stopping)
            asked = [draws[index] for index in missing]
            for index, completion in self._answers(
                self.teacher.complete(asked, sampling, account) if asked else iter(()), len(asked), account
            ):
                self.journal.add_completion(asked[index], sampling, completion)
                yield missing[index], completion, True

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...], bool]]:
        """Yield (index of the prompt, its scores, was it asked now), each once; raises as `complete` does."""
        if not isinstance(self.teacher, WhiteBoxTeacher):
            raise TypeError(f"{self.teacher.name} does not tell log-probs; check `Teacher.can` first")
        self._open()
        with self.journal.held():
            found = [self.journal.scores(*asked) for asked in zip(prompts, continuations, strict=True)]
            for index, scores in enumerate(found):
                if scores is not None:
                    yield index, scores, False
            missing = [index for index, scores in enumerate(found) if scores is None]
            account = LedgerAccount(self.ledger, stopping)
            asked = [prompts[index] for index in missing]
            ends = [continuations[index] for index in missing]
            for index, made in self._answers(
                self.teacher.score(asked, ends, account) if asked else iter(()), len(asked), account
            ):
                self.journal.add_scores(asked[index], ends[index], made)
                yield missing[index], made, True

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self._folder / "teacher.json"
        if not about.exists():
            about.write_text(canonical_json(self._identity) + "\n", encoding="utf-8")

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
            raise BudgetSpentError(
                f"teacher.{account.refused_by} of {self.teacher.name} is spent ({spent}); {count - answered} requests "
                "are left, and what was answered is kept: raise the budget and give the same command again"
            )
        raise RuntimeError(f"{self.teacher.name} answered {answered} of {count} requests and gave no reason")


def key_of(teacher: Teacher) -> str:
    """Return what tells a teacher from any other that gives other answers, whatever they are called."""
    return digest(dict(teacher.identity()))[:16]


def spent_by(store: Path, teacher: AnyTeacher) -> dict[str, Json]:
    """Return what a teacher, or each member of an ensemble, was ever asked from a store, by its name."""
    members = teacher.members if isinstance(teacher, EnsembleTeacher) else {"": teacher}
    found: dict[str, Json] = {}
    for name, member in members.items():
        if isinstance(member, Teacher):
            spent = Line(store, "", member).ledger.spent().as_dict()
            if spent["requests"]:
                found[name or member.name] = dict(spent)
    return found
