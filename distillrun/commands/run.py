"""One experiment in a folder of its own: what `distillrun KEY=VALUE …` and `distillrun.run` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.config.settings import Config, digest
from distillrun.files.folder import claim_folder, make_folder

if TYPE_CHECKING:  # torch, which the command line loads only when a run begins
    from distillrun.pipeline.outcome import Outcome


def run(config: Config, words: Sequence[str]) -> "tuple[Outcome, Path]":
    """Run an experiment, and return what came out and its folder.

    Args:
        config: checked, of a single run.
        words: the settings that it came from, which `result.json` keeps.

    Raises:
        ConfigError: something would fail later; no folder is left behind.
    """
    from distillrun.pipeline.experiment import prepare
    from distillrun.pipeline.run import run as make

    experiment = prepare(config)
    if config.paths.run is None:
        folder = claim_folder(Path(config.paths.runs), f"{config.name}_{digest(config)[:8]}")
    else:
        folder = Path(config.paths.run)
        make_folder(folder, "paths.run")
    return make(experiment, folder, ["distillrun", *words]), folder
