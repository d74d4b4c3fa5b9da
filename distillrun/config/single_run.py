"""The checked config of one run, from words as on the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from distillrun.config.compose import (
    check_permission,
    compose_first,
    conf_folder,
    permits,
    resolve_composed,
    sweeping,
)
from distillrun.config.hydra_settings import check_sweep_words
from distillrun.config.settings import Config
from distillrun.errors import ConfigError


def single_run(overrides: Sequence[str], config_name: str = "config", config_dir: str | None = None) -> Config:
    """Return the config of the one run that the overrides ask for.

    Raises:
        ConfigError: they ask for a sweep, a value is wrong, or a file gives a permission that it may not give.
    """
    check_experiment(overrides, config_dir)
    return composed_run(compose_first(overrides, config_name, config_dir), overrides)


def composed_run(composed: DictConfig, overrides: Sequence[str]) -> Config:
    """Return the config of the one run that was composed of some overrides. Raises as `single_run`."""
    if swept := sweeping(overrides):
        raise ConfigError(f"{swept[0]}: several values are a sweep, which needs -m; a list is written [a,b]")
    if composed.hydra.mode is RunMode.MULTIRUN:
        raise ConfigError("hydra.mode=MULTIRUN asks for a sweep, and this is about one run; leave it out")
    check_sweep_words(overrides, multirun=False)
    config = resolve_composed(composed)
    check_permission(config, permits(overrides))
    if config.replicates > 1:
        raise ConfigError(f"replicates={config.replicates} makes a sweep of one run, which needs -m")
    return config


def check_experiment(overrides: Sequence[str], config_dir: str | None) -> None:
    """Refuse a launcher or sweeper that an experiment file names: Hydra would ignore it without a word."""
    lists = [line.split("=", 1)[1].split(",") for line in overrides if line.lstrip("+").startswith("experiment=")]
    folders = [conf_folder(), *([Path(config_dir)] if config_dir else [])]
    files = [folder / "experiment" / f"{name}.yaml" for folder in folders for names in lists for name in names]
    for file in filter(Path.is_file, files):
        node: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False) or {}
        chosen = [key for entry in node.get("defaults") or [] if isinstance(entry, dict) for key in entry]
        wrong = [key.split("/", 1)[1] for key in chosen if "hydra/launcher" in key or "hydra/sweeper" in key]
        wrong += [f"hydra.{key}" for key in ("launcher",) if key in (node.get("hydra") or {})]
        if wrong:
            raise ConfigError(
                f"{file} names {wrong[0]}, which Hydra ignores in an experiment; give it on the command line, such as "
                "hydra/launcher=joblib"
            )
