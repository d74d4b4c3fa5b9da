"""The inference cost of the student on this machine: time, memory and parameters."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from distillrun.evaluation.shared.likelihood_rule import answers_to
from distillrun.evaluation.shared.share import mean
from distillrun.interfaces import ChoiceModel, LanguageModel, LogitTeacher, MetricContext, WritingModel
from distillrun.records import Cell, MetricResult, Query, ResultTable, Score, Segment, TargetPair

BATCHES = (1, 16)

ROOM = 4
"""How many times the student's longest text the teacher has room for: its tokens may be others."""


class Cost:
    """Size, tokens, time and memory of answers to test questions, and an estimate of their arithmetic.

    Scores: `cost/latency_s`, the time of one answer alone (t interval over questions); `cost/prompt_tokens` and
    `cost/new_tokens` per answer; `cost/parameters`; `cost/gigaflops` per answer, an estimate: 2 x weights outside the
    embeddings x tokens read and written, without the attention over long texts. The table holds answers per second one
    by one and in batches of 16, on the device of the run, after a warm-up; and, where the teacher is a model on this
    machine, and the same of the teacher.

    Times are of this machine and this load: they are measured once and kept, and another machine measures others.

    Args:
        of: the evaluator whose answers are counted.
        questions: how many are timed, the first ones.
        new_tokens: most new tokens of an answer.

    Source of the estimate: Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, section 2.1.
    """

    rule = (
        "Size, tokens, time and memory of an answer on this machine and its device; the arithmetic is an estimate from "
        "the weights and the tokens."
    )
    wants: frozenset[str] = frozenset()

    def __init__(self, of: str, questions: int, new_tokens: int) -> None:
        if questions < 1 or new_tokens < 1:
            raise ValueError(f"questions={questions} and new_tokens={new_tokens} must be 1 or more")
        self.of = of
        self._questions = questions
        self._new_tokens = new_tokens

    def measure(self, context: MetricContext) -> MetricResult:
        student, teacher = context.student(), context.logit_teacher
        own = self._costs(context, student)
        latencies, sizes = own.latencies, own.sizes
        flops = [own.flops(size) / 1e9 for size in sizes]
        scores = (
            mean("cost/latency_s", latencies, "s"),
            mean("cost/prompt_tokens", [float(read) for read, _ in sizes], "tokens"),
            mean("cost/new_tokens", [float(written) for _, written in sizes], "tokens"),
            mean("cost/gigaflops", flops, "GFLOP"),
            Score("cost/parameters", float(own.weights), 1, float(own.weights), float(own.weights)),
        )
        note = f"Times are of {len(latencies)} questions on {_device(student)}; means are over all {len(sizes)}"
        if not isinstance(teacher, LogitTeacher) or not isinstance(student, LanguageModel):
            rows: list[tuple[Cell, ...]] = [*own.rows().items()]
            return MetricResult(scores, (ResultTable("One answer", ("", "value"), tuple(rows), note),))
        longest = [max(lengths) for lengths in zip(*sizes, strict=True)]
        model = teacher.language_model(ROOM * longest[0], ROOM * (longest[1] + self._new_tokens))
        other = self._costs(context, model).rows()
        rows = [
            (name, value, other[name], other[name] / value if value else None)
            for name, value in own.rows().items()
            if name in other
        ]
        columns = ("", "student", "teacher", "teacher / student")
        note = f"{note}; the teacher is measured on the student's texts, in its own tokens"
        return MetricResult(scores, (ResultTable("One answer", columns, tuple(rows), note),))

    def _costs(self, context: MetricContext, model: ChoiceModel) -> "_Costs":
        """Measure the answers of a model: the student, or its teacher in its place."""
        queries = [context.objective.query(example, context.task) for example in context.examples]
        timed = list(range(min(self._questions, len(queries))))
        self._answer(context, model, queries, timed[:1])  # the first call builds caches that the others find
        latencies = [self._seconds(context, model, queries, [n]) for n in timed]
        rates = {}
        for batch in BATCHES:
            groups = [timed[start : start + batch] for start in range(0, len(timed), batch)]
            spent = sum(latencies) if batch == 1 else sum(self._seconds(context, model, queries, own) for own in groups)
            rates[batch] = len(timed) / spent
        weights, outside = _weights(model)
        size = sum(weight.numel() * weight.element_size() for weight in model.module.parameters())
        return _Costs(
            weights, outside, size, self._sizes(context, model, queries), latencies, rates, _peak_bytes(model)
        )

    def _sizes(self, context: MetricContext, model: ChoiceModel, queries: Sequence[Query]) -> list[tuple[int, int]]:
        """Return (tokens read, tokens written) of each answer; of a student that writes nothing, none are written."""
        if not isinstance(model, LanguageModel):
            return [
                (sum(model.choice_size(query.answer, answers_to(context.objective, example, context.task))), 0)
                for query, example in zip(queries, context.examples, strict=True)
            ]
        pairs = [
            TargetPair(query.answer, (Segment(made.text),), "cost")
            for query, made in zip(queries, context.predictions, strict=True)
        ]
        return [(read, written) for read, written, _ in model.lengths(pairs)]

    def _seconds(
        self, context: MetricContext, model: ChoiceModel, queries: Sequence[Query], places: Sequence[int]
    ) -> float:
        started = time.perf_counter()
        self._answer(context, model, queries, places)
        return time.perf_counter() - started

    def _answer(
        self, context: MetricContext, model: ChoiceModel, queries: Sequence[Query], places: Sequence[int]
    ) -> None:
        """Answer some questions, in one batch where it fits."""
        sources = [queries[n].answer for n in places]
        if isinstance(model, WritingModel):
            model.generate(sources, self._new_tokens, context.tokens_per_batch)
        else:
            answers = [answers_to(context.objective, context.examples[n], context.task) for n in places]
            model.score(sources, answers, context.tokens_per_batch)


