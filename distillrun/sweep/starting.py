"""The checks and preparations before the first job of a sweep."""

import argparse
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from distillrun.config.compose import (
    check_permission,
    compose_first,
    permits,
    quoted,
    resolve_composed,
    sweeping,
)
from distillrun.config.permitted import AS_SHIPPED
from distillrun.config.schema import Progress
from distillrun.config.settings import Config, digest
from distillrun.config.single_run import check_experiment, composed_run
from distillrun.config.sweep_jobs import Composer, check_choices, job_overrides
from distillrun.errors import ConfigError, UnsafeError, install
from distillrun.files.folder import check_is_text, claim_folder, make_folder
from distillrun.sweep.folder import unfinished_sweep
from distillrun.sweep.job import PlannedJob, planned_job, say
from distillrun.upstream import BASIC_SWEEPER

EXTRAS = {"joblib": "joblib", "submitit": "submitit", "ray": "ray", "optuna": "optuna"}
"""A part of a plugin's name -> the extra of distillrun that installs it."""


@dataclass(frozen=True, slots=True)
class Start:
    """A sweep that may begin.

    Attributes:
        folder: its own.
        overrides: the settings of all its jobs, swept values among them.
        config: of its first job, checked.
        jobs: each that will be started; None where the sweeper chooses as it goes.
        drawn: whether it may be drawn on a terminal.
        launching: settings of the launcher in addition to those given.
    """

    folder: Path
    overrides: tuple[str, ...]
    config: Config
    jobs: Sequence[PlannedJob] | None
    drawn: bool
    launching: tuple[str, ...]


def start_of(flags: argparse.Namespace) -> Start | Config:
    """Return the sweep that begins, or the config of a single run.

    Refuses what no job could cure, before there is a folder.
    """
    where = (flags.config_name or "config", flags.config_dir)
    swept = sweeping(flags.overrides)
    others = [line for line in flags.overrides if line not in swept]
    check_experiment(flags.overrides, flags.config_dir)
    if not flags.multirun and (composed := compose_first(others, *where)).hydra.mode is not RunMode.MULTIRUN:
        return composed_run(composed, flags.overrides)
    composed = compose_first(flags.overrides, *where)
    first = resolve_composed(composed)
    check_permission(first, permits(flags.overrides))
    if first.paths.run is not None:
        raise ConfigError("paths.run is the folder of one run; name a sweep's folder with hydra.sweep.dir=FOLDER")
    _check_plugins(composed)
    overrides = _replicated(first, flags.overrides, composed)
    if int(composed.hydra.sweeper.get("n_trials", 1)) < 1:
        raise ConfigError(f"hydra.sweeper.n_trials={composed.hydra.sweeper.n_trials} makes no job; choose 1 or more")
    jobs: list[PlannedJob] | None = None
    if composed.hydra.sweeper._target_ == BASIC_SWEEPER:
        found = _checked_jobs(overrides, composed, *where)
        jobs = [planned_job(number, *one) for number, one in enumerate(found)]
    elif first.replicates > 1:
        raise ConfigError("replicates needs Hydra's basic sweeper; with another one, sweep training.seed yourself")
    else:
        check_choices(overrides, composed, *where)
    drawn = first.runtime.progress is not Progress.never
    return Start(_folder(composed, first, overrides), tuple(overrides), first, jobs, drawn, _launching(composed))


def sweep_jobs(
    overrides: Sequence[str], config_name: str, config_dir: str | None
) -> list[tuple[list[str], Config | ConfigError]]:
    """Return the settings of each job that a sweep would start, with its config, or why it would be refused.

    Raises:
        ConfigError: the sweep itself would be refused, or its sweeper chooses jobs as it goes.
    """
    check_experiment(overrides, config_dir)
    composed = compose_first(overrides, config_name, config_dir)
    if composed.hydra.sweeper._target_ != BASIC_SWEEPER:
        raise ConfigError("only the jobs of Hydra's basic sweeper are known in advance")
    whole = _replicated(resolve_composed(composed), overrides, composed)
    return _checked_jobs(whole, composed, config_name, config_dir)


