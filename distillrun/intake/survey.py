"""The facts about the examples of a task that a user should see before a run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import quantiles

from distillrun.interfaces import LabelTask, Task
from distillrun.records import Example, Split, gold_choice, is_answered
from distillrun.text.overlap import overlap_of
from distillrun.text.repeats import told

SHOWN = 3
WIDTH = 400
"""Characters of a text that are shown."""
COMMON = 3
LONG = 4
"""A text of so many times the words of the 95th percentile is an outlier."""
ONE_PLACE = 0.9
"""From this share on, the right answer is always in one place."""


def survey(task: Task, splits: Mapping[Split, Sequence[Example]], threshold: float) -> Iterator[str]:
    """Yield lines: three examples, label balance or the right answers' places, overlap, lengths.

    Args:
        task: that made the examples.
        splits: its examples.
        threshold: the likeness from which two questions are nearly the same.
    """
    yield "splits: " + ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
    if isinstance(groups := task.source().get("groups"), dict):
        yield "groups: " + ", ".join(f"{name} {count}" for name, count in groups.items())
    yield from _examples(task, splits)
    labelled = [one for rows in splits.values() for one in rows if is_answered(one)]
    if isinstance(task, LabelTask):
        yield from _balance(labelled, splits["train"])
    elif labelled and labelled[0].choices:
        yield from _places(labelled)
    found = [*told(splits), *overlap_of(splits, threshold).told()]
    yield "overlap: " + ("; ".join(found) if found else "no question occurs twice, or nearly so in two splits")
    yield from _lengths(splits)


def _examples(task: Task, splits: Mapping[Split, Sequence[Example]]) -> Iterator[str]:
    train = splits["train"]
    for example in [train[n * len(train) // SHOWN] for n in range(min(SHOWN, len(train)))]:
        answers = example.answers or (() if example.answer is None else (example.answer,))
        right = ", ".join(task.answer(example, one) for one in answers) if is_answered(example) else "not known"
        yield f"example {example.id}"
        yield f"  a student reads: {_cut(task.student_question(example))}"
        if example is train[0] and task.question(example) != task.student_question(example):
            yield f"  a teacher reads: {_cut(task.question(example))}"
        yield f"  right answer:    {_cut(right)}"


def _balance(labelled: Sequence[Example], train: Sequence[Example]) -> Iterator[str]:
    """Yield how often the labels occur, and which of them no row has."""
    names = labelled[0].choices
    counts = Counter(place for one in labelled for place in _labels(one))
    if not counts:
        return
    most = ", ".join(f"{names[place]} {count / len(labelled):.1%}" for place, count in counts.most_common(COMMON))
    rarest, few = min(counts.items(), key=lambda item: (item[1], item[0]))
    least = f"{names[rarest]} ({few:,} row{'s' * (few != 1)})"
    yield f"labels: {len(names)}; most frequent: {most}; least frequent: {least}"
    absent = [name for place, name in enumerate(names) if place not in counts]
    if absent:
        yield f"labels that no row has: {_listed(absent)}"
    known = {place for one in train for place in _labels(one)}
    untaught = [name for place, name in enumerate(names) if known and place in counts and place not in known]
    if untaught:
        yield f"labels without a training row: {_listed(untaught)}"


def _labels(example: Example) -> tuple[int, ...]:
    """Return the places of the right labels: of one, or of several."""
    return example.answers or (() if example.answer is None else (gold_choice(example),))


def _places(labelled: Sequence[Example]) -> Iterator[str]:
    """Yield how often each place holds the right answer."""
    counts = Counter(gold_choice(one) for one in labelled)
    shares = ", ".join(f"{place + 1}: {counts[place] / len(labelled):.0%}" for place in sorted(counts))
    yield f"places of the right answers: {shares}"
    if counts.most_common(1)[0][1] >= ONE_PLACE * len(labelled) > 1:
        yield "  the right answer is always in one place, which a student learns: task.shuffle_choices=true"


def _lengths(splits: Mapping[Split, Sequence[Example]]) -> Iterator[str]:
    """Yield how long the questions are, and the longest of those that are far longer than the others."""
    words = {one.id: len(one.question.split()) for rows in splits.values() for one in rows}
    marks = quantiles(words.values(), n=20, method="inclusive") if len(words) > 1 else [*words.values()] * 19
    longest = max(words, key=words.__getitem__)
    yield f"words: median {marks[9]:.0f}, 95 % up to {marks[18]:.0f}, longest {words[longest]:,} ({longest})"
    if outliers := sum(count > LONG * max(marks[18], 1) for count in words.values()):
        yield f"  {outliers:,} are more than {LONG} times as long as 95 % of them"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH // 2]} … {line[-WIDTH // 2 :]}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} others" if len(names) > 8 else "")
