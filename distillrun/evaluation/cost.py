"""What an answer of the student costs on this machine."""

import sys
import time
from collections.abc import Sequence
from statistics import median

from distillrun.evaluation.likelihood_rule import answers_to
from distillrun.evaluation.share import mean
from distillrun.interfaces import Answered, ChoiceModel, LanguageModel, WritingModel
from distillrun.records import Cell, Finding, Query, ResultTable, Score, Segment, TargetPair

BATCHES = (1, 16)


class Cost:
    """Measures size, tokens, time and memory of answers to test questions, and estimates their arithmetic.

    Scores: `cost/latency_s`, the time of one answer alone (t interval over questions); `cost/prompt_tokens` and
    `cost/new_tokens` per answer; `cost/parameters`; `cost/gigaflops` per answer, an estimate: 2 x weights outside the
    embeddings x tokens read and written, without the attention over long texts. The table holds answers per second one
    by one and in batches of 16, on the device of the run, after a warm-up.

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

    def measure(self, answered: Answered) -> Finding:
        student, examples = answered.student(), answered.examples
        queries = [answered.objective.query(example, answered.task) for example in examples]
        sizes = self._sizes(answered, queries)
        weights, outside = _weights(student)
        flops = [2.0 * outside * (read + written) / 1e9 for read, written in sizes]
        timed = list(range(min(self._questions, len(examples))))
        self._answer(answered, queries, timed[:1])  # the first call builds caches that the others find
        latencies = [self._seconds(answered, queries, [n]) for n in timed]
        scores = [
            mean("cost/latency_s", latencies, "s"),
            mean("cost/prompt_tokens", [float(read) for read, _ in sizes], "tokens"),
            mean("cost/new_tokens", [float(written) for _, written in sizes], "tokens"),
            mean("cost/gigaflops", flops, "GFLOP"),
            Score("cost/parameters", float(weights), 1, float(weights), float(weights)),
        ]
        rows: list[tuple[Cell, ...]] = [
            ("parameters", weights),
            ("parameters outside the embeddings", outside),
            ("bytes in memory", sum(weight.numel() * weight.element_size() for weight in student.module.parameters())),
            ("prompt tokens per answer", scores[1].value),
            ("new tokens per answer", scores[2].value),
            ("GFLOP per answer, estimated", scores[3].value),
            ("median latency, s", median(latencies)),
        ]
        for batch in BATCHES:
            groups = [timed[start : start + batch] for start in range(0, len(timed), batch)]
            spent = sum(latencies) if batch == 1 else sum(self._seconds(answered, queries, group) for group in groups)
            rows.append((f"answers per second, {batch} at once", len(timed) / spent))
        kind, peak = _peak_bytes(student)
        rows.append((f"peak memory, bytes ({kind})", peak))
        note = f"Timed on {len(timed)} questions on {_device(student)}; means over all {len(examples)} where it says so"
        return Finding(tuple(scores), (ResultTable("One answer", ("", "value"), tuple(rows), note),))

    def _sizes(self, answered: Answered, queries: Sequence[Query]) -> list[tuple[int, int]]:
        """Return (tokens read, tokens written) of each answer; of a student that writes nothing, none are written."""
        student = answered.student()
        if not isinstance(student, LanguageModel):
            return [
                (sum(student.choice_size(query.answer, answers_to(answered.objective, example, answered.task))), 0)
                for query, example in zip(queries, answered.examples, strict=True)
            ]
        pairs = [
            TargetPair(query.answer, (Segment(made.text),), "cost")
            for query, made in zip(queries, answered.predictions, strict=True)
        ]
        return [(read, written) for read, written, _ in student.lengths(pairs)]

    def _seconds(self, answered: Answered, queries: Sequence[Query], places: Sequence[int]) -> float:
        started = time.perf_counter()
        self._answer(answered, queries, places)
        return time.perf_counter() - started

    def _answer(self, answered: Answered, queries: Sequence[Query], places: Sequence[int]) -> None:
        """Let the student answer some questions, in one batch where it fits."""
        student, sources = answered.student(), [queries[n].answer for n in places]
        if isinstance(student, WritingModel):
            student.generate(sources, self._new_tokens, answered.tokens_per_batch)
        else:
            answers = [answers_to(answered.objective, answered.examples[n], answered.task) for n in places]
            student.score(sources, answers, answered.tokens_per_batch)


def _weights(student: ChoiceModel) -> tuple[int, int]:
    """Return how many weights there are, and how many of them stand outside the embeddings that are only looked up."""
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
