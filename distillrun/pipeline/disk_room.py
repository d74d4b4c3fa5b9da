"""The check that the distributions which a run stores of a teacher have room on the disk, before anything is asked."""

import shutil
from pathlib import Path

from distillrun.artifacts import ArtifactStore
from distillrun.config.schema import Until
from distillrun.errors import ConfigError
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.node import Seen
from distillrun.pipeline.preflight_logits import stored_bytes


def bytes_to_store(experiment: Experiment) -> int:
    """Return about how many bytes of distributions a run stores; 0 where it stores none."""
    config, parts = experiment.config, experiment.parts
    if config.until in (Until.load, Until.generate):
        return 0
    return stored_bytes(parts.objective, parts.student, parts.task, experiment.examples["train"], config.training)


def free_bytes(folder: Path) -> int:
    """Return the room on the disk of a folder that may not be there yet."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def check_disk(experiment: Experiment) -> None:
    """Raise a ConfigError where what is stored of a teacher does not fit the disk, unless it is stored already."""
    config = experiment.config
    store = Path(config.paths.store)
    size, free = bytes_to_store(experiment), free_bytes(store)
    if size <= free or not config.runtime.check_disk or is_stored(experiment, ArtifactStore(store)):
        return
    raise ConfigError(
        f"the teacher's distributions will take about {size / 1e9:,.1f} GB, and the disk of paths.store={store} has "
        f"{free / 1e9:,.1f} GB free; say objective.teacher=live, which stores none, objective.top_k=64 where the "
        "objective can do with the likeliest ids, a paths.store on another disk, or runtime.check_disk=false to try "
        "all the same"
    )


def is_stored(experiment: Experiment, store: ArtifactStore, wanted: str = "read_logits") -> bool:
    """Return whether what a node makes is in the store, or begun, as far as that can be known before the run."""
    seen = Seen()
    for name, node in graph_of(experiment, store).items():
        stage = node.known(seen)
        if stage is None:
            return False
        if name == wanted:
            return store.find(stage) is not None or store.is_begun(stage)
        seen.stages[name] = stage
        if (found := store.find(stage)) is not None:
            seen.artifacts[name] = found
    return False
