"""Explanations rated by models, on the constructs on which people rate them."""

from collections.abc import Mapping, Sequence
from random import Random
from statistics import fmean

from distillrun.evaluation.shared.judged import Judged, SameFamily, drawn, teachers_of
from distillrun.evaluation.shared.rating import Ratings, asked
from distillrun.evaluation.shared.rubric import Rubric
from distillrun.evaluation.shared.share import mean, share
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import (
    Cell,
    Example,
    Json,
    MetricResult,
    Prediction,
    Prompt,
    Request,
    ResultTable,
    Sampling,
    Score,
    is_right,
)
from distillrun.statistics.agreement import krippendorff_alpha
from distillrun.statistics.resampling import percentile_interval
from distillrun.text.rouge import words

UNIT = "of 5"

Rated = Mapping[str, Sequence[Ratings | None]]
"""Judge -> its ratings of each explanation; None where it gave no numbers."""


class Judge(Judged):
    """Ratings from 1 to 5 by judges who read question, choices, answer and explanation, never whose they are.

    The statements stand in a random order for each explanation. Questions that the student did not answer or explain
    are left out.

    Scores: `judge/<construct>` and `judge/quality`, the mean of the constructs; each explanation counts once, with the
    mean of its judges. `judge/unrated`, the share of ratings that no number could be read for; with two judges or more
    `judge/alpha/<construct>`, Krippendorff's ordinal alpha (percentile bootstrap over explanations).

    Args:
        of: the evaluator whose explanations are rated.
        rubric: the judges' texts; fields {question}, {answer} and {explanation}.
        judges: who rates.
        questions: how many of the test questions, drawn by the seed.
        seed: of the draw, and of the order of the statements.
        same_family: mark judges of a teacher's model family in the report, or refuse the run.
        sampling: how replies are drawn.

    Source: the constructs of https://arxiv.org/abs/2504.16056, section 4.3; preference leakage: Li et al. 2025,
    https://arxiv.org/abs/2502.01534.
    """

    rule = (
        "Judges rate the explanations from 1 to 5, without knowing whose they are; a reply without numbers is sent "
        "back once, and then counted as unrated. Models favour texts of their own family, and long ones."
    )
    wants: frozenset[str] = frozenset()

    def __init__(
        self,
        of: str,
        rubric: Rubric,
        judges: Mapping[str, Teacher],
        questions: int,
        seed: int,
        same_family: SameFamily,
        sampling: Sampling,
    ) -> None:
        if questions < 1 or not judges:
            raise ValueError(f"questions={questions} and the number of judges ({len(judges)}) must be 1 or more")
        rubric.check(("question", "answer", "explanation"), "rubric")
        self.of = of
        self.judges = judges
        self.same_family = same_family
        self._rubric = rubric
        self._questions = questions
        self._seed = seed
        self._sampling = sampling

    def measure(self, context: MetricContext) -> MetricResult:
        pairs = [
            (context.examples[n], made)
            for n in drawn(len(context.examples), self._questions, self._seed)
            if (made := context.predictions[n]).choice is not None and made.rationale.strip()
        ]
        if not pairs:
            return MetricResult(note="The student explains none of its answers, so there is nothing to rate.")
        prompts = [self._prompt(example, made, context) for example, made in pairs]
        rated = {
            name: asked(context.judging, judge, prompts, self._sampling, self._rubric.repair)
            for name, judge in self.judges.items()
        }
        constructs = tuple(self._rubric.statements)
        scores = [
            *construct_scores(rated, constructs),
            share("judge/unrated", [ratings is None for found in rated.values() for ratings in found]),
            *(alpha_scores(rated, constructs) if len(rated) > 1 else ()),
        ]
        tables = [_by_judge(rated, constructs), *_by_correctness(rated, pairs)]
        rows = self._rows(rated, pairs, context)
        return MetricResult(tuple(scores), tuple(tables), rows=rows, note=self.kinship_note(context))

    def _prompt(self, example: Example, made: Prediction, context: MetricContext) -> Prompt:
        if made.choice is None:
            raise ValueError(f"question {example.id} was not answered")
        fields = {
            "question": context.task.question(example),
            "answer": context.task.answer(example, made.choice),
            "explanation": made.rationale.strip(),
        }
        request = Request("rating", example, made.choice, draft=made.rationale)
        return self._rubric.prompt(fields, request, Random(f"{self._seed}/{example.id}"))

    def _rows(
        self, rated: Rated, pairs: Sequence[tuple[Example, Prediction]], context: MetricContext
    ) -> tuple[dict[str, Json], ...]:
        """Return one row for each rating, with the judge and the student's teachers."""
        taught_by: list[Json] = list(teachers_of(context))
        return tuple(
            {
                "example_id": example.id,
                "judge": name,
                "judge_model": self.judges[name].name,
                "taught_by": taught_by,
                "rationale_length": len(words(made.rationale)),
                **(ratings or {}),
                "quality": fmean(ratings.values()) if ratings else None,
            }
            for name, found in rated.items()
            for ratings, (example, made) in zip(found, pairs, strict=True)
        )


