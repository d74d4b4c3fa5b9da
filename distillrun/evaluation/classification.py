"""Precision, recall and F1 of each class, the pairs that are confused, and a TF-IDF baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from distillrun.evaluation.shared.bag_of_words import bag_of_words_answers
from distillrun.evaluation.shared.class_scores import UNPARSED, class_scores, confused_pairs, macro_f1
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import MetricContext
from distillrun.records import (
    Answer,
    Example,
    MetricResult,
    ResultTable,
    Score,
    TeacherRecord,
    answer_of,
    place,
    readings,
)
from distillrun.statistics.paired import run_difference
from distillrun.statistics.resampling import percentile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS = 500
"""Of the table of classes: those with the most texts."""


class Classification:
    """What a student does with each class, and two baselines: logistic regression on TF-IDF, and the majority class.

    Scores: `macro_f1`, the mean F1 over the classes that are right or answered somewhere; `bag_of_words/accuracy` and
    `bag_of_words/macro_f1` of the regression, which learns the labels that the student learnt. Tables: each class, the
    most frequent confusions, and the baselines with their distance to the student.

    Args:
        of: the evaluator whose answers are looked at.
        pairs: how many confused pairs are shown.
        bag_of_words: whether the regression is fitted; it takes seconds to minutes.

    Source: macro-averages: Sokolova & Lapalme 2009, https://doi.org/10.1016/j.ipm.2009.03.002, table 3; the baseline:
    Joachims 1998, https://doi.org/10.1007/BFb0026683.
    """

    CHOICES_ONLY: ClassVar[str] = "it counts labels; use evaluation=[generated_answer]"

    wants: frozenset[str] = frozenset()

    rule = (
        "Answers are compared by their texts. F1 is the harmonic mean of a class's precision and recall; macro-F1 "
        "counts all classes alike, however rare. An answer that names no class is wrong."
    )

    def __init__(self, of: str, pairs: int, bag_of_words: bool) -> None:
        if pairs < 1:
            raise ValueError(f"pairs={pairs} must be 1 or more")
        self.of = of
        self._pairs = pairs
        self._bag_of_words = bag_of_words

    def measure(self, context: MetricContext) -> MetricResult:
        import numpy as np

        classes = _classes_of([*context.examples, *context.trained_on])
        right = [classes.place(example, _choice(example.answer)) for example in context.examples]
        answers = [_choice(one.choice) for one in context.predictions]
        said = [classes.place(*pair) for pair in zip(context.examples, answers, strict=True)]
        learnt = _labels(context, classes)
        own = _Answers("student", said, np.array(right), len(classes.names))
        rivals = [_Answers("majority class", [_commonest(learnt, right)] * len(right), own.right, own.classes)]
        note = ""
        if self._bag_of_words:
            texts = [example.question for example in context.trained_on]
            taught = [(text, label) for text, label in zip(texts, learnt, strict=True) if label != UNPARSED]
            try:
                found = bag_of_words_answers(*_columns(taught), [example.question for example in context.examples])
                rivals.insert(0, _Answers("TF-IDF + logistic regression", found, own.right, own.classes))
            except ValueError as error:
                note = f"TF-IDF + logistic regression could not be fitted: {error}"
        scores = [own.macro_f1("macro_f1")]
        if len(rivals) == 2:
            scores += [share("bag_of_words/accuracy", rivals[0].hits), rivals[0].macro_f1("bag_of_words/macro_f1")]
        tables = (self._classes(own, learnt, classes), self._confused(own, classes), _compared(own, rivals))
        return MetricResult(tuple(scores), tables, note=note)

    def _classes(self, own: "_Answers", learnt: Sequence[int], classes: "_Classes") -> ResultTable:
        found = class_scores(own.right, own.places, own.classes)
        shown = sorted(found, key=lambda one: (-one.support, one.place))[:MOST_ROWS]
        rows = tuple(
            (
                classes.names[one.place],
                one.f1,
                one.precision,
                one.recall,
                one.support,
                one.predicted,
                sum(label == one.place for label in learnt),
            )
            for one in sorted(shown, key=lambda one: (one.f1, one.place))
        )
        columns = ("class", "F1", "precision", "recall", "test texts", "answers", "training texts")
        note = f"the {MOST_ROWS} of {len(found)} with the most test texts" if len(found) > MOST_ROWS else ""
        return ResultTable("Classes, worst first", columns, rows, note, columns[1:4])

    def _confused(self, own: "_Answers", classes: "_Classes") -> ResultTable:
        found = confused_pairs(own.right.tolist(), own.said, self._pairs)
        texts = own.right.tolist()
        rows = tuple((classes.name(a), classes.name(b), count, count / texts.count(a)) for a, b, count in found)
        columns = ("right class", "answered", "texts", "share of the class")
        return ResultTable("Confused classes", columns, rows, shares=columns[3:])


@dataclass(frozen=True)
class _Classes:
    """The classes by what answers read, in the order in which they are met."""

    names: list[str]
    places: dict[str, int]

    def place(self, example: Example, choice: int | None) -> int:
        """Return the class of a choice; `UNPARSED` without one."""
        return UNPARSED if choice is None else self.places[readings(example.choices)[choice]]

    def name(self, place: int) -> str:
        """Return what a class is called."""
        return "unparsed" if place == UNPARSED else self.names[place]


@dataclass(frozen=True)
class _Answers:
    """Somebody's answers to the test texts, as places of classes."""

    name: str
    said: Sequence[int]
    right: "NDArray[np.int64]"
    classes: int

    @property
    def places(self) -> "NDArray[np.int64]":
        import numpy as np

        return np.array(self.said)

    @property
    def hits(self) -> list[bool]:
        """Of each text, whether it is answered right."""
        return [bool(hit) for hit in self.right == self.places]

    def macro_f1(self, name: str) -> Score:
        """Return the macro-F1 with its bootstrap interval over texts."""
        said = self.places
        low, high = percentile_interval(
            len(said), lambda drawn: macro_f1(self.right[drawn], said[drawn], self.classes), resamples=500
        )
        return Score(name, macro_f1(self.right, said, self.classes), len(said), low, high)


