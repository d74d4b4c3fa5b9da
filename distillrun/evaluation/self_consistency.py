"""Several sampled answers of the student, and their majority."""

import math
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar

from distillrun.evaluation.shared.confidence import Confidence, expected_calibration_error, sureness_score
from distillrun.evaluation.shared.share import mean, mean_share, share
from distillrun.interfaces import MetricContext, Task
from distillrun.records import (
    Answer,
    Example,
    Json,
    MetricResult,
    ResultCurve,
    alike_key,
    as_told,
    counted_as,
    is_right,
)
from distillrun.text.finished import finished_part

BINS = 10


class SelfConsistency:
    """The majority of several sampled answers to each test question; ties go to the answer that came first.

    Scores: `self_consistency/accuracy`, of all samples' majority; `/one_sample`, the mean accuracy of a single one;
    `/agreement`, the share of the parsed samples that give the majority's answer; `/entropy`, of the answers, in nats;
    `/calibration_error`, with the agreement as confidence; `/unparsed` and `/cut_off`, of all samples. A sample that
    ran out of tokens is read as far as its sentences are whole. The curve shows accuracy against samples. A sample
    depends on the seed, the question and its own number alone.

    Args:
        of: the scoring rule whose greedy accuracy is shown next to it.
        samples: per question.
        temperature, top_p: of the draws.
        new_tokens: most new tokens of a sample.
        seed: of the draws.

    Source: Wang et al. 2022, https://arxiv.org/abs/2203.11171.
    """

    MEANING: ClassVar[int] = 5  # 2: equal choices are one; 3: a bin holds its upper edge; 4: intervals without bias
    # 5: half an answer at the end of a sample that was cut off is no vote

    rule = (
        "The student is asked several times at a temperature, and the most frequent answer counts. More samples cost "
        "more; the curve shows the gain."
    )
    wants: frozenset[str] = frozenset()

    def __init__(self, of: str, samples: int, temperature: float, top_p: float, new_tokens: int, seed: int) -> None:
        if samples < 1 or new_tokens < 1:
            raise ValueError(f"samples={samples} and new_tokens={new_tokens} must be 1 or more")
        if temperature <= 0 or not 0 < top_p <= 1:
            raise ValueError(f"temperature={temperature} must be above 0, and top_p={top_p} above 0 and at most 1")
        self.of = of
        self._samples = samples
        self._temperature = temperature
        self._top_p = top_p
        self._new_tokens = new_tokens
        self._seed = seed

    def measure(self, context: MetricContext) -> MetricResult:
        drawn, cut = self._drawn(context)
        examples = context.examples
        votes = [[majority(row[:count]) for row in drawn] for count in range(1, self._samples + 1)]
        accuracy = [_accuracy(vote, examples) for vote in votes]
        pairs = list(zip(drawn, examples, strict=True))
        parsed = [(row, example) for row, example in pairs if majority(row) is not None]
        single = [sum(is_right(example, choice) for choice in row) / len(row) for row, example in pairs]
        scores = [
            share("self_consistency/accuracy", [is_right(*pair) for pair in zip(examples, votes[-1], strict=True)]),
            mean_share("self_consistency/one_sample", single),
            share("self_consistency/unparsed", [choice is None for row in drawn for choice in row]),
            share("self_consistency/cut_off", cut),
        ]
        if parsed:
            scores += [
                mean_share("self_consistency/agreement", [agreement(row) for row, _ in parsed]),
                mean("self_consistency/entropy", [entropy(row) for row, _ in parsed], "nats"),
                sureness_score(
                    "self_consistency/calibration_error",
                    [Confidence(agreement(row), is_right(example, majority(row)), 0.0) for row, example in parsed],
                    lambda found: expected_calibration_error(found, BINS),
                ),
            ]
        lines = {"majority": tuple((float(n), value) for n, value in enumerate(accuracy, start=1))}
        greedy = _accuracy([made.choice for made in context.predictions], examples)
        lines["greedy"] = ((1.0, greedy), (float(max(2, self._samples)), greedy))
        curve = ResultCurve("Accuracy against samples", "samples", lines, "The majority of the first n samples")
        rows: list[dict[str, Json]] = [
            {"example_id": example.id, "samples": [as_told(choice) for choice in row]} for row, example in pairs
        ]
        return MetricResult(tuple(scores), curves=(curve,), rows=tuple(rows))

    def _drawn(self, context: MetricContext) -> tuple[list[list[Answer | None]], list[bool]]:
        """Return the parsed answers of every question, one per sample, and whether each sample was cut off."""
        from distillrun.language_model.sampling import sampled_targets, writer_of
        from distillrun.language_model.token_selection import Drawn

        objective, task, writer = context.objective, context.task, writer_of(context.student())
        asked = [example for example in context.examples for _ in range(self._samples)]
        queries = [objective.query(example, task) for example in asked]
        seeds = [
            seed_of(self._seed, example.id, sample) for example in context.examples for sample in range(self._samples)
        ]
        written = sampled_targets(
            [writer],
            [query.answer for query in queries],
            seeds,
            lambda own: Drawn(own, self._new_tokens, self._temperature, self._top_p),
            self._new_tokens,
            context.tokens_per_batch,
        )
        cut = [not ids or ids[-1] not in writer.text.ends for ids in written]
        choices = []
        for ids, is_cut, query, example in zip(written, cut, queries, asked, strict=True):
            text = writer.decode(ids)
            reply = objective.read(text, None)
            if is_cut and not (query.rationale == "after" and reply.rationale):  # it was not cut behind the answer
                reply = objective.read(finished_part(text), None)
            choices.append(answer_in(reply.answer, example, task))
        return [choices[start : start + self._samples] for start in range(0, len(choices), self._samples)], cut


def seed_of(seed: int, example: str, sample: int) -> int:
    """Return a seed below 2**31 of one sample of one question."""
    return int.from_bytes(sha256(f"{seed}:{example}:{sample}".encode()).digest()[:4], "big") >> 1


def answer_in(text: str, example: Example, task: Task) -> Answer | None:
    """Return the answer that a text gives, of choices with equal texts the first, so that they are one vote."""
    choice = task.parse(text, example)
    return None if choice is None else counted_as(example, choice)


def majority(choices: Sequence[Answer | None]) -> Answer | None:
    """Return the most frequent parsed answer, of equals the one that came first; None where none was parsed."""
    counts = _counts(choices)
    if not counts:
        return None
    most = max(counts, key=counts.__getitem__)  # a Counter keeps the order of first sight
    return next(choice for choice in choices if choice is not None and alike_key(choice) == most)


def agreement(choices: Sequence[Answer | None]) -> float:
    """Return the share of the parsed answers, one or more, that are the majority's."""
    counts = _counts(choices)
    return max(counts.values()) / counts.total()


def entropy(choices: Sequence[Answer | None]) -> float:
    """Return the entropy of the parsed answers, in nats."""
    counts = _counts(choices)
    shares = [count / counts.total() for count in counts.values()]
    return max(0.0, -sum(part * math.log(part) for part in shares))


def _counts(choices: Sequence[Answer | None]) -> Counter[int | str]:
    return Counter(alike_key(choice) for choice in choices if choice is not None)


def _accuracy(choices: Sequence[Answer | None], examples: Sequence[Example]) -> float:
    return sum(is_right(*pair) for pair in zip(examples, choices, strict=True)) / len(examples)
