"""The generate stage: what teachers give for the training examples, step by step."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.schema import GenerationConfig, Progress
from distillrun.files.json import read_json, write_json
from distillrun.files.jsonl import read_records, write_records
from distillrun.generation.shared.few_shot import ROWS, FewShotStep
from distillrun.interfaces import AnyTeacher, ExpansionStep, GenerationStep, RecordedTeacher, Task, members_of
from distillrun.journal.context import JournaledContext
from distillrun.journal.rows import scoring_of
from distillrun.journal.usage import Usage
from distillrun.pipeline.stages.evaluate import reading_of
from distillrun.pipeline.stages.step_outputs import makes_of
from distillrun.pipeline.stages.usable import check_expanded, check_usable
from distillrun.records import Example, Json, TeacherRecord
from distillrun.text.cleaning import CLEANING

log = logging.getLogger("distillrun")

VERSION = 2
COUNTS = "counts.json"
"""How recordings joined the examples, in the artifact of a step that replays them."""

READS_ANSWERS = frozenset({"answers", "examples"})
"""What is made by steps that read what a teacher answered."""

UNHASHED = ("price_per_million", "budget")
"""Settings of a step's own teacher that change no completion."""


@dataclass(frozen=True, slots=True)
class Generating:
    """The resources that all steps of a run share.

    Attributes:
        task: how questions are written and answers read.
        teacher: the run's teacher.
        held_out: dev and test questions, which new questions must not repeat.
        generation: seed, attempts and the configs of the steps.
        progress: when bars are drawn.
    """

    task: Task
    teacher: AnyTeacher
    held_out: Sequence[Example]
    generation: GenerationConfig
    progress: Progress


def generation_stage(
    name: str, step: GenerationStep, run: Generating, upstream: Mapping[str, str], held_out: str
) -> Stage:
    """Return the stage of a step, and with it its fingerprint; nothing is asked.

    Args:
        name: of the step in the config.
        step: the step itself.
        run: what the steps share.
        upstream: stage name -> fingerprint of the examples and of the steps whose work this one is given.
        held_out: digest of the held-out questions; only an expansion depends on it.
    """
    config: dict[str, Json] = {
        "teacher": dict(run.teacher.identity()),
        "step": with_meanings(_hashed(run.generation.steps[name])),
        "seed": run.generation.seed,
        "attempts": run.generation.attempts,
        "cleaning": CLEANING,
    }
    if step.makes & READS_ANSWERS:
        config |= reading_of(run.task)
    if step.teachers:
        config["own teachers"] = [dict(teacher.identity()) for teacher in step.teachers]
    if "choice_scores" in step.makes:
        members = (one for teacher in (run.teacher, *step.teachers) for one in members_of(teacher).values())
        scoring: list[Json] = [dict(own) for one in members if (own := scoring_of(one))]
        if scoring:
            config["scoring"] = scoring
    if (rows := _shown_rows(step, run.generation.steps[name])) is not None:
        config["shown rows"] = rows
    if isinstance(step, ExpansionStep):
        config["held out"] = held_out
    return Stage(f"generate/{name}", VERSION, config, upstream)


def generate(
    store: ArtifactStore,
    stage: Stage,
    name: str,
    step: GenerationStep,
    run: Generating,
    examples: Sequence[Example],
    given: Sequence[TeacherRecord],
    asked: Usage,
    is_needed: bool = True,
) -> Artifact:
    """Run one step, or find it done. Nothing is asked twice.

    Args:
        store: where artifacts, journals and ledgers are.
        stage: of the step.
        name: of the step in the config.
        step: the step itself.
        run: what the steps share.
        examples: whose records are made.
        given: what earlier steps made of what this one needs, one record per example.
        asked: counts what is asked just now.
        is_needed: the run cannot go on where the step makes nothing that can be used.

    Raises:
        ConfigError: it is needed, and makes nothing that can be used; or the teacher cannot be asked.
    """
    context = JournaledContext(
        store.root, name, run.task, run.teacher, run.held_out, run.generation, run.progress, asked
    )

    def make(work: Path) -> None:
        if isinstance(step, ExpansionStep):
            new, filtered = step.expand(examples, context)
            log.info("generate/%s: %s", name, ", ".join(f"{count} {what}" for what, count in filtered.items() if count))
            if is_needed:
                check_expanded(name, new, dict(filtered))
            write_records(work / "examples.jsonl", new)
            write_json(work / COUNTS, dict(filtered))
        else:
            records = list(step.run(examples, given, context))
            if [record.example_id for record in records] != [example.id for example in examples]:
                raise RuntimeError(f"generation step {name} gave other records than one per example, in order")
            check_usable(name, step, makes_of(step, run.teacher), given, records, is_needed)
            records.sort(key=lambda record: record.example_id)
            write_records(work / "records.jsonl", records)
        if isinstance(run.teacher, RecordedTeacher):
            write_json(work / COUNTS, dict(run.teacher.counts(examples)))
        write_json(work / "usage.json", {**context.usage.as_json(), "failures": dict(context.usage.failures)})

    return store.get_or_make(stage, make)


def records_of(artifact: Artifact) -> dict[str, TeacherRecord]:
    """Return what a step made, by the example's id; nothing of an expansion, which makes examples."""
    file = artifact.folder / "records.jsonl"
    if not file.exists():
        return {}
    return {record.example_id: record for record in read_records(file, TeacherRecord)}


def examples_of(artifact: Artifact) -> list[Example]:
    """Return the new examples of an expansion; none of any other step."""
    file = artifact.folder / "examples.jsonl"
    return read_records(file, Example) if file.exists() else []


def usage_of(artifact: Artifact) -> dict[str, Json]:
    """Return what the completions of a step took, and its failures by reason."""
    return read_json(artifact.folder / "usage.json")


def _shown_rows(step: GenerationStep, settings: Mapping[str, Any]) -> str | None:
    """Return a digest of the rows that a step shows; None where its demonstrations are written, or it shows none."""
    if not isinstance(step, FewShotStep) or not step.prompt.demos or settings["prompt"]["demonstrations"] != ROWS:
        return None
    return digest([asdict(one) for one in step.prompt.written])


def _hashed(value: Json) -> Json:
    """Return a step's config without what changes no completion, however deep it stands."""
    if isinstance(value, dict):
        return {key: _hashed(value) for key, value in value.items() if key not in UNHASHED}
    return [_hashed(item) for item in value] if isinstance(value, list) else value