def _launching(composed: DictConfig) -> tuple[str, ...]:
    """Return a folder of this sitting's own for submitit: it reads pickles there, which nobody may have put before."""
    key = "submitit_folder"
    node: Any = OmegaConf.to_container(composed.hydra.launcher, resolve=False)
    if node.get(key) != AS_SHIPPED[key]:
        return ()
    return (f"hydra.launcher.{key}={quoted(AS_SHIPPED[key].replace('%j', f'{token_hex(8)}/%j'))}",)


def _named(composed: DictConfig) -> str | None:
    """Return the folder that the user names for a sweep, if any."""
    try:
        named: str | None = composed.hydra.sweep.dir
    except InterpolationResolutionError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"hydra.sweep.dir: {reason}; write a name that holds no setting as \\${{...}}") from error
    return named


def _folder(composed: DictConfig, first: Config, overrides: Sequence[str]) -> Path:
    if named := _named(composed):
        folder = Path(named).resolve()
        check_is_text(folder, "hydra.sweep.dir")
        make_folder(folder, "hydra.sweep.dir")
        return folder
    runs, label = Path(first.paths.runs), f"{first.name}_sweep"
    check_is_text(runs.resolve(), "paths.runs")
    begun = unfinished_sweep(runs, label, overrides)
    if begun is not None:
        say(f"resuming this sweep in {begun}; hydra.sweep.dir=FOLDER starts it again elsewhere")
        return begun.resolve()
    return claim_folder(runs, f"{label}_{digest(first)[:6]}").resolve()


def _replicated(first: Config, overrides: Sequence[str], composed: DictConfig) -> list[str]:
    """Return the settings with the training seeds that `replicates` asks for, from the one that is set on."""
    if first.replicates == 1:
        return list(overrides)
    swept = [*sweeping(overrides), *(f"{key}=" for key in composed.hydra.sweeper.get("params") or {})]
    if any(line.lstrip("+").startswith("training.seed=") for line in swept):
        raise ConfigError(
            f"replicates={first.replicates} sweeps training.seed, which is swept already; drop one of them"
        )
    seed = first.training.seed
    seeds = ",".join(str(seed + number) for number in range(first.replicates))
    return [*(line for line in overrides if not line.startswith("training.seed=")), f"training.seed={seeds}"]


def _checked_jobs(
    overrides: Sequence[str], composed: DictConfig, config_name: str, config_dir: str | None
) -> list[tuple[list[str], Config | ConfigError]]:
    """Return the settings of each job with its config; a job with a wrong value fails alone, when its turn comes.

    Raises:
        UnsafeError: a job is not safe to run.
        ConfigError: there is no job, or two values are written differently and mean the same.
    """
    jobs = job_overrides(overrides, composed)
    if not jobs:
        raise ConfigError("this sweep has no jobs, since one of its values is an empty list; give that setting a value")
    hydra = [line for line in overrides if line.lstrip("+").startswith("hydra.searchpath=")]
    composer = Composer(hydra, config_name, config_dir)
    seen: dict[str, list[str]] = {}
    found: list[tuple[list[str], Config | ConfigError]] = []
    for job in jobs:
        try:
            config = composer.config(job)
        except UnsafeError:
            raise
        except ConfigError as error:
            found.append((job, error))
            continue
        found.append((job, config))
        known = digest(config)
        if known in seen:
            raise ConfigError(_same(seen[known], job))
        seen[known] = job
    return found


def _same(one: Sequence[str], other: Sequence[str]) -> str:
    differing = [" ".join(line for line in a if line not in b) for a, b in ((one, other), (other, one))]
    if not any(differing):
        return f"this sweep would run {' '.join(one)} twice; give each value once"
    return f"{differing[0]} and {differing[1]} mean the same, and would be one job of this sweep twice; drop either"


def _check_plugins(composed: DictConfig) -> None:
    """Refuse a launcher or a sweeper whose package is not installed, and say what brings it."""
    for part in ("launcher", "sweeper"):
        target = str(composed.hydra[part]._target_)
        package = ".".join(target.split(".")[:2])
        if not target.startswith("hydra_plugins.") or _is_there(package):
            continue
        extra = next((extra for name, extra in EXTRAS.items() if name in target.lower()), None)
        cure = install(extra) if extra else f"install the package that provides {package}"
        raise ConfigError(f"hydra/{part}={composed.hydra.runtime.choices[f'hydra/{part}']} is not installed; {cure}")


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False
