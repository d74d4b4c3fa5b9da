"""Every job that a sweep asks for, and its config, composed once for each set of group choices."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, flag_override

from distillrun.composition import compose_first, conf_folder, resolve_composed
from distillrun.config import Config


@dataclass(frozen=True, slots=True)
class Asked:
    """One job: the settings of its own, as Hydra hands them to it, and the config that they make."""

    overrides: tuple[str, ...]
    config: Config


def job_overrides(overrides: Sequence[str], composed: DictConfig) -> list[list[str]]:
    """Return the settings of every job of a sweep, in Hydra's order.

    Args:
        overrides: as on the command line.
        composed: the first job's config, with Hydra's node: `hydra.sweeper.params` are part of a sweep.
    """
    parser = OverridesParser.create()
    params = [f"{key}={value}" for key, value in (composed.hydra.sweeper.get("params") or {}).items()]
    given = [one for one in parser.parse_overrides([*params, *overrides]) if not one.is_hydra_override()]
    batches = BasicSweeper.split_arguments(given, max_batch_size=None)
    return [list(job) for batch in batches for job in batch]


def jobs_of(
    jobs: Sequence[Sequence[str]], hydra: Sequence[str], config_name: str, config_dir: str | None
) -> Iterator[Asked]:
    """Yield every job with its config, which is what Hydra would compose for it.

    Composing takes a tenth of a second, so it is done once for each set of group choices; plain values are then put in
    by Hydra's own rule.

    Args:
        jobs: the settings of each.
        hydra: settings of Hydra's own that decide where configs are found.
        config_name, config_dir: as in `compose_first`.
    """
    parser = OverridesParser.create()
    composed: dict[tuple[str, ...], DictConfig] = {}
    for job in jobs:
        parsed = parser.parse_overrides(list(job))
        groups = tuple(str(one.input_line) for one in parsed if _chooses(one, config_dir))
        values = [one for one in parsed if not _chooses(one, config_dir)]
        if groups not in composed:
            composed[groups] = compose_first([*groups, *hydra], config_name, config_dir)
        config = deepcopy(composed[groups])
        with flag_override(config, "struct", True), flag_override(config, "readonly", False):
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
        yield Asked(tuple(job), resolve_composed(config))


def _chooses(override: Override, config_dir: str | None) -> bool:
    """Return whether an override chooses an option of a group, rather than a value."""
    group = override.key_or_group
    if override.package is not None or "/" in group or override.is_delete() or override.is_hydra_override():
        return True
    folders = [conf_folder(), *([Path(config_dir)] if config_dir else [])]
    return any((folder / group).is_dir() for folder in folders)