def _classes_of(examples: Sequence[Example]) -> _Classes:
    names: dict[str, str] = {}
    for choices in dict.fromkeys(example.choices for example in examples):
        for text, read in zip(choices, readings(choices), strict=True):
            names.setdefault(read, text)
    return _Classes(list(names.values()), {read: place for place, read in enumerate(names)})


def _labels(context: MetricContext, classes: _Classes) -> list[int]:
    """Return the class that each training text was taught with: its own or, where it has none, the teacher's."""
    records: Sequence[TeacherRecord | None] = context.records or [None] * len(context.trained_on)
    answers = (
        _choice(example.answer if example.answer is not None or record is None else answer_of(record, example))
        for example, record in zip(context.trained_on, records, strict=True)
    )
    return [classes.place(*pair) for pair in zip(context.trained_on, answers, strict=True)]


def _choice(answer: Answer | None) -> int | None:
    return None if answer is None else place(answer)


def _commonest(learnt: Sequence[int], right: Sequence[int]) -> int:
    """Return the class that most training texts have, the first of equals; of the test's where none has any."""
    known = [label for label in learnt if label != UNPARSED] or right
    return max(sorted(set(known)), key=known.count)


def _columns(rows: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [text for text, _ in rows], [label for _, label in rows]


def _compared(own: _Answers, rivals: Sequence[_Answers]) -> ResultTable:
    rows: list[tuple[str | float | None, ...]] = []
    for one in (own, *rivals):
        difference, low, high = run_difference(one.hits, own.hits) if one is not own else (None, None, None)
        accuracy = sum(one.hits) / len(one.hits)
        rows.append((one.name, accuracy, one.macro_f1("").value, difference, low, high))
    columns = ("who", "accuracy", "macro-F1", "student minus baseline", "from", "to")
    note = "95 % intervals of accuracy differences over texts"
    return ResultTable("Student and baselines", columns, tuple(rows), note, columns[1:])
