"""The generate stage: what the teacher gives for the training examples, step by step."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage
from distillrun.cleaning import CLEANING
from distillrun.interfaces import GenerationStep, RecordedTeacher, Task, Teacher
from distillrun.jsonl import append_record, read_journal, read_records, write_records
from distillrun.progress import Bar
from distillrun.records import Completion, Example, Json, Prompt, Record, Sampling, TeacherRecord
from distillrun.schema import Progress
from distillrun.stages.files import write_json

VERSION = 1
COUNTS = "counts.json"
"""How recordings joined the examples, in the artifact of a step that replays them."""

CHUNK = 64
"""Examples whose records reach the journal at once: what a kill can lose."""


@dataclass(frozen=True, slots=True)
class Usage(Record):
    """What a teacher was asked."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chunk(Record):
    """A line of the journal: the records of some examples, and what they cost."""

    records: tuple[TeacherRecord, ...]
    usage: Usage


class Meter:
    """A teacher that counts what it is asked."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.usage = Usage()

    def check(self, task: Task) -> list[str]:
        return self._teacher.check(task)

    def identity(self) -> Mapping[str, Json]:
        return self._teacher.identity()

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, tuple[Completion, ...]]]:
        for index, completions in self._teacher.complete(prompts, sampling):
            self.usage = Usage(
                self.usage.requests + 1,
                self.usage.prompt_tokens + sum(completion.prompt_tokens for completion in completions),
                self.usage.completion_tokens + sum(completion.completion_tokens for completion in completions),
            )
            yield index, completions


def makes_of(step: GenerationStep, teacher: Teacher | RecordedTeacher) -> frozenset[str]:
    """Return what a step makes; one that replays recordings makes what the teacher's recordings hold."""
    return step.makes or (teacher.makes if isinstance(teacher, RecordedTeacher) else frozenset())


def chosen_steps(
    steps: Mapping[str, GenerationStep], teacher: Teacher | RecordedTeacher, wanted: Collection[str]
) -> dict[str, GenerationStep]:
    """Return the steps, in their order, that make what is wanted, and what these need in turn."""
    needed = set(wanted)
    chosen = []
    for name, step in reversed(list(steps.items())):
        if makes_of(step, teacher) & needed:
            needed |= step.needs
            chosen.append(name)
    return {name: steps[name] for name in reversed(chosen)}


def generate(
    store: ArtifactStore,
    name: str,
    steps: Mapping[str, GenerationStep],
    made: Mapping[str, Artifact],
    leaf: Json,
    seed: int,
    teacher: Teacher | RecordedTeacher,
    task: Task,
    examples: Sequence[Example],
    loaded: Artifact,
    progress: Progress,
) -> Artifact:
    """Run one step, or find it done; what an interrupted run had asked is not asked again.

    Args:
        name: which of `steps` to run.
        made: the artifacts of the earlier steps.
        leaf: the config of the step.
    """
    step = steps[name]
    before = [made[other] for other in made if makes_of(steps[other], teacher) & step.needs]
    config: dict[str, Json] = {
        "teacher": dict(teacher.identity()),
        "step": leaf,
        "seed": seed,
        "cleaning": CLEANING,
    }
    upstream = {loaded.stage: loaded.fingerprint, **{artifact.stage: artifact.fingerprint for artifact in before}}

    def make(work: Path) -> None:
        journal = work / SCRATCH / "journal.jsonl"
        chunks = read_journal(journal, Chunk)
        known = [record for chunk in chunks for record in chunk.records]
        given = merged([example.id for example in examples], before)
        meter = Meter(teacher) if isinstance(teacher, Teacher) else None
        source = iter(
            step.run(examples[len(known) :], given[len(known) :], task, meter or teacher, seed)
            if len(known) < len(examples)
            else ()
        )
        spent = Usage()
        with Bar(f"generate {name}", len(examples), len(known), progress) as bar:
            while rows := tuple(islice(source, CHUNK)):
                total = meter.usage if meter else Usage()
                append_record(journal, Chunk(rows, _minus(total, spent)))
                spent = total
                bar.advance(units=len(rows))
        chunks = read_journal(journal, Chunk)
        records = [record for chunk in chunks for record in chunk.records]
        if [record.example_id for record in records] != [example.id for example in examples]:
            raise RuntimeError(f"generation step {name} gave other records than one per example, in order")
        records.sort(key=lambda record: record.example_id)
        write_records(work / "records.jsonl", records)
        if isinstance(teacher, RecordedTeacher):
            write_json(work / COUNTS, dict(teacher.counts(examples)))
        write_json(work / "usage.json", _total([chunk.usage for chunk in chunks]))

    return store.get_or_make(Stage(f"generate/{name}", VERSION, config, upstream), make)


def merged(ids: Sequence[str], artifacts: Sequence[Artifact]) -> list[TeacherRecord]:
    """Return one record per example id, in order, with what all the artifacts hold of it."""
    tables = [
        {record.example_id: record for record in read_records(artifact.folder / "records.jsonl", TeacherRecord)}
        for artifact in artifacts
    ]
    return [
        TeacherRecord(
            id_,
            tuple(rationale for table in tables for rationale in table[id_].rationales),
            {key: text for table in tables for key, text in table[id_].trace.items()},
        )
        for id_ in ids
    ]


def _minus(total: Usage, before: Usage) -> Usage:
    return Usage(
        total.requests - before.requests,
        total.prompt_tokens - before.prompt_tokens,
        total.completion_tokens - before.completion_tokens,
    )


def _total(usages: Sequence[Usage]) -> dict[str, Json]:
    return {
        "requests": sum(usage.requests for usage in usages),
        "prompt_tokens": sum(usage.prompt_tokens for usage in usages),
        "completion_tokens": sum(usage.completion_tokens for usage in usages),
    }
