"""A few examples from the first draft to the revision, for people to read."""

from collections.abc import Sequence

from distillrun.records import Example, Json, Rationale, TeacherRecord, latest

SHOWN = 10


def stories(examples: Sequence[Example], records: Sequence[TeacherRecord] | None) -> list[dict[str, Json]]:
    """Return up to ten examples that have a rationale, evenly spaced over all of them, so that nobody picked them."""
    by_id = {example.id: example for example in examples}
    told = [record for record in records or () if record.rationales]
    count = min(SHOWN, len(told))
    chosen = [told[round(place * (len(told) - 1) / max(1, count - 1))] for place in range(count)]
    return [_story(by_id[record.example_id], record) for record in chosen]


def _story(example: Example, record: TeacherRecord) -> dict[str, Json]:
    draft, revised = latest(record, "initial"), latest(record, "revised")
    others = [one for one in record.rationales if one is not draft and one is not revised]
    return {
        "question": example.question,
        "choices": list(example.choices),
        "answer": example.answer,
        "draft": draft.text if draft else "",
        "critique": record.trace.get("critique", ""),
        "revision": revised.text if revised else "",
        "others": [_labelled(example, other) for other in others[: len(example.choices)]],
    }


def _labelled(example: Example, rationale: Rationale) -> Json:
    label = f"for {example.choices[rationale.supports]}"
    verdict = f", judged {rationale.verdict}" if rationale.verdict else ""
    return [label + verdict, rationale.text]