def construct_scores(rated: Rated, constructs: Sequence[str]) -> list[Score]:
    """Return the mean of each construct, and of their mean, over the explanations that a judge rated."""
    items = [_item_mean(found, constructs) for found in zip(*rated.values(), strict=True)]
    known = [item for item in items if item is not None]
    if not known:
        return []
    means = [mean(f"judge/{name}", [item[name] for item in known], UNIT) for name in constructs]
    return [mean("judge/quality", [fmean(item.values()) for item in known], UNIT), *means]


def alpha_scores(rated: Rated, constructs: Sequence[str]) -> list[Score]:
    """Return how far the judges agree on each construct, with a percentile bootstrap over the explanations."""
    scores = []
    for name in constructs:
        units = [
            [None if ratings is None else ratings[name] for ratings in found]
            for found in zip(*rated.values(), strict=True)
        ]
        value = krippendorff_alpha(units)
        if value == value:
            low, high = _alpha_interval(units)
            scores.append(Score(f"judge/alpha/{name}", value, len(units), low, high))
    return scores


def _alpha_interval(units: Sequence[Sequence[float | None]]) -> tuple[float, float]:
    return percentile_interval(len(units), lambda n: krippendorff_alpha([units[k] for k in n]), resamples=500)


def _item_mean(found: Sequence[Ratings | None], constructs: Sequence[str]) -> dict[str, float] | None:
    """Return the ratings of one explanation, the mean of its judges; None where none rated it."""
    known = [ratings for ratings in found if ratings is not None]
    return {name: fmean(ratings[name] for ratings in known) for name in constructs} if known else None


def _by_judge(rated: Rated, constructs: Sequence[str]) -> ResultTable:
    rows: list[tuple[Cell, ...]] = []
    for name, found in rated.items():
        known = [ratings for ratings in found if ratings is not None]
        means = [fmean(ratings[construct] for ratings in known) if known else None for construct in constructs]
        rows.append((name, len(known), len(found) - len(known), *means))
    return ResultTable("Mean ratings by judge", ("judge", "rated", "unrated", *constructs), tuple(rows))


def _by_correctness(rated: Rated, pairs: Sequence[tuple[Example, Prediction]]) -> list[ResultTable]:
    """Return the quality of explanations of right and of wrong answers; none where there is one kind alone."""
    groups: dict[str, list[float]] = {"right": [], "wrong": []}
    for found, (example, made) in zip(zip(*rated.values(), strict=True), pairs, strict=True):
        known = [fmean(ratings.values()) for ratings in found if ratings is not None]
        if known:
            groups["right" if is_right(example, made.choice) else "wrong"].append(fmean(known))
    if not all(groups.values()):
        return []
    rows = tuple((name, len(values), fmean(values)) for name, values in groups.items())
    return [ResultTable("Quality of right and wrong answers' explanations", ("answer", "rated", "quality"), rows)]
