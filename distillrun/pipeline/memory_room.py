"""The memory that the training of a run takes at its peak, and the check that the device has it, before any cost."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.artifacts import ArtifactStore, digest
from distillrun.config.schema import Until
from distillrun.config.settings import plain
from distillrun.errors import ConfigError
from distillrun.files.disk import size_text
from distillrun.interfaces import OutlinedStudent, SizedTeacher, requirements_of
from distillrun.pipeline.disk_room import is_stored
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.preflight_training import LARGE
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.process.memory import free_bytes
from distillrun.process.runtime import pick_device
from distillrun.records import Example

if TYPE_CHECKING:
    from distillrun.training.memory import TrainingMemory

log = logging.getLogger("distillrun")

OFF = 0.2
"""The share by which an estimate may be off, see docs/results/memory.md."""

_found: dict[str, "TrainingMemory | None"] = {}
"""The estimates of this process: the jobs of a sweep mostly share one."""


def memory_to_train(experiment: Experiment, data: TrainingData | None = None) -> "TrainingMemory | None":
    """Return about how many bytes the training takes at its peak; None where that is not known.

    It is known for students that write and learn texts; what an architecture asks about the values of tensors may
    forbid to run it without any.

    Args:
        experiment: whose student is trained.
        data: what it is trained on; None = the teacher has not been asked for all of it.
    """
    config, student = experiment.config, experiment.parts.student
    if config.until in (Until.load, Until.generate, Until.read_logits) or not isinstance(student, OutlinedStudent):
        return None
    if not student.writes or not config.training.max_steps:
        return None
    settings = plain(config)
    key = digest(
        [
            {name: settings[name] for name in ("student", "objective", "training", "task")},
            str(pick_device(config.runtime.device)),
            _extent(data or experiment.examples["train"]),
        ]
    )
    if key not in _found:
        _found[key] = _estimate(experiment, student, data or experiment.examples["train"])
    return _found[key]


def _extent(data: TrainingData | Sequence[Example]) -> list[int]:
    """Return figures that differ where texts have other lengths: examples, and characters of their rationales."""
    if not isinstance(data, TrainingData):
        return [len(data)]
    texts = [rationale.text for record in data.records or () for rationale in record.rationales]
    return [len(data.train), len(texts), sum(map(len, texts))]


def _estimate(
    experiment: Experiment, student: OutlinedStudent, data: TrainingData | Sequence[Example]
) -> "TrainingMemory | None":
    from distillrun.language_model.transformer import TransformerModel
    from distillrun.pipeline.largest_batch import largest_batches
    from distillrun.training.memory import training_memory

    config, parts = experiment.config, experiment.parts
    needed = requirements_of(parts.objective)
    on_gpu = pick_device(config.runtime.device).type == "cuda"
    try:
        model = student.outline()
        if not isinstance(model, TransformerModel):
            return None
        batches = largest_batches(model, parts.objective, parts.task, data, config.training)
        found = training_memory(model, batches, config.training, needed.hidden, on_gpu)
    except Exception as error:  # architectures and objectives of others may do what tensors without data cannot
        log.debug("the memory of the training is not known: %s", error)
        return None
    if needed.teacher == "reference":
        return replace(found, teacher=found.weights)
    if needed.teacher == "live" and isinstance(parts.logit_teacher, SizedTeacher):
        return replace(found, teacher=parts.logit_teacher.weight_bytes() or 0)
    return found


def check_memory(experiment: Experiment) -> None:
    """Raise a ConfigError where a training cannot fit the memory of its device, unless the student is trained already.

    Small students are not looked at: their training fits wherever Python does.
    """
    config, student = experiment.config, experiment.parts.student
    weights = student.weights()
    if not config.runtime.check_memory or weights is None or weights < LARGE:
        return
    device = pick_device(config.runtime.device)
    free = free_bytes(device)
    if free is None or is_stored(experiment, ArtifactStore(Path(config.paths.store)), "train"):
        return
    found = memory_to_train(experiment)
    if found is None or found.peak <= free:
        return
    told = f"the training takes about {memory_text(found.sizes())}, and {device} has {size_text(free)} free"
    if found.peak * (1 - OFF) <= free:
        log.warning("%s; if it is stopped for that, lower training.micro_batch_tokens", told)
        return
    raise ConfigError(
        f"{told}; lower training.micro_batch_tokens (now {config.training.micro_batch_tokens}), set "
        "student.gradient_checkpointing=true, training.precision=bf16, training.optimizer=adafactor or student.lora, "
        "choose a smaller student, or set runtime.check_memory=false to try all the same"
    )


def memory_text(sizes: Mapping[str, int]) -> str:
    """Return the peak of a training's memory, and what it is made of, see `TrainingMemory.sizes`."""
    parts = ", ".join(f"{name} {size_text(size)}" for name, size in sizes.items() if size and name != "peak")
    return f"{size_text(sizes['peak'])} of memory ({parts})"
