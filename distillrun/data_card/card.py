"""The data card of a run."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.data_card.rationales import Row, length_histogram, rationale_counts, verdicts
from distillrun.records import Example, Json, Split, TeacherRecord, is_right, kind_of
from distillrun.statistics.interval import wilson


@dataclass(frozen=True, slots=True)
class Step:
    """What a generation step took.

    Attributes:
        tags: ways of elicitation.
        usage: sums over its completions, as in `usage.json`.
        asked: of those, what was asked in this run.
        counts: what an expansion or a replay counted.
        is_cached: it was found done.
    """

    tags: Sequence[str]
    usage: Mapping[str, Json]
    asked: Mapping[str, Json]
    counts: Mapping[str, Json]
    is_cached: bool


def data_card(
    examples: Mapping[Split, Sequence[Example]],
    records: Sequence[TeacherRecord] | None,
    left_out: int,
    steps: Mapping[str, Step],
) -> dict[str, Json]:
    """Return counts of the questions, of what each step took, and of the rationales by kind.

    Args:
        examples: of each split; train with the questions that generation added.
        records: of the training examples, in their order; None where no teacher was asked.
        left_out: training examples without a rationale to learn from.
        steps: the generation steps, by name.
    """
    card: dict[str, Json] = {"questions": {split: _question_counts(rows) for split, rows in examples.items()}}
    for name, step in steps.items():
        if step.counts:
            card["recordings" if "rows" in step.counts else name] = dict(step.counts)
    if steps:
        card["steps"] = {name: _step_counts(step) for name, step in steps.items()}
    if not records:
        return card
    card["training examples left out for lack of a rationale"] = left_out
    by_id = {example.id: example for example in examples["train"]}
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for record in records:
        for rationale in record.rationales:
            rows[kind_of(rationale)].append(Row(rationale, by_id[record.example_id]))
    card["rationales"] = {kind: rationale_counts(found) for kind, found in rows.items()}
    card["words"] = {kind: length_histogram(found) for kind, found in rows.items()}
    everything = [row for found in rows.values() for row in found]
    writers = Counter(row.rationale.teacher or "not told" for row in everything)
    origins = Counter(row.rationale.origin or "not told" for row in everything)
    further: dict[str, dict[str, Json]] = {
        "rationales by teacher": dict(writers),
        "rationales by origin": dict(origins),
        "failures": dict(Counter(f"{one.step}: {one.reason}" for record in records for one in record.failures)),
        "self-evaluation": verdicts(everything),
        "the teacher's own answers": _answers(records, by_id),
        "choice scores": _choice_scores(records, by_id),
    }
    return card | {name: value for name, value in further.items() if value}


def _question_counts(rows: Sequence[Example]) -> dict[str, Json]:
    repeated = sum(len(set(map(str.casefold, row.choices))) < len(row.choices) for row in rows)
    return {"questions": len(rows), "with repeated choices": repeated}


def _step_counts(step: Step) -> dict[str, Json]:
    failures = step.usage.get("failures")
    return {
        "tags": ", ".join(step.tags),
        **{name: value for name, value in step.usage.items() if name != "failures"},
        "failures": ", ".join(f"{count} {reason}" for reason, count in failures.items())
        if isinstance(failures, dict) and failures
        else "none",
        "asked now": step.asked.get("requests", 0),
        "found done": step.is_cached,
    }


def _answers(records: Sequence[TeacherRecord], by_id: Mapping[str, Example]) -> dict[str, Json]:
    """Return how often the teacher itself is right, and how far its samples agree."""
    known = [record for record in records if record.answer is not None and by_id[record.example_id].answer is not None]
    if not known:
        return {}
    right = sum(is_right(by_id[record.example_id], record.answer) for record in known)
    low, high = wilson(right, len(known))
    agreements = [record.agreement for record in known if record.agreement is not None]
    parts = Counter(f"agreement up to {math.ceil(5 * value) / 5:.1f}" for value in agreements)
    return {
        "answered": len(known),
        "unparsed": sum(record.answer is None for record in records),
        "accuracy": round(right / len(known), 4),
        "95 % interval": f"{low:.4f} to {high:.4f}",
        "mean agreement": round(sum(agreements) / max(1, len(agreements)), 4),
        **{name: parts[name] for name in sorted(parts)},
    }


def _choice_scores(records: Sequence[TeacherRecord], by_id: Mapping[str, Example]) -> dict[str, Json]:
    """Return how often the likeliest choice is right, and how undecided the teacher is, in nats."""
    scored = [(by_id[record.example_id], record.choice_log_probs) for record in records if record.choice_log_probs]
    known = [(example, values) for example, values in scored if example.answer is not None]
    if not known:
        return {}
    right = sum(is_right(example, values.index(max(values))) for example, values in known)
    low, high = wilson(right, len(known))
    entropies = [-math.fsum(math.exp(value) * value for value in values) for _, values in known]
    return {
        "scored": len(known),
        "accuracy of the likeliest choice": round(right / len(known), 4),
        "95 % interval": f"{low:.4f} to {high:.4f}",
        "mean entropy (nats)": round(math.fsum(entropies) / len(entropies), 4),
    }
