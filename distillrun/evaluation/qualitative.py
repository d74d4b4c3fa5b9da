"""Accuracy by kind of question: a judge names the kinds and sorts the questions into them."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from distillrun.evaluation.shared.category_assignment import assigned
from distillrun.evaluation.shared.judged import Judged, SameFamily, drawn
from distillrun.evaluation.shared.rating import Ratings, asked, chat
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import (
    Cell,
    Example,
    Json,
    MetricResult,
    Prompt,
    Record,
    Request,
    ResultTable,
    Sampling,
    is_right,
)
from distillrun.text.template import Template


@dataclass(frozen=True, slots=True)
class CategoryTexts(Record):
    """The texts of the judge's requests.

    Attributes:
        propose: fields {questions} (a line each) and {count}.
        rate: fields {question}, {categories} (a line each) and {example}.
        repair: what is said to a judge whose reply cannot be read.
    """

    propose: str
    rate: str
    repair: str


class Qualitative(Judged):
    """The judge proposes categories from chunks of questions, rates how far each question belongs to each, and an
    integer program assigns them; then the student is scored in each category.

    Scores: `qualitative/unrated`, the share of questions whose affinities could not be read and that are left out. The
    table holds, for each category, its questions, the accuracy with its interval, and the mean rating of the
    explanations where a judge rated them.

    Args:
        of: the evaluator whose answers are scored.
        texts: what the judge is told.
        judges: the one who judges, by any name.
        categories: how many are kept, those that are proposed most often.
        given: categories to use instead; null = the judge proposes them.
        per_question: how many categories a question has; with 1, the accuracies recombine to the whole.
        slack: how far a category may be from its share of the affinities, as a share of it.
        ratings: the measure whose ratings are shown by category, such as judge; null = none.
        chunk: how many questions are shown at once for proposals.
        questions: how many of the test questions, drawn by the seed.
        seed: of the draw, and of the order of the categories.
        same_family: mark a judge of a teacher's model family in the report, or refuse the run.
        sampling: how replies are drawn.

    Source: QualEval, Murahari et al. 2023, https://arxiv.org/abs/2311.02807, sections 3.1 and 3.2.
    """

    rule = (
        "A judge names kinds of questions and rates how far each question belongs to each; an integer program sorts "
        "them so that no kind takes all. The student is scored in each kind."
    )
    wants: frozenset[str] = frozenset()

    def __init__(
        self,
        of: str,
        texts: CategoryTexts,
        judges: Mapping[str, Teacher],
        categories: int,
        given: tuple[str, ...] | None,
        per_question: int,
        slack: float,
        ratings: str | None,
        chunk: int,
        questions: int,
        seed: int,
        same_family: SameFamily,
        sampling: Sampling,
    ) -> None:
        if min(categories, per_question, chunk, questions) < 1 or slack < 0:
            raise ValueError("categories, per_question, chunk and questions must be 1 or more, and slack 0 or more")
        if len(judges) != 1:
            raise ValueError(f"there must be one judge, not {len(judges)}")
        self._propose = Template(texts.propose, {"questions", "count"}, "texts.propose")
        self._rate = Template(texts.rate, {"question", "categories", "example"}, "texts.rate")
        self.of = of
        self.judges = judges
        self.same_family = same_family
        self.after = (ratings,) if ratings else ()
        self._repair = texts.repair
        self._count = categories
        self._given = given
        self._per_question = per_question
        self._slack = slack
        self._chunk = chunk
        self._questions = questions
        self._seed = seed
        self._sampling = sampling

    def measure(self, context: MetricContext) -> MetricResult:
        places = drawn(len(context.examples), self._questions, self._seed)
        examples = [context.examples[n] for n in places]
        categories = list(self._given or self._proposed(examples, context))
        if len(categories) < max(2, self._per_question):
            return MetricResult(note=f"The judge named {len(categories)} categories, too few to sort questions into.")
        (judge,) = self.judges.values()
        prompts = [self._rating_prompt(example, categories, context) for example in examples]
        rated = asked(context.judging, judge, prompts, self._sampling, self._repair)
        kept = [(n, ratings) for n, ratings in zip(places, rated, strict=True) if ratings is not None]
        unrated = share("qualitative/unrated", [ratings is None for ratings in rated])
        if not kept:
            return MetricResult((unrated,), note="The judge gave no number that could be read.")
        affinities = [[float(ratings[name]) for name in categories] for _, ratings in kept]
        found = assigned(affinities, self._per_question, self._slack)
        sorted_into = {n: [categories[place] for place in own] for (n, _), own in zip(kept, found, strict=True)}
        rows = _rows(sorted_into, kept, context)
        return MetricResult(
            (unrated,), (self._table(categories, sorted_into, context),), rows=rows, note=self.kinship_note(context)
        )

    def _proposed(self, examples: Sequence[Example], context: MetricContext) -> list[str]:
        """Return the categories that the judge proposes most often, over chunks of the questions."""
        (judge,) = self.judges.values()
        chunks = [examples[start : start + self._chunk] for start in range(0, len(examples), self._chunk)]
        prompts = []
        for chunk in chunks:
            lines = "\n".join(example.question.strip() for example in chunk)
            ask = self._propose.render({"questions": lines, "count": str(self._count)})
            prompts.append(chat("", ask, Request("categories", chunk[0])))
        votes: Counter[str] = Counter()
        for made in context.judging.complete(prompts, self._sampling, judge):
            votes.update(dict.fromkeys(read_names(made[0].text), 1))
        return [name for name, _ in votes.most_common(self._count)]

    def _rating_prompt(self, example: Example, categories: Sequence[str], context: MetricContext) -> Prompt:
        order = list(categories)
        Random(f"{self._seed}/{example.id}").shuffle(order)
        fields = {
            "question": context.task.question(example),
            "categories": "\n".join(order),
            "example": "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: N" for name in order) + "}",
        }
        return chat("", self._rate.render(fields), Request("rating", example, names=tuple(order)))

    def _table(
        self, categories: Sequence[str], sorted_into: Mapping[int, Sequence[str]], context: MetricContext
    ) -> ResultTable:
        """Return the student's results in each category, the best first."""
        ratings = _ratings_of(context.findings[self.after[0]]) if self.after else {}
        rows: list[tuple[Cell, ...]] = []
        for category in categories:
            places = [n for n, own in sorted_into.items() if category in own]
            if not places:
                continue
            right = [is_right(context.examples[n], context.predictions[n].choice) for n in places]
            found = share("", right)
            known = [ratings[context.examples[n].id] for n in places if context.examples[n].id in ratings]
            rating: tuple[Cell, ...] = (fmean(known) if known else None,) if self.after else ()
            rows.append((category, len(places), found.value, found.low, found.high, *rating))
        columns = ("category", "questions", "accuracy", "low", "high", *(("mean rating",) if self.after else ()))
        ordered = sorted(rows, key=lambda row: -float(row[2] or 0))
        note = "With 95 % Wilson intervals"
        return ResultTable("Accuracy by kind of question", columns, tuple(ordered), note, columns[2:5])


