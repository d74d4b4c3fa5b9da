"""The judges of a metric, and the check that they may judge this student."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from random import Random
from typing import Literal

from distillrun.evaluation.shared.family import in_family_of
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import MetricResult

SameFamily = Literal["mark", "refuse"]


class Judged(ABC):
    """The base of metrics that ask judges.

    Attributes:
        judges: by name.
        same_family: mark a judge of a teacher's model family in the report, or refuse the run.
        after: other measures whose findings it uses.
    """

    judges: Mapping[str, Teacher]
    same_family: SameFamily
    after: tuple[str, ...] = ()

    def check(self, teachers: Collection[str]) -> list[str]:
        """Return why a judge cannot judge, or may not judge a student of teachers of these names."""
        problems = [
            f"judges.{name} cannot write; choose a teacher that can, such as teacher=api"
            for name, judge in self.judges.items()
            if "complete" not in judge.can
        ]
        if self.same_family == "refuse":
            problems += self._kinships(teachers)
        return problems

    def foresee(self, context: MetricContext) -> None:
        """Ask what `measure` asks."""
        self.measure(context)

    @abstractmethod
    def measure(self, context: MetricContext) -> MetricResult:
        """Return the result, as `AskingMetric` does."""

    def kinship_note(self, context: MetricContext) -> str:
        """Return the note on judges of a teacher's model family; empty where none is known to be."""
        found = self._kinships(teachers_of(context))
        return f"Preference leakage: {'; '.join(found)}." if found else ""

    def _kinships(self, teachers: Collection[str]) -> list[str]:
        """Return the message about each judge of a teacher's model family."""
        return [
            f"the judge {name} ({judge.name}) is of the family of {', '.join(kin)}, which trained the student, and "
            "such judges favour their own family (arXiv:2502.01534); choose another judge, or same_family=mark"
            for name, judge in self.judges.items()
            if (kin := in_family_of(judge.name, teachers))
        ]


def teachers_of(context: MetricContext) -> list[str]:
    """Return the names of the teachers that the student was trained on, as far as they are known."""
    names = {rationale.teacher for record in context.records or () for rationale in record.rationales}
    return sorted(name for name in names if name)


def drawn(count: int, wanted: int, seed: int) -> list[int]:
    """Return the places of so many of the questions, in order: the same ones for every student."""
    return sorted(Random(seed).sample(range(count), min(wanted, count)))
