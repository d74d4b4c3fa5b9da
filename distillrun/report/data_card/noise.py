"""The noise of a teacher's labels, wherever the right answer is known too."""

import math
from collections.abc import Mapping, Sequence

from distillrun.records import Example, Json, Split, TeacherRecord, answer_of, choice_shares, is_right
from distillrun.report.data_card.answers import BINS, accuracy


def label_noise(
    examples: Mapping[Split, Sequence[Example]],
    answered: Mapping[Split, Sequence[TeacherRecord]],
    used: Sequence[TeacherRecord] | None,
) -> dict[str, Json]:
    """Return how often a teacher's labels are right: of each split, and by how sure of them it was.

    A bin is one of agreement, the share of the teacher's samples that give the label, or, where it scored the choices,
    of the label's probability.

    Args:
        examples: of some splits, with the right answers where they are known.
        answered: what the teacher answered to them, in their order, before any step took answers out.
        used: of train, the records as they are learnt from; None where their labels are not.
    """
    table: dict[str, Json] = {}
    for split, records in answered.items():
        rows = list(zip(examples[split], records, strict=True))
        if not any(_labels(record) for _, record in rows):
            continue
        kept = {record.example_id for record in used or () if _labels(record)} if split == "train" and used else None
        table[split] = _counts(rows, kept)
        for name, own in _bins(rows).items():
            table[f"{split}, {name}"] = _counts(own, kept)
    return table


def _labels(record: TeacherRecord) -> bool:
    return record.answer is not None or record.answers is not None or record.choice_log_probs is not None


def _bins(rows: Sequence[tuple[Example, TeacherRecord]]) -> dict[str, list[tuple[Example, TeacherRecord]]]:
    """Return the rows by ranges of (0, 1] of how sure the teacher was; empty where it was equally sure of all."""
    sure = [(certainty(example, record), (example, record)) for example, record in rows]
    known = [(value, row) for value, row in sure if value is not None]
    if len({value for value, _ in known}) < 2:
        return {}
    name = "agreement" if any(record.agreement is not None for _, record in rows) else "probability"
    places = [(min(BINS, math.ceil(round(BINS * value, 6))), row) for value, row in known]
    return {
        f"{name} {(place - 1) / BINS:g}-{place / BINS:g}": own
        for place in range(1, BINS + 1)
        if (own := [row for at, row in places if at == place])
    }


def certainty(example: Example, record: TeacherRecord) -> float | None:
    """Return the agreement on a label or, where the choices were scored, its probability; None where it has neither."""
    if record.answer is not None or record.choice_log_probs is None:
        return record.agreement
    return max(choice_shares(example, record.choice_log_probs).values())


def _counts(rows: Sequence[tuple[Example, TeacherRecord]], kept: set[str] | None) -> dict[str, Json]:
    if any(example.answers is not None or record.answers is not None for example, record in rows):
        return _set_counts(rows, kept)
    labels = [(example, answer_of(record, example)) for example, record in rows]
    right = [is_right(example, label) for example, label in labels if label is not None and example.answer is not None]
    return {
        "questions": len(rows),
        "labels of the teacher": sum(label is not None for _, label in labels),
        **({} if kept is None else {"kept by filters": sum(example.id in kept for example, _ in rows)}),
        **accuracy(right),
    }


def _set_counts(rows: Sequence[tuple[Example, TeacherRecord]], kept: set[str] | None) -> dict[str, Json]:
    """Return the same of texts with several labels: a text is right where all of its labels are, and no other is."""
    told = [(example.answers, record.answers) for example, record in rows if record.answers is not None]
    known = [(set(right), set(said)) for right, said in told if right is not None and said is not None]
    hits, total = sum(len(a & b) for a, b in known), sum(len(a) + len(b) for a, b in known)
    return {
        "questions": len(rows),
        "labels of the teacher": len(told),
        **({} if kept is None else {"kept by filters": sum(example.id in kept for example, _ in rows)}),
        **accuracy([a == b for a, b in known]),
        **({"micro-F1": round(2 * hits / total, 4)} if total else {}),
    }


def noise_sentences(noise: Mapping[str, Json]) -> list[str]:
    """Return a sentence for each split on how often the teacher's labels are right, for the log."""
    told = []
    for name, counts in noise.items():
        if "," in name or not isinstance(counts, dict):
            continue
        known, labels = counts.get("accuracy, n"), counts["labels of the teacher"]
        share, bounds = counts.get("accuracy"), counts.get("accuracy, 95 % interval")
        if not isinstance(share, float) or not isinstance(bounds, list):
            told.append(f"{name}: {labels} labels by the teacher; how many are right is not known")
            continue
        low, high = (f"{100 * bound:.1f}" for bound in bounds if isinstance(bound, float))
        told.append(
            f"{name}: {known} of the {labels} labels by the teacher can be checked, and {100 * share:.1f} % of these "
            "are "
            f"right (95 % interval {low} to {high})"
        )
    return told
