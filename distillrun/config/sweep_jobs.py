"""Every job that a sweep asks for, and its config, composed once for each set of group choices."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import product
from pathlib import Path

from hydra.core.override_parser.types import Override, ValueType
from omegaconf import DictConfig, OmegaConf

from distillrun.config.compose import compose_first, conf_folder, quoted, resolve_composed
from distillrun.config.settings import Config, resolve
from distillrun.errors import ConfigError
from distillrun.upstream import apply_values, jobs_of, parsed_overrides


def job_overrides(overrides: Sequence[str], composed: DictConfig) -> list[list[str]]:
    """Return the settings of every job of a sweep, in Hydra's order.

    Args:
        overrides: as on the command line.
        composed: the first job's config, with Hydra's node: `hydra.sweeper.params` are part of a sweep.
    """
    params = [f"{key}={value}" for key, value in (composed.hydra.sweeper.get("params") or {}).items()]
    return jobs_of([one for one in parsed_overrides([*params, *overrides]) if not one.is_hydra_override()])


def check_choices(overrides: Sequence[str], composed: DictConfig, config_name: str, config_dir: str | None) -> None:
    """Compose a sweep whose jobs are not known before with each set of options that it may choose.

    Composing checks what the options say of Hydra itself; see `permitted`.

    Raises:
        ConfigError: an option is not safe, or it cannot be known which ones are chosen from.
    """
    sweeper, folders = composed.hydra.sweeper, _folders(config_dir)
    for key in sweeper.get("search_space") or {}:
        if _chooses(parsed_overrides([f"{key}=0"])[0], folders):
            raise ConfigError(f"hydra.sweeper.search_space.{key}: sweep options on the command line, {key}=choice(a,b)")
    words = [*(f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()), *overrides]
    others, chosen = [], []
    for line, one in zip(words, parsed_overrides(words), strict=True):
        if not (one.is_sweep_override() and _chooses(one, folders)):
            others.append(line)
        elif one.value_type in (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP):
            chosen.append([f"{one.get_key_element()}={value}" for value in one.sweep_string_iterator()])
        else:
            raise ConfigError(f"{line}: write the options to choose from, such as choice(a,b)")
    for options in product(*chosen):
        compose_first([*others, *options], config_name, config_dir)


def swept_together(overrides: Sequence[str], config_dir: str | None) -> list[str]:
    """Return the settings of a sweep as Hydra takes them.

    Hydra checks what is not swept against the config without what is swept. Where options of groups are swept, it would
    refuse a setting that only they have, so such settings are handed to the sweeper, which adds them to each job as
    they are written.
    """
    folders = _folders(config_dir)
    parsed = parsed_overrides(overrides)
    if not any(one.is_sweep_override() and _chooses(one, folders) for one in parsed):
        return list(overrides)
    fixed = [one for one in parsed if not one.is_sweep_override() and not _chooses(one, folders)]
    # Hydra would resolve a reference in the sweeper's own settings, where it means nothing
    handed = {str(one.input_line): one.get_key_element() for one in fixed if "${" not in str(one.input_line)}
    params = [f"{key}: {quoted(line.partition('=')[2])}" for line, key in handed.items()]
    words = [
        _as_sweep(line) if one in fixed else line
        for line, one in zip(overrides, parsed, strict=True)
        if line not in handed
    ]
    return [*words, *([f"++hydra.sweeper.params={{{', '.join(params)}}}"] if params else [])]


def _as_sweep(line: str) -> str:
    key, _, value = line.partition("=")
    return f"{key}=choice({value})"


def _folders(config_dir: str | None) -> list[Path]:
    return [conf_folder(), *([Path(config_dir)] if config_dir else [])]


def _chooses(override: Override, folders: Sequence[Path]) -> bool:
    """Return whether an override chooses an option of a group, rather than a value."""
    group = override.key_or_group
    if override.package is not None or "/" in group or override.is_delete() or override.is_hydra_override():
        return True
    return any((folder / group).is_dir() for folder in folders)


LISTED = frozenset({"generation", "evaluation"})
"""The sections that hold several options, by name."""


class Composer:
    """The configs of many jobs, each as Hydra would compose it.

    Composing takes a tenth of a second, so it is done once for each set of group choices; plain values are then put by
    Hydra's own rule into the sections that they change, where nothing else depends on these. The names in the listed
    groups are choices, too (see `composition.selected`), so whatever is set in these is composed.

    Args:
        hydra: settings of Hydra's own that decide where configs are found.
        config_name, config_dir: as in `compose_first`.
    """

    def __init__(self, hydra: Sequence[str], config_name: str, config_dir: str | None) -> None:
        self._hydra = hydra
        self._where = (config_name, config_dir)
        self._folders = _folders(config_dir)
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._bases: dict[tuple[str, ...], Config | None] = {}

    def config(self, job: Sequence[str]) -> Config:
        """Return the config that the settings of one job make. Raises ConfigError as `resolve` does."""
        groups: list[str] = []
        values: list[Override] = []
        for override in parsed_overrides(job):
            if _chooses(override, self._folders) or override.key_or_group.split(".")[0] in LISTED:
                groups.append(str(override.input_line))
            else:
                values.append(override)
        key = tuple(groups)
        if key not in self._composed:
            self._composed[key] = compose_first([*groups, *self._hydra], *self._where)
        composed, base = self._composed[key], self._base(key)
        sections = {override.key_or_group.split(".")[0] for override in values}
        if base is None or not sections <= {str(name) for name in composed}:
            return resolve_composed(apply_values(deepcopy(composed), values))
        return resolve(apply_values(OmegaConf.masked_copy(composed, sorted(sections)), values), base=base)

    def _base(self, key: tuple[str, ...]) -> Config | None:
        """Return the config before values are put in; None where a section refers to another, or a value is missing."""
        if key not in self._bases:
            composed = self._composed[key]
            settings = OmegaConf.masked_copy(composed, [str(name) for name in composed if name != "hydra"])
            text = OmegaConf.to_yaml(settings, resolve=False)
            self._bases[key] = None if "${" in text or "???" in text else resolve_composed(composed)
        return self._bases[key]
