"""Answers that models judge right or wrong against the reference."""

from collections.abc import Mapping, Sequence
from random import Random

from distillrun.evaluation.shared.judged import Judged, SameFamily, drawn
from distillrun.evaluation.shared.rating import YES_OR_NO, asked
from distillrun.evaluation.shared.rubric import Rubric
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import (
    Cell,
    Example,
    FreeAnswer,
    Json,
    MetricResult,
    Prediction,
    Prompt,
    Request,
    ResultTable,
    Sampling,
    Score,
    answer_text,
    gold,
    is_right,
)
from distillrun.statistics.agreement import cohen_kappa
from distillrun.statistics.resampling import shifted_interval

SHOWN = 5
"""Answers in the table of those about which judges and rule disagree."""


class JudgedAnswer(Judged):
    """Whether judges, who read question, reference and the student's whole text, hold its answer for right.

    An answer is right if more than half of the judges whose replies could be read say so. A text that is blank is
    wrong without being shown.

    Scores: `judged_answer/accuracy`, over the answers that a judge judged; `/unjudged`, the share of the others;
    `/agreement`, how often the verdict is that of the rule whose answers they are, and `/kappa`, Cohen's, the same
    beyond chance (bootstrap over questions).

    Args:
        of: the evaluator whose texts are judged.
        rubric: the judges' texts; fields {question}, {reference} and {answer}. It has one statement.
        judges: who judges.
        questions: how many of the test questions, drawn by the seed; None = all.
        seed: of the draw.
        same_family: mark judges of a teacher's model family in the report, or refuse the run.
        sampling: how replies are drawn.

    Source: grading by a model, such as Wang et al. 2023, https://arxiv.org/abs/2305.12421; kappa: Cohen 1960,
    https://doi.org/10.1177/001316446002000104.
    """

    rule = (
        "Judges read the reference and the student's text, and say whether its answer is right; a reply that cannot "
        "be read is sent back once, and then counted as unjudged. Kappa: how far rule and judges agree beyond chance."
    )
    wants: frozenset[str] = frozenset()

    def __init__(
        self,
        of: str,
        rubric: Rubric,
        judges: Mapping[str, Teacher],
        questions: int | None,
        seed: int,
        same_family: SameFamily,
        sampling: Sampling,
    ) -> None:
        if (questions is not None and questions < 1) or not judges:
            raise ValueError(f"questions={questions} and the number of judges ({len(judges)}) must be 1 or more")
        rubric.check(("question", "reference", "answer"), "rubric")
        if len(rubric.statements) != 1:
            raise ValueError(f"rubric.statements has {len(rubric.statements)} names; a verdict has one, such as right")
        self.of = of
        self.judges = judges
        self.same_family = same_family
        self._rubric = rubric
        self._questions = questions
        self._seed = seed
        self._sampling = sampling

    def measure(self, context: MetricContext) -> MetricResult:
        count = len(context.examples)
        places = range(count) if self._questions is None else drawn(count, self._questions, self._seed)
        pairs = [(context.examples[n], context.predictions[n]) for n in places]
        shown = [pair for pair in pairs if pair[1].text.strip()]
        prompts = [self._prompt(example, made, context) for example, made in shown]
        said = {name: self._verdicts(judge, prompts, context) for name, judge in self.judges.items()}
        votes = zip(*said.values(), strict=True)
        decided = {example.id: _decided(vote) for (example, _), vote in zip(shown, votes, strict=True)}
        verdicts = [decided.get(example.id, False) for example, _ in pairs]
        by_rule = [is_right(example, made.choice) for example, made in pairs]
        told = [(verdict, rule) for verdict, rule in zip(verdicts, by_rule, strict=True) if verdict is not None]
        scores = [share("judged_answer/unjudged", [verdict is None for verdict in verdicts]), *_scores(told)]
        tables = (_by_judge(said), *_disputed(pairs, verdicts, by_rule))
        rows: list[dict[str, Json]] = [
            {"example_id": example.id, **{name: found[n] for name, found in said.items()}}
            for n, (example, _) in enumerate(shown)
        ]
        return MetricResult(tuple(scores), tables, rows=tuple(rows), note=self.kinship_note(context))

    def _prompt(self, example: Example, made: Prediction, context: MetricContext) -> Prompt:
        reference = reference_of(example, context)
        fields = {
            "question": context.task.question(example),
            "reference": reference,
            "answer": made.text.strip(),
        }
        request = Request("grading", example, made.choice, draft=made.text.strip(), reference=reference)
        return self._rubric.prompt(fields, request, Random(self._seed))

    def _verdicts(self, judge: Teacher, prompts: Sequence[Prompt], context: MetricContext) -> list[bool | None]:
        found = asked(context.judging, judge, prompts, self._sampling, self._rubric.repair, YES_OR_NO)
        return [None if one is None else all(one.values()) for one in found]


def reference_of(example: Example, context: MetricContext) -> str:
    """Return the answers that a question accepts, as a judge reads them."""
    answer = gold(example)
    if isinstance(answer, FreeAnswer):
        return " | ".join((answer.text, *answer.accepted))
    return context.task.answer(example, answer)


def _decided(vote: Sequence[bool | None]) -> bool | None:
    """Return what more than half of the judges say who gave a verdict; None where nobody did."""
    known = [verdict for verdict in vote if verdict is not None]
    return 2 * sum(known) > len(known) if known else None


def _scores(told: Sequence[tuple[bool, bool]]) -> list[Score]:
    """Return accuracy and agreement from pairs of the judges' verdict and the rule's."""
    if not told:
        return []
    scores = [
        share("judged_answer/accuracy", [verdict for verdict, _ in told]),
        share("judged_answer/agreement", [verdict == rule for verdict, rule in told]),
    ]
    kappa = cohen_kappa(told)
    if kappa == kappa:
        low, high = shifted_interval(
            len(told), lambda drawn: cohen_kappa([told[n] for n in drawn]), kappa, resamples=500
        )
        scores.append(Score("judged_answer/kappa", kappa, len(told), low, high))
    return scores


def _by_judge(said: Mapping[str, Sequence[bool | None]]) -> ResultTable:
    rows: list[tuple[Cell, ...]] = [
        (name, found.count(True), found.count(False), found.count(None)) for name, found in said.items()
    ]
    return ResultTable("Verdicts by judge", ("judge", "right", "wrong", "unread"), tuple(rows))


def _disputed(
    pairs: Sequence[tuple[Example, Prediction]], verdicts: Sequence[bool | None], by_rule: Sequence[bool]
) -> list[ResultTable]:
    """Return the first answers about which judges and rule disagree; none where there is no such answer."""
    rows: list[tuple[Cell, ...]] = [
        (
            example.question,
            answer_text(example, gold(example)),
            made.text.strip(),
            "right" if verdict else "wrong",
        )
        for (example, made), verdict, rule in zip(pairs, verdicts, by_rule, strict=True)
        if verdict is not None and verdict != rule
    ]
    columns = ("question", "reference", "text", "the judges say")
    title = "Answers that judges and rule see differently"
    return [ResultTable(title, columns, tuple(rows[:SHOWN]))] if rows else []
