"""Small whole runs for tests."""

from copy import deepcopy
from pathlib import Path

import pytest

from distillrun.config.settings import Config
from distillrun.config.sweep_jobs import Composer
from distillrun.pipeline.experiment import Experiment, prepare
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.result import result_of
from distillrun.pipeline.run import run
from distillrun.pipeline.run_folder import RunFolder
from distillrun.records import Json

SMALL = (
    "tracking=jsonl",
    "runtime.progress=never",
    "runtime.device=cpu",
    "task.limit=24",
    "training.max_steps=6",
    "training.examples_per_step=4",
    "training.warmup_steps=1",
    "training.dev_new_tokens=4",
    "training.log_every=2",
    "evaluation.generated_answer.answer_tokens=4",
    "evaluation.generated_answer.explanation_tokens=4",
)

_COMPOSER = Composer([], "config", None)


def composed(*overrides: str) -> Config:
    """Return a config as `config_of` does; what is composed for one run is not composed again for the next."""
    return deepcopy(_COMPOSER.config(overrides))


def experiment(store: Path, *overrides: str) -> Experiment:
    """Return a checked experiment of a few steps on a few everyday questions."""
    return prepare(composed(*SMALL, f"paths.store={store}", *overrides))


def run_small(folder: Path, *overrides: str, store: Path | None = None, page: bool = False) -> dict[str, Json]:
    """Run it into a folder; the store is inside unless one is given."""
    return result_of(ran(experiment(store or folder / "store", *overrides), folder, page))


def scored(store: Path, *overrides: str) -> Experiment:
    """Return a checked experiment whose student writes nothing."""
    words = [word for word in SMALL if not word.startswith("evaluation.")]
    return prepare(composed(*words, "evaluation=[choice_likelihood]", f"paths.store={store}", *overrides))


def run_scored(folder: Path, *overrides: str, store: Path, page: bool = False) -> dict[str, Json]:
    """Run one whose student writes nothing."""
    return result_of(ran(scored(store, *overrides), folder, page))


def ran(prepared: Experiment, folder: Path, page: bool = False) -> Outcome:
    """Run an experiment into a new folder and return what came out.

    The charts of its page take longer than all the rest, so they are drawn only where a test looks at the `page`.
    """
    folder.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        if not page:
            patch.setattr(RunFolder, "write_report", lambda *_: None)
        return run(prepared, folder)


def student_bytes(folder: Path) -> bytes:
    """Return the weights of the run's student."""
    return (folder / "student" / "model.safetensors").read_bytes()
