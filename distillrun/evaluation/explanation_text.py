"""Statistics of explanation texts that need neither people nor judges."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from distillrun.errors import ConfigError
from distillrun.evaluation.shared.embedding import Encoder
from distillrun.evaluation.shared.overlap import grams, known_share, named, repeated_share
from distillrun.evaluation.shared.share import mean, share
from distillrun.interfaces import MetricContext
from distillrun.records import (
    Cell,
    Example,
    Json,
    MetricResult,
    Prediction,
    ResultTable,
    TeacherRecord,
    answer_text,
    find_factual,
    is_right,
    reading,
)
from distillrun.text.rouge import rouge_l, words

RUN = 4
SHARES = ("repetition", "copies_question")
"""Features that are fractions, in addition to those that hold or not."""

"""Words in a row that count as copied."""


class ExplanationText:
    """Counts over the explanations that the student wrote.

    Scores: `explained`, the share of questions with an explanation; `explanation/words`; `/names_answer`, how often
    it names the choice that was answered; `/names_others`, how often it names another one (contrastiveness by count),
    and `/others_named`, how many; `/repetition`, the share of its runs of four words that stood in it before;
    `/copies_question`, those of the question; `/novelty`, those that are in no text of the teacher for the training
    questions; `/exact_copies` of such a text; `/rouge_l` against what the teacher wrote for the same question.

    Args:
        of: the evaluator whose explanations are counted.
        reference: which rationales of the teacher for the test questions they are compared with, initial or revised;
            null = none, and the teacher is asked for nothing.
        encoder: an encoder of sentences, a folder or a name on the Hub: `/cosine` with the teacher's, where there is a
            reference; null = none.
    """

    MEANING: ClassVar[int] = 2  # choices with equal texts are one

    rule = (
        "Surface features of the explanations, counted in words: what they name, repeat, copy from the question, and "
        "share with the teacher's texts. None of it says that an explanation is good."
    )

    def __init__(self, of: str, reference: Literal["initial", "revised"] | None, encoder: str | None) -> None:
        if encoder is not None and reference is None:
            raise ValueError("encoder is given, but no reference to compare with; set reference=initial")
        self.of = of
        self.wants = frozenset({reference} if reference else ())
        self._reference = reference
        self._encoder = None if encoder is None else Encoder(encoder)
        if self._encoder is not None and (problems := self._encoder.problems()):
            raise ConfigError("; ".join(problems))

    def measure(self, context: MetricContext) -> MetricResult:
        pairs = zip(context.predictions, context.examples, strict=True)
        explained = [(made, example) for made, example in pairs if made.rationale.strip()]
        scores = [share("explained", [bool(made.rationale.strip()) for made in context.predictions])]
        if not explained:
            return MetricResult(tuple(scores))
        counts = [_counts(made, example) for made, example in explained]
        taught = [words(text) for text in _taught(context)]
        known = {gram for text in taught for gram in grams(text, RUN)}
        texts = {tuple(text) for text in taught}
        for row, (made, _) in zip(counts, explained, strict=True):
            if known:
                own = words(made.rationale)
                row |= {"novelty": 1 - known_share(own, known, RUN), "exact_copies": tuple(own) in texts}
        if self._reference:
            _compare(counts, explained, context.reference(), self._reference, self._encoder)
        for name in dict.fromkeys(name for row in counts for name in row):
            values = [row[name] for row in counts if name in row]
            whole = f"explanation/{name}"
            flags = [value for value in values if isinstance(value, bool)]
            scores.append(share(whole, flags) if flags else mean(whole, [float(value) for value in values]))
        rows: list[dict[str, Json]] = [
            {"example_id": made.example_id, **row} for (made, _), row in zip(explained, counts, strict=True)
        ]
        return MetricResult(tuple(scores), (_by_correctness(counts, explained),), rows=tuple(rows))


def _counts(made: Prediction, example: Example) -> dict[str, float | bool]:
    own = words(made.rationale)
    said = () if made.choice is None else (answer_text(example, made.choice),)
    choices = named(made.rationale, example.choices or said)
    answer = set(map(reading, said))
    return {
        "words": float(len(own)),
        "names_answer": bool(choices & answer),
        "names_others": bool(choices - answer),
        "others_named": float(len(choices - answer)),
        "repetition": repeated_share(own, RUN),
        "copies_question": known_share(own, grams(words(example.question), RUN), RUN),
    }


def _taught(context: MetricContext) -> list[str]:
    """Return every text that the teacher wrote for the training questions."""
    return [rationale.text for record in context.records or () for rationale in record.rationales]


def _compare(
    counts: Sequence[dict[str, float | bool]],
    explained: Sequence[tuple[Prediction, Example]],
    records: Sequence[TeacherRecord],
    version: str,
    encoder: Encoder | None,
) -> None:
    """Note the similarity of each explanation to the teacher's for the same question, where there is one."""
    found = {record.example_id: find_factual(record, version) for record in records}
    pairs = [
        (row, made.rationale, rationale.text)
        for row, (made, _) in zip(counts, explained, strict=True)
        if (rationale := found[made.example_id]) is not None
    ]
    for row, own, told in pairs:
        row["rouge_l"] = rouge_l(own, told)
    if encoder is not None:
        cosines = encoder.cosines([own for _, own, _ in pairs], [told for _, _, told in pairs])
        for (row, _, _), cosine in zip(pairs, cosines, strict=True):
            row["cosine"] = cosine


def _by_correctness(
    counts: Sequence[dict[str, float | bool]], explained: Sequence[tuple[Prediction, Example]]
) -> ResultTable:
    """Return the means for right and for wrong answers."""
    groups: dict[str, Callable[[Prediction, Example], bool]] = {
        "right": lambda made, example: is_right(example, made.choice),
        "wrong": lambda made, example: made.choice is not None and not is_right(example, made.choice),
        "unparsed": lambda made, _: made.choice is None,
    }
    names_of = list(dict.fromkeys(name for row in counts for name in row))
    rows: list[tuple[Cell, ...]] = []
    for group, holds in groups.items():
        chosen = [row for row, pair in zip(counts, explained, strict=True) if holds(*pair)]
        means = [sum(float(row[name]) for row in chosen if name in row) / len(chosen) for name in names_of if chosen]
        if chosen:
            rows.append((group, len(chosen), *means))
    columns = ("answer", "explanations", *(name.replace("_", " ") for name in names_of))
    shares = [name for name in names_of if name in SHARES or any(isinstance(row.get(name), bool) for row in counts)]
    told = tuple(name.replace("_", " ") for name in shares)
    return ResultTable("Explanations of right and wrong answers", columns, tuple(rows), shares=told)
