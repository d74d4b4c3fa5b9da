"""Hydra's own settings: those that have no effect here are refused, so that none is ignored silently."""

from collections.abc import Sequence

from distillrun.errors import ConfigError
from distillrun.records import Json

UNUSED: dict[str, tuple[Json, str]] = {
    "run.dir": (".", "paths.run=FOLDER names the folder of a run"),
    "sweep.subdir": (".", "a sweep names the folder of each job by its settings"),
    "output_subdir": (None, "the folder of a run holds config.yaml, which is everything that was set"),
    "job.chdir": (False, "a run keeps the working directory it was started in; paths.… say where results go"),
    "job.name": ("distillrun", "name=NAME becomes part of the folder's name"),
    "job.config.override_dirname": (
        {"kv_sep": "=", "item_sep": ",", "exclude_keys": []},
        "a sweep names the folder of each job by its settings",
    ),
    "verbose": (False, "run.log in the folder of a run holds what it did"),
}
"""Under `hydra.`: the value that conf/config.yaml or Hydra gives, and what to do instead of setting another."""

SWEEPING = ("hydra.sweep.", "hydra.sweeper", "hydra.launcher", "hydra/sweeper", "hydra/launcher")
"""Settings that only a sweep reads begin so."""


def check_sweep_words(overrides: Sequence[str], multirun: bool) -> None:
    """Refuse what a command line says of a sweep where none is asked for. Raises ConfigError naming each word."""
    told = [line for line in overrides if line.lstrip("+").startswith(SWEEPING)]
    if told and not multirun:
        raise ConfigError("\n".join(f"{line} applies only to a sweep; add -m" for line in told))
