"""Similarity of the student's responses to the teacher's, before and after training."""

from collections.abc import Collection, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.evaluation.shared.before_after import Values, compared, first_responses, responses_of
from distillrun.evaluation.shared.embedding import Encoder
from distillrun.evaluation.shared.judged import Judged, SameFamily, drawn
from distillrun.evaluation.shared.overlap import grams, known_share
from distillrun.evaluation.shared.rating import asked
from distillrun.evaluation.shared.rubric import Rubric
from distillrun.evaluation.shared.share import share
from distillrun.evaluation.shared.token_similarity import token_divergences
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import Example, Json, MetricResult, Request, Sampling, find_factual
from distillrun.text.rouge import rouge_l, words

GRAM = 4
"""Words in a row that count as shared."""


class ResponseSimilarity(Judged):
    """Ratings of how similar the answers of student and untrained student are to the teacher's.

    A judge is shown the teacher's response and one other, not whose it is, and rates style, logical structure and
    content detail from 1 (very different) to 5 (very similar). Without judges, only what can be counted is told.

    Scores, each `/after` and `/before` the training, and `/gain`, the mean difference of the two on the same questions
    (t interval): `similarity/<aspect>`; `similarity/weighted`, the mean of the aspects by `weights`;
    `similarity/rouge_l`; `similarity/shared_runs`, the share of its runs of four words that the teacher's response
    holds; `similarity/cosine` of sentence embeddings, where there is an encoder; `similarity/divergence`, the
    Jensen-Shannon divergence of the two models' next tokens on the right answers, in nats per token, where both are
    white boxes of one tokenizer. `similarity/unrated` is the share of ratings that no number could be read for.
    An empty response is rated 1.

    Args:
        of: the evaluator whose explanations are compared; where there is none, the answer's text is.
        reference: the teacher's rationale for the same question, initial or revised.
        rubric: the judges' texts; fields {question}, {reference} and {response}.
        weights: of the aspects in the weighted score.
        judges: who rates; none = nothing is asked.
        encoder: an encoder of sentences, a folder or a name on the Hub; None = no cosine.
        questions: how many of the test questions, drawn by the seed.
        seed: of the draw, and of the order of the aspects.
        same_family: mark judges of the teacher's model family in the report, or refuse the run.
        sampling: how replies are drawn.

    Source: response similarity evaluation, Lee et al. 2025, https://arxiv.org/abs/2501.12619, section 3.3.
    """

    rule = (
        "The student's responses compared with the teacher's, after training and before. Any two models of one "
        "language write somewhat alike, so only the gain is evidence of distillation."
    )

    def __init__(
        self,
        of: str,
        reference: Literal["initial", "revised"],
        rubric: Rubric,
        weights: Mapping[str, float],
        judges: Mapping[str, Teacher],
        encoder: str | None,
        questions: int,
        seed: int,
        same_family: SameFamily,
        sampling: Sampling,
    ) -> None:
        if questions < 1:
            raise ValueError(f"questions={questions} must be 1 or more")
        rubric.check(("question", "reference", "response"), "rubric")
        if set(weights) != set(rubric.statements) or min(weights.values()) < 0 or not sum(weights.values()):
            raise ConfigError(
                f"weights={dict(weights)} must give a share of 0 or more to each of {', '.join(rubric.statements)}"
            )
        self.of = of
        self.wants = frozenset({reference})
        self.judges = judges
        self.same_family = same_family
        self._reference = reference
        self._rubric = rubric
        self._weights = {name: weight / sum(weights.values()) for name, weight in weights.items()}
        self._encoder = None if encoder is None else Encoder(encoder)
        self._questions = questions
        self._seed = seed
        self._sampling = sampling

    def check(self, teachers: Collection[str]) -> list[str]:
        """Return what is wrong with the judges, and with the encoder."""
        return [*super().check(teachers), *(self._encoder.problems() if self._encoder else ())]

    def foresee(self, context: MetricContext) -> None:
        """Ask what `measure` asks; nothing is counted, so that neither the encoder nor a student is loaded."""
        examples, references, responses = self._told(context)
        found: dict[str, list[Values]] = {when: [{} for _ in texts] for when, texts in responses.items()}
        self._rate(found, examples, references, responses, context)

    def measure(self, context: MetricContext) -> MetricResult:
        examples, references, responses = self._told(context)
        if not references:
            return MetricResult(note="The teacher gave no explanation to compare with.")
        found = {when: self._counted(texts, references) for when, texts in responses.items()}
        unrated = self._rate(found, examples, references, responses, context)
        divergences = token_divergences(context, examples)
        for when, values in divergences.items():
            for row, value in zip(found[when], values, strict=True):
                row["divergence"] = value
        scores = compared(found["after"], found["before"])
        scores += [share("similarity/unrated", unrated)] if unrated else []
        rows: list[dict[str, Json]] = [
            {"example_id": example.id, "when": when, **row}
            for when, own in found.items()
            for example, row in zip(examples, own, strict=True)
        ]
        table = first_responses(examples, references, responses)
        return MetricResult(tuple(scores), (table,), rows=tuple(rows), note=self.kinship_note(context))

    def _told(self, context: MetricContext) -> tuple[list[Example], list[str], dict[str, list[str]]]:
        """Return the questions, and the texts of the teacher, of the student and of the untrained student."""
        records = context.reference()
        told = {
            n: rationale.text
            for n in drawn(len(context.examples), self._questions, self._seed)
            if (rationale := find_factual(records[n], self._reference)) is not None
        }
        examples = [context.examples[n] for n in told]
        responses = {
            "after": responses_of([context.predictions[n] for n in told]),
            "before": responses_of(context.answer(context.untrained, examples) if examples else []),
        }
        return examples, list(told.values()), responses

    def _counted(self, texts: Sequence[str], references: Sequence[str]) -> list[Values]:
        """Return the figures of each response that need no judge."""
        found: list[Values] = [
            {
                "rouge_l": rouge_l(text, reference),
                "shared_runs": known_share(words(text), grams(words(reference), GRAM), GRAM),
            }
            for text, reference in zip(texts, references, strict=True)
        ]
        if self._encoder is not None:
            for row, value in zip(found, self._encoder.cosines(texts, references), strict=True):
                row["cosine"] = value
        return found

    def _rate(
        self,
        found: Mapping[str, Sequence[Values]],
        examples: Sequence[Example],
        references: Sequence[str],
        responses: Mapping[str, Sequence[str]],
        context: MetricContext,
    ) -> list[bool]:
        """Note the judges' mean rating of each response; return, for each single rating, if it is missing."""
        absent = []
        for when, texts in responses.items():
            written = [n for n, text in enumerate(texts) if text]
            prompts = [
                self._rubric.prompt(
                    {
                        "question": context.task.question(examples[n]),
                        "reference": references[n],
                        "response": texts[n],
                    },
                    Request("rating", examples[n], draft=texts[n], reference=references[n]),
                    Random(f"{self._seed}/{examples[n].id}"),
                )
                for n in written
            ]
            rated = [
                asked(context.judging, judge, prompts, self._sampling, self._rubric.repair)
                for judge in self.judges.values()
            ]
            absent += [ratings is None for one in rated for ratings in one]
            ratings_of = dict(zip(written, zip(*rated, strict=True), strict=True)) if rated else {}
            for n, row in enumerate(found[when]):
                known = [one for one in ratings_of.get(n, ()) if one is not None]
                if self.judges and not texts[n]:
                    known = [dict.fromkeys(self._weights, 1)]
                if known:
                    row |= {name: fmean(one[name] for one in known) for name in self._weights}
                    row["weighted"] = sum(weight * row[name] for name, weight in self._weights.items())
        return absent
