"""The outcome of a run: what its stages made, noted as they end, and how a terminal and a tracker show it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from distillrun.artifacts import Artifact
from distillrun.config.settings import Config
from distillrun.files.json import read_json
from distillrun.journal.usage import Usage
from distillrun.pipeline.long_texts import CutTexts
from distillrun.process.environment import environment
from distillrun.records import (
    Example,
    FreeAnswer,
    Json,
    MetricResult,
    Prediction,
    Score,
    Split,
    TeacherRecord,
    as_told,
    few_choices,
    is_right,
)
from distillrun.report.data_card import label_noise
from distillrun.text.overlap import Overlap

MOSTLY_UNPARSED = 0.9
UNTAUGHT = (
    "{share:.0f} % of what the student wrote names no choice: it has not learnt to write answers. Train it longer "
    "(training.max_steps), take a pretrained one (student=t5_base), or score choices by their likelihood "
    "(evaluation=[choice_likelihood])\n"
)
UNREADABLE = (
    "{share:.0f} % of what the student wrote gives no answer that can be read: it has not learnt to write answers. "
    "Train it longer (training.max_steps), or take a pretrained one (student=t5_base)\n"
)

MOST_CHOICES = 10
"""Of a question in `predictions.jsonl`."""

COLUMNS = ("evaluator", "id", "question", "choices", "answer", "choice", "right", "text", "rationale")


def _in_words(example: Example, made: Prediction) -> dict[str, Json]:
    """Return the answers of a row in free form as texts, with the score; nothing where they are choices."""
    if not isinstance(example.answer, FreeAnswer):
        return {}
    accepted: list[Json] = [example.answer.text, *example.answer.accepted]
    score = made.choice.score if isinstance(made.choice, FreeAnswer) else 0.0
    return {"answer": as_told(example.answer), "choice": as_told(made.choice), "accepted": accepted, "score": score}


@dataclass(slots=True)
class Outcome:
    """A run on its way: every stage notes here what it made.

    Attributes:
        config: the settings of the run.
        examples: the questions of every split.
        rules: of each evaluator and measure, what it counts.
        command: the words that ask for the run on a command line.
        took_part: the chosen option of each config group that a stage uses.
        source: where the questions came from, and how their files were read.
        overlap: of the splits; None before it is known.
        cut: of which texts the student reads or writes a part alone, by their split.
        status: running, done, failed, interrupted or budget spent.
        error: why it did not end well.
        stages: the artifact of each stage, by name.
        asked: what each generation step asked in this run, rather than found in the journal.
        ledgers: what each teacher was ever asked from this store, retries and unanswered requests among it.
        taught: the training examples with those that generation added; None where nothing was generated.
        records: what the teacher gave for them.
        gold: the training questions with the answers that their files give, where the labels are the teacher's.
        answered: what the teacher answered to the questions of a split, as labels or as a baseline.
        left_out: how many training examples have nothing of the teacher to learn from.
        predictions: of each evaluator, one per test question.
        findings: what each measure found.
        scores: by name.
        baselines: who is compared with -> scores by name.
        grade: grades a teacher's answer in free form that was read before the right one was known.
        environment: versions and machine.
    """

    config: Config
    examples: Mapping[Split, Sequence[Example]]
    rules: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    took_part: dict[str, Json] = field(default_factory=dict)
    source: dict[str, Json] = field(default_factory=dict)
    overlap: Overlap | None = None
    cut: dict[str, CutTexts] = field(default_factory=dict)
    status: str = "running"
    error: str | None = None
    stages: dict[str, Artifact] = field(default_factory=dict)
    asked: dict[str, Usage] = field(default_factory=dict)
    ledgers: dict[str, Json] = field(default_factory=dict)
    taught: Sequence[Example] | None = None
    records: list[TeacherRecord] | None = None
    gold: Sequence[Example] = ()
    answered: dict[Split, Sequence[TeacherRecord]] = field(default_factory=dict)
    left_out: int = 0
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    findings: dict[str, MetricResult] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    baselines: dict[str, dict[str, Score]] = field(default_factory=dict)
    grade: Callable[[Example, TeacherRecord], TeacherRecord] = lambda _, record: record
    environment: dict[str, Json] = field(default_factory=environment)

    def known_answers(self) -> dict[Split, Sequence[Example]]:
        """Return the questions of every split, those that generation added among them, with all answers known."""
        known = {example.id: example for example in self.gold}
        train = self.taught or self.examples["train"]
        return {**self.examples, "train": [known.get(example.id, example) for example in train]}

    def label_noise(self) -> dict[str, Json]:
        """Return how often the teacher's labels are right, as far as it is known."""
        known = self.known_answers()
        answered = {split: list(map(self.grade, known[split], records)) for split, records in self.answered.items()}
        records = list(map(self.grade, known["train"], self.records)) if self.gold and self.records else None
        return label_noise(known, answered, records)

    def add_scores(self, scores: Iterable[Score]) -> None:
        """Note scores."""
        self.scores |= {score.name: score for score in scores}

    def add_tested(self, scores: Iterable[Score], who: str = "") -> None:
        """Note scores on the test questions: the student's own, or somebody's that it is compared with."""
        found = {f"test/{score.name}": replace(score, name=f"test/{score.name}") for score in scores}
        (self.baselines.setdefault(who, {}) if who else self.scores).update(found)

    def touched(self) -> frozenset[str]:
        """Return the test questions that stand in another split, too, word for word or nearly."""
        return frozenset() if self.overlap is None else self.overlap.touched("test")

    def shown(self) -> str:
        """Return the scores as lines for a terminal."""
        scores = self.all_scores()
        width = max(map(len, scores), default=0)
        lines = []
        for name, score in scores.items():
            scale, unit, form = (100, "%", ".1f") if score.unit == "share" else (1, score.unit, ".4g")
            value, low, high = (f"{scale * number:{form}}" for number in (score.value, score.low, score.high))
            lines.append(f"{name:<{width}}  {value:>6} {unit:<5}  [{low}, {high}]  n={score.n}\n")
        unparsed = scores.get("test/unparsed")
        if unparsed is not None and unparsed.value >= MOSTLY_UNPARSED:
            told = UNREADABLE if "test/score" in scores else UNTAUGHT
            lines.append(told.format(share=100 * unparsed.value))
        return "".join(lines)

    def summary(self) -> dict[str, Json]:
        """Return the flat values that a tracker shows for a run: scores with interval and n, and the status."""
        values: dict[str, Json] = {"status": self.status}
        for name, score in self.all_scores().items():
            values |= {name: score.value, f"{name}/low": score.low, f"{name}/high": score.high, f"{name}/n": score.n}
        return values | {f"fingerprint/{name}": made.fingerprint for name, made in self.stages.items()}

    def prediction_rows(self) -> list[dict[str, Json]]:
        """Return the answers of every evaluator, each with its question.

        Of more than `MOST_CHOICES` labels, a row has those that are right or answered and the likeliest others, with
        their places and log-probs among these: all of them stand in the store.
        """
        rows = []
        for name, predictions in self.predictions.items():
            for whole, said in zip(self.examples["test"], predictions, strict=True):
                example, made = few_choices(whole, said, MOST_CHOICES)
                right = is_right(example, made.choice) if made.labels is None else made.labels == example.answers
                told = {**asdict(example), **asdict(made), **_in_words(example, made)}
                rows.append({"evaluator": name, **told, "right": right})
        return rows

    def prediction_table(self) -> tuple[Sequence[str], list[list[Json]]]:
        """Return columns and rows of the answers, for a tracker."""
        return COLUMNS, [[row[column] for column in COLUMNS] for row in self.prediction_rows()]

    def all_scores(self) -> dict[str, Score]:
        """Return the dev score that training left, and the test scores."""
        if "train" not in self.stages:
            return self.scores
        dev = read_json(self.stages["train"].folder / "training.json")["dev"]
        known = (
            {key: value for key, value in dev.items() if isinstance(value, int | float)}
            if isinstance(dev, dict)
            else {}
        )
        if not known:
            return self.scores
        score = Score("dev/accuracy", known["value"], int(known["n"]), known["low"], known["high"], "share")
        return {score.name: score, **self.scores}
