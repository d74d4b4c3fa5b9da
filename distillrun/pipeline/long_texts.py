"""The texts that are too long for a student: counted by split, and refused before any cost or cut as it is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.interfaces import PlacedTask, PromptingScorer
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.records import Example, Json, LongText, Split, TargetPair, TeacherRecord

TARGETS = "train targets"
"""The name of the texts that a student learns to write, among the splits."""


@dataclass(frozen=True, slots=True)
class CutTexts:
    """The texts of a split that a student reads or writes cut.

    Attributes:
        count: how many of them.
        of: how many there are.
        longest: tokens of the longest one.
        setting: the limit.
        truncate: where they are cut.
    """

    count: int
    of: int
    longest: int
    setting: str
    truncate: str

    def told(self, split: str) -> str:
        """Return a sentence about what is cut of a split."""
        return (
            f"{self.count:,} of {self.of:,} texts of {split} are longer than {self.setting} tokens, the longest has "
            f"{self.longest:,}; they are cut ({self.truncate})"
        )

    def as_json(self) -> dict[str, Json]:
        """Return them for the data card."""
        return asdict(self)


def told_of(cut: Mapping[str, CutTexts]) -> list[str]:
    """Return a sentence for each split of which texts are cut."""
    return [own.told(split) for split, own in cut.items()]


def cut_questions(config: Config, parts: Parts, examples: Mapping[Split, Sequence[Example]]) -> dict[str, CutTexts]:
    """Return what is cut of the questions of each split.

    Raises:
        ConfigError: a question or an answer is too long for a student that may cut neither; the row is named.
    """
    if config.until in (Until.load, Until.generate):
        return {}
    cut: dict[str, CutTexts] = {}
    problems = []
    truncate = f"student.truncate={config.student.get('truncate', 'refuse')}"
    rules = [rule for rule in parts.evaluators.values() if isinstance(rule, PromptingScorer)]
    for split, rows in examples.items():
        asked = [(place, pair) for place, example in enumerate(rows) for pair in _asked(example, parts)]
        if split != "train" and config.until in (Until.evaluate, Until.report):
            asked += [(place, rule.asked(example)) for rule in rules for place, example in enumerate(rows)]
        long = parts.student.long_texts([pair for _, pair in asked])
        if refused := [one for one in long if one.problem]:
            worst = max(refused, key=lambda one: one.tokens)
            count = len({asked[one.index][0] for one in refused})
            row = _place(rows[asked[worst.index][0]], parts)
            problems.append(
                f"{count:,} of {len(rows):,} {split} rows are too long; the longest is {row}: {worst.problem}"
            )
        elif found := _cut([asked[one.index][0] for one in long], long, len(rows), truncate):
            cut[split] = found
    if problems:
        raise ConfigError("\n".join(problems))
    return cut


def cut_targets(parts: Parts, data: TrainingData) -> dict[str, CutTexts]:
    """Return what is cut of the texts that a student learns to write: the ends of rationales, never an answer."""
    if not parts.student.writes:
        return {}
    records: Sequence[TeacherRecord | None] = data.records or [None] * len(data.train)
    pairs = [
        pair
        for example, record in zip(data.train, records, strict=True)
        for pair in parts.objective.targets(example, record, parts.task, 0)
    ]
    long = [one for one in parts.student.long_texts(pairs) if one.part == "target" and not one.problem]
    found = _cut([one.index for one in long], long, len(pairs), "the ends of rationales")
    return {TARGETS: found} if found else {}


def _cut(places: Sequence[int], long: Sequence[LongText], of: int, truncate: str) -> CutTexts | None:
    if not long:
        return None
    worst = max(long, key=lambda one: one.tokens)
    return CutTexts(len(set(places)), of, worst.tokens, worst.setting, truncate)


def _asked(example: Example, parts: Parts) -> Iterator[TargetPair]:
    """Yield what a student is asked at test time, with the longest answer."""
    query = parts.objective.query(example, parts.task)
    longest = max(range(len(example.choices)), key=lambda choice: len(example.choices[choice]), default=example.answer)
    answer = () if longest is None else parts.objective.continuation(example, longest, parts.task, "")
    yield TargetPair(query.answer, answer, "check")
    if query.explain is not None:
        yield TargetPair(query.explain, (), "check")


def _place(example: Example, parts: Parts) -> str:
    """Return where an example stands in its files, where the task knows that, or its id."""
    return parts.task.where(example.id) if isinstance(parts.task, PlacedTask) else example.id
