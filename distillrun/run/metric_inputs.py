"""What a measure looks at, and whom it asks: from a run's settings and the fingerprints of its stages."""

from collections.abc import Collection, Mapping

from distillrun.artifacts import ArtifactStore, digest
from distillrun.interfaces import AnyTeacher, AskingMeasure, ExpansionStep, LogitTeacher, Measure, Teacher
from distillrun.run.experiment import Experiment, generating
from distillrun.run.stages.generation_run import GenerationLine
from distillrun.run.stages.measure import Measuring
from distillrun.run.stages.step_outputs import chosen_steps


def measuring(experiment: Experiment, store: ArtifactStore, name: str, stages: Mapping[str, str]) -> Measuring:
    """Return a measure of a run, about to be taken.

    Args:
        experiment: the run.
        store: where artifacts are.
        name: of the measure in the config.
        stages: the fingerprints of the stages before it, by name.
    """
    wanted = experiment.parts.measures[name]
    looked_at = ["load/test", "train", *([f"evaluate/{wanted.of}"] if wanted.of else [])]
    looked_at += [stage for stage in stages if stage.startswith(("load/train", "generate/"))]
    looked_at += [f"evaluate/{other}" for other in after(wanted)]
    reading = reference_line(experiment, store, wanted.wants).stages(stages["load/test"]).values()
    upstream = {stage: stages[stage] for stage in looked_at}
    upstream |= {f"reference/{stage.name}": stage.fingerprint for stage in reading}
    return Measuring(name, wanted, experiment.config.evaluators[name], upstream | _answering(experiment, wanted))


def after(measure: Measure) -> tuple[str, ...]:
    """Return the other measures whose findings a measure uses."""
    return measure.after if isinstance(measure, AskingMeasure) else ()


def reference_line(experiment: Experiment, store: ArtifactStore, wants: Collection[str]) -> GenerationLine:
    """Return the steps in which the run's teacher answers the test questions as far as a measure wants it."""
    steps = {name: step for name, step in experiment.parts.steps.items() if not isinstance(step, ExpansionStep)}
    chosen = chosen_steps(steps, experiment.parts.teacher, wants)
    return GenerationLine(store, steps, chosen, generating(experiment), experiment.examples["test"], "test")


def _answering(experiment: Experiment, measure: Measure) -> dict[str, str]:
    """Return whom a measure may ask or read, as digests: a name may come to mean another model."""
    parts = experiment.parts
    everyone: dict[str, AnyTeacher] = {}
    if isinstance(measure, AskingMeasure):
        everyone |= {f"judge/{name}": judge for name, judge in measure.judges.items()}
        everyone["teacher"] = parts.teacher
    if isinstance(parts.logit_teacher, LogitTeacher):
        everyone["logit_teacher"] = parts.logit_teacher
    return {name: digest(dict(one.identity())) for name, one in everyone.items() if isinstance(one, Teacher)}