@dataclass(frozen=True, slots=True)
class _Costs:
    """The measured costs of one model.

    Attributes:
        weights, outside: how many there are, and how many outside the embeddings.
        size: of the weights in memory, bytes.
        sizes: (tokens read, tokens written) of each answer.
        latencies: seconds of each timed answer alone.
        rates: answers per second, by how many are asked at once.
        peak: what was measured, and the most memory in use until now, bytes.
    """

    weights: int
    outside: int
    size: int
    sizes: Sequence[tuple[int, int]]
    latencies: Sequence[float]
    rates: Mapping[int, float]
    peak: tuple[str, int]

    def flops(self, size: tuple[int, int]) -> float:
        """Return the estimated operations of an answer of so many tokens."""
        return 2.0 * self.outside * sum(size)

    def rows(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "parameters": self.weights,
            "parameters outside the embeddings": self.outside,
            "bytes in memory": self.size,
            "prompt tokens per answer": fmean(read for read, _ in self.sizes),
            "new tokens per answer": fmean(written for _, written in self.sizes),
            "GFLOP per answer, estimated": fmean(map(self.flops, self.sizes)) / 1e9,
            "median latency, s": median(self.latencies),
            **{f"answers per second, {batch} at once": rate for batch, rate in self.rates.items()},
            f"peak memory, bytes ({self.peak[0]})": self.peak[1],
        }


def _weights(student: ChoiceModel) -> tuple[int, int]:
    """Return the number of weights, and of those outside the embeddings that are only looked up."""
    from torch import nn

    module = student.module
    count = sum(weight.numel() for weight in module.parameters())
    looked_up = {id(part.weight): part.weight.numel() for part in module.modules() if isinstance(part, nn.Embedding)}
    head = [part.weight for part in module.modules() if isinstance(part, nn.Linear)]
    tied = sum(weight.numel() for weight in head if id(weight) in looked_up)  # a tied head does multiply
    return count, count - sum(looked_up.values()) + tied


def _peak_bytes(student: ChoiceModel) -> tuple[str, int]:
    """Return what was measured, and the most memory that was in use until now."""
    import resource

    import torch

    if _device(student).startswith("cuda"):
        return "of tensors on the device", int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return "of the whole process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _device(student: ChoiceModel) -> str:
    return str(next(student.module.parameters()).device)
