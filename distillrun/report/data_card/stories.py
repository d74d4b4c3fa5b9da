"""A few examples from the first draft to the revision, for people to read."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from distillrun.records import Example, Json, Rationale, TeacherRecord, answer_text, as_told, find_factual

SHOWN = 10
SEED = 0


def stories(examples: Sequence[Example], records: Sequence[TeacherRecord] | None) -> list[dict[str, Json]]:
    """Return up to ten examples that have a rationale: one drawn from each tenth of them, always the same ones."""
    by_id = {example.id: example for example in examples}
    told = [record for record in records or () if record.rationales]
    count, random = min(SHOWN, len(told)), Random(SEED)
    edges = [place * len(told) // count for place in range(count)] + [len(told)] if count else []
    chosen = [told[random.randrange(low, high)] for low, high in pairwise(edges)]
    return [_story(by_id[record.example_id], record) for record in chosen]


def _story(example: Example, record: TeacherRecord) -> dict[str, Json]:
    draft, revised = find_factual(record, "initial"), find_factual(record, "revised")
    others = [one for one in record.rationales if one is not draft and one is not revised]
    critiques = [text for name, text in record.trace.items() if name == "critique" or name.startswith("critique/")]
    return {
        "question": example.question,
        "choices": list(example.choices),
        "answer": as_told(example.answer),
        "teacher's answer": as_told(record.answer),
        "agreement": record.agreement,
        "draft": draft.text if draft else "",
        "critiques": list(critiques),
        "revision": revised.text if revised else "",
        "others": [_labelled(example, other) for other in others[: len(example.choices) or SHOWN]],
    }


def _labelled(example: Example, rationale: Rationale) -> Json:
    label = f"for {answer_text(example, rationale.supports)}"
    verdict = f", judged {rationale.verdict}" if rationale.verdict else ""
    return [label + verdict, rationale.text]