def read_names(text: str) -> list[str]:
    """Return the names that a reply lists, as a JSON list or a line each; each once, in lower case."""
    match = re.search(r"\[.*\]", text, re.DOTALL)
    try:
        found = json.loads(match[0]) if match else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        lines = re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+(.+)$", text, re.MULTILINE)
        found = [re.split(r"\s*[:–—]\s", line)[0] for line in lines]
    names = [" ".join(name.split()).strip(" .*_\"'`").casefold() for name in found if isinstance(name, str)]
    return [name for name in dict.fromkeys(names) if name]


def _ratings_of(finding: MetricResult) -> dict[str, float]:
    """Return the mean quality of each question's explanation, over its judges."""
    values: dict[str, list[float]] = {}
    for row in finding.rows:
        if isinstance(quality := row.get("quality"), int | float):
            values.setdefault(str(row["example_id"]), []).append(float(quality))
    return {name: fmean(found) for name, found in values.items()}


def _rows(
    sorted_into: Mapping[int, Sequence[str]], kept: Sequence[tuple[int, Ratings]], context: MetricContext
) -> tuple[dict[str, Json], ...]:
    return tuple(
        {"example_id": context.examples[n].id, "categories": list(sorted_into[n]), "affinities": dict(ratings)}
        for n, ratings in kept
    )
