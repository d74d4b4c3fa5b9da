"""Hydra's own settings: those that mean nothing here are refused, so that none is ignored without a word."""

from collections.abc import Iterator, Sequence

from omegaconf import DictConfig, OmegaConf

from distillrun.errors import ConfigError
from distillrun.records import Json

UNUSED: dict[str, tuple[Json, str]] = {
    "run.dir": (".", "paths.run=FOLDER names the folder of a run"),
    "sweep.subdir": (".", "a sweep names the folder of each job by its settings"),
    "output_subdir": (None, "the folder of a run holds config.yaml, which is everything that was set"),
    "job.chdir": (False, "a run stays in the folder where it was started; paths.… say where results go"),
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


def check_hydra(composed: DictConfig, overrides: Sequence[str], multirun: bool) -> None:
    """Refuse what is set under `hydra.` and would do nothing.

    Args:
        composed: a config with Hydra's own node.
        overrides: of the command line.
        multirun: whether a sweep is asked for.

    Raises:
        ConfigError: naming every such setting.
    """
    problems = [*_unused(composed), *([] if multirun else _without_sweep(overrides))]
    if problems:
        raise ConfigError("\n".join(problems))


def _unused(composed: DictConfig) -> Iterator[str]:
    for key, (shipped, instead) in UNUSED.items():
        value = OmegaConf.select(composed.hydra, key)
        plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        if plain != shipped:
            yield f"hydra.{key}={plain} is not used: {instead}"


def _without_sweep(overrides: Sequence[str]) -> Iterator[str]:
    for line in overrides:
        if line.lstrip("+").startswith(SWEEPING):
            yield f"{line} counts for a sweep alone, which needs -m"
