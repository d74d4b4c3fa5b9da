"""What the data of a run is like, in counts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from distillrun.records import Example, Json, Split, TeacherRecord


def data_card(
    examples: Mapping[Split, Sequence[Example]],
    records: Sequence[TeacherRecord] | None,
    left_out: int,
    recordings: Mapping[str, Json],
) -> dict[str, Json]:
    """Return counts of the questions, and of the rationales by kind.

    Args:
        examples: of each split.
        records: of the training examples, in their order; None where no teacher was asked.
        left_out: training examples without a rationale to learn from.
        recordings: how a recorded teacher's rows joined the training examples.
    """
    splits: dict[str, Json] = {
        split: {
            "questions": len(rows),
            "with repeated choices": sum(len(set(map(str.casefold, row.choices))) < len(row.choices) for row in rows),
        }
        for split, rows in examples.items()
    }
    card: dict[str, Json] = {"questions": splits}
    if recordings:
        card["recordings"] = dict(recordings)
    if records:
        card["training examples left out for lack of a rationale"] = left_out
        by_id = {example.id: example for example in examples["train"]}
        texts: defaultdict[str, list[tuple[str, Example, int]]] = defaultdict(list)
        for record in records:
            for rationale in record.rationales:
                label = rationale.version if rationale.kind == "factual" else "counterfactual"
                texts[label].append((rationale.text, by_id[record.example_id], rationale.supports))
        card["rationales"] = {label: _rationale_counts(rows) for label, rows in texts.items()}
    return card


def _rationale_counts(rows: Sequence[tuple[str, Example, int]]) -> dict[str, Json]:
    """Return counts of rationales of one kind, each with its example and the choice that it argues for."""
    folded = [(text.casefold(), example, choice) for text, example, choice in rows]
    named = [example.choices[choice].casefold() in text for text, example, choice in folded]
    others = [
        any(other.casefold() in text for place, other in enumerate(example.choices) if place != choice)
        for text, example, choice in folded
    ]
    return {
        "rationales": len(rows),
        "examples": len({example.id for _, example, _ in rows}),
        "mean words": round(sum(len(text.split()) for text, _, _ in rows) / len(rows), 1),
        "name their choice": round(sum(named) / len(rows), 3),
        "name another choice": round(sum(others) / len(rows), 3),
    }
