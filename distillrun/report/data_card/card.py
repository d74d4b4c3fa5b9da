"""The data card of a run."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.records import Example, Json, Split, TeacherRecord, kind_of, repeats_choices
from distillrun.report.data_card.answers import agreement_histogram, choice_scores, own_answers, verdicts
from distillrun.report.data_card.rationales import Row, length_histogram, rationale_counts
from distillrun.text.overlap import questions_in
from distillrun.text.repeats import repeats


@dataclass(frozen=True, slots=True)
class Step:
    """The cost of a generation step.

    Attributes:
        tags: ways of elicitation.
        usage: sums over its completions, as in `usage.json`.
        asked: of those, what was asked in this run rather than found.
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
    near: Mapping[Split, Mapping[str, int]],
    noise: Mapping[str, Json] | None = None,
    cut: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """Return counts of the questions, of what each step took, and of the rationales by kind.

    Args:
        examples: of each split; train with the questions that generation added.
        records: of the training examples, in their order; None where no teacher was asked.
        left_out: training examples without a rationale to learn from.
        steps: the generation steps, by name.
        near: of each split, how many of its questions are nearly the same as one of another split.
        noise: of the teacher's labels, see `label_noise`; None where it is not known.
        cut: of which splits the student reads or writes texts cut: how many, of how many, tokens of the longest one.
    """
    card: dict[str, Json] = {"questions": _question_counts(examples, near)}
    if cut:
        card["cut texts"] = dict(cut)
    for name, step in steps.items():
        if step.counts:
            card["recordings" if "rows" in step.counts else f"new questions of {name}"] = dict(step.counts)
    if steps:
        card["steps"] = {name: _step_counts(step) for name, step in steps.items()}
    if noise:
        card["label noise"] = dict(noise)
    if not records:
        return card
    card["training examples left out for lack of a rationale"] = left_out
    texts = (rationale.text for record in records for rationale in record.rationales)
    if leaked := questions_in(texts, examples.get("test", ())):
        card["test questions in the teacher's texts"] = len(leaked)
    return card | {name: value for name, value in _written(examples["train"], records).items() if value}


def _written(examples: Sequence[Example], records: Sequence[TeacherRecord]) -> dict[str, dict[str, Json]]:
    """Return what there is to say of what the teacher wrote; an empty part has nothing to say."""
    by_id = {example.id: example for example in examples}
    kinds: defaultdict[str, list[Row]] = defaultdict(list)
    for record in records:
        for rationale in record.rationales:
            kinds[kind_of(rationale)].append(Row(rationale, by_id[record.example_id]))
    everything = [row for found in kinds.values() for row in found]
    failures = [failure for record in records for failure in record.failures]
    return {
        "rationales": {kind: rationale_counts(found) for kind, found in kinds.items()},
        "words": {kind: length_histogram(found) for kind, found in kinds.items()},
        "rationales by teacher": _counted([row.rationale.teacher for row in everything]),
        "rationales by origin": _counted([row.rationale.origin for row in everything]),
        "failures": dict(Counter(f"{failure.step}: {failure.reason}" for failure in failures)),
        "failures, one of each": {f"{one.step}: {one.reason}": one.detail for one in reversed(failures)},
        "self-evaluation": verdicts(everything),
        "the teacher's own answers": own_answers(records, by_id),
        "agreement": agreement_histogram(records),
        "choice scores": choice_scores(records, by_id),
    }


def _counted(names: Sequence[str]) -> dict[str, Json]:
    """Return how often each name occurs; empty where none is recorded."""
    return dict(Counter(name or "not told" for name in names)) if any(names) else {}


def _question_counts(
    examples: Mapping[Split, Sequence[Example]], near: Mapping[Split, Mapping[str, int]]
) -> dict[str, Json]:
    again = repeats(examples)
    return {
        split: {
            "questions": len(rows),
            "with repeated choices": sum(map(repeats_choices, rows)),
            **again[split],
            **near.get(split, {}),
        }
        for split, rows in examples.items()
    }


def _step_counts(step: Step) -> dict[str, Json]:
    failures, requests, now = (step.usage.get("failures"), step.usage.get("requests"), step.asked.get("requests"))
    told = failures.items() if isinstance(failures, dict) else ()
    reused = requests - now if isinstance(requests, int) and isinstance(now, int) else None
    return {
        "tags": ", ".join(step.tags),
        **{name: value for name, value in step.usage.items() if name != "failures"},
        "failures": ", ".join(f"{count} {reason}" for reason, count in told) or "none",
        "asked now": now,
        "reused": reused,
        "US$ now": step.asked.get("usd"),
        "found done": step.is_cached,
    }
