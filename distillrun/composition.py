"""Where the config is found, and what Hydra makes of an override list before it runs anything."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

from distillrun.config import BASELINES, Config, resolve
from distillrun.records import Json
from distillrun.schema import register_schema


def conf_folder() -> Path:
    """Return the folder of the shipped config: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def quoted(value: object) -> str:
    """Return a text as one value of Hydra's override grammar, whatever is in it."""
    return QuotedString(text=str(value), quote=Quote.single).with_quotes()


_OWN_NAMES = re.compile(r"(?:[\w/@-]+\.)+extra_body(?:\.[\w.-]+)?=")
"""Settings below which the user chooses the names, so that no config can hold them before."""


def opened(words: Sequence[str]) -> list[str]:
    """Return a command line in Hydra's grammar: where names are the user's own, they are added, not looked for."""
    return [f"++{word}" if _OWN_NAMES.match(word) else word for word in words]


def compose_first(overrides: Sequence[str], config_name: str = "config", config_dir: str | None = None) -> DictConfig:
    """Return the config, with Hydra's own node, of the first job that the overrides ask for.

    Args:
        overrides: as on the command line; of a sweep's values, the first counts.
        config_name: the primary config.
        config_dir: a folder of the user's own options.
    """
    register_schema()
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    search_path = [
        place for override in parsed if override.key_or_group == "hydra.searchpath" for place in _list(override)
    ]
    if config_dir is not None:
        search_path.append(f"file://{Path(config_dir).resolve()}")
    firsts = [_first(override) for override in parsed if override.key_or_group != "hydra.searchpath"]
    firsts.append(f"hydra.searchpath=[{','.join(map(quoted, search_path))}]")
    GlobalHydra.instance().clear()  # an earlier hydra.main in this process leaves itself behind
    with initialize_config_dir(str(conf_folder()), job_name="distillrun", version_base="1.3"):
        return compose(config_name, [line for line in firsts if line is not None], return_hydra_config=True)


def config_of(overrides: Sequence[str], config_name: str = "config", config_dir: str | None = None) -> Config:
    """Return the checked config that the overrides ask for; of a sweep, its first job's."""
    return resolve_composed(compose_first(overrides, config_name, config_dir))


def resolve_composed(composed: DictConfig) -> Config:
    """Return the checked config of one that still holds Hydra's own node."""
    settings = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return resolve(settings, selected(composed.hydra.runtime.choices, settings))


def selected(choices: Mapping[str, Json], cfg: DictConfig) -> dict[str, Json]:
    """Return the option of each config group; of the groups that take lists, the names in order."""
    judging: list[Json] = [name for name in cfg.evaluation if name != BASELINES]
    chosen: dict[str, Json] = {"generation": [*cfg.generation.steps], "evaluation": judging}
    chosen |= {group: option for group, option in choices.items() if not group.startswith(("hydra/", "text@"))}
    return dict(sorted(chosen.items()))


def sweeping(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that give several values."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [str(override.input_line) for override in parsed if override.is_sweep_override()]


def known_keys(overrides: Sequence[str], config_dir: str | None = None) -> dict[Any, Any]:
    """Return the tree of keys that the chosen options have, whatever is wrong with the other overrides."""
    choices = [line for line in overrides if re.match(r"[\w/]+=", line)]
    for attempt in (choices, []):
        try:
            tree = OmegaConf.to_container(compose_first(attempt, config_dir=config_dir), resolve=False)
        except Exception:
            continue
        if isinstance(tree, dict):
            return tree
    return {}


def _list(override: Override) -> list[str]:
    value = override.value()
    return [str(item) for item in value] if isinstance(value, list) else []


def _first(override: Override) -> str | None:
    """Return the override with the first value of its sweep; None where that cannot be listed (a glob, an interval)."""
    if not override.is_sweep_override():
        return override.input_line
    if override.value_type is None or override.value_type.name not in (
        "CHOICE_SWEEP",
        "SIMPLE_CHOICE_SWEEP",
        "RANGE_SWEEP",
    ):
        return None
    value = next(iter(override.sweep_string_iterator()), None)
    return None if value is None else f"{override.get_key_element()}={value}"
