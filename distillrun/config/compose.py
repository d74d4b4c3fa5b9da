"""The location of the config, and its composition by Hydra before anything runs."""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

from distillrun.config.fail_below import FAIL_BELOW
from distillrun.config.permitted import check_hydra, check_searchpath
from distillrun.config.schema import register_schema
from distillrun.config.settings import BASELINES, Config, resolve
from distillrun.errors import UnsafeError
from distillrun.names.parts import name_of, targets_in
from distillrun.records import Json
from distillrun.text.secret import check_values
from distillrun.upstream import begun_hydra, parsed_overrides

log = logging.getLogger("distillrun")


def conf_folder() -> Path:
    """Return the folder of the shipped config: inside the installed package, or next to it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def quoted(value: object) -> str:
    """Return a text as one value of Hydra's override grammar, whatever is in it; `${` refers to nothing."""
    return QuotedString(text=literal(str(value)), quote=Quote.single).with_quotes()


def literal(text: str) -> str:
    """Return what OmegaConf resolves to a text that holds `${`."""
    return re.sub(r"(\\*)\$\{", lambda match: rf"{match[1]}{match[1]}\${{", text)


_OWN_NAMES = re.compile(r"(?:[\w/@-]+\.)+(?:extra_body|chat_options)(?:\.[\w.-]+)?=")
"""Settings below which the user chooses the names, so that no config can hold them before."""


def opened(words: Sequence[str]) -> list[str]:
    """Return a command line in Hydra's grammar: where names are the user's own, they are added, not looked for."""
    return [f"++{word}" if _OWN_NAMES.match(word) else word for word in words]


_WRITTEN = ("launcher", "sweep", "sweeper")
"""What Hydra writes down of its own settings, or shows other programs; the rest is its own, or checked as words."""


def compose_first(overrides: Sequence[str], config_name: str = "config", config_dir: str | None = None) -> DictConfig:
    """Return the config, with Hydra's own node, of the first job that the overrides ask for.

    Args:
        overrides: as on the command line; of a sweep's values, the first counts.
        config_name: the primary config.
        config_dir: a folder of the user's own options.

    Raises:
        UnsafeError: the config holds a key, or settings of Hydra's own that could run code or reach elsewhere.
    """
    register_schema()
    parsed = parsed_overrides(overrides)
    named = [place for override in parsed if override.key_or_group == "hydra.searchpath" for place in _list(override)]
    check_searchpath(named)
    if config_dir is not None:
        _check_primary(config_name, [str(Path(config_dir).resolve()), *named])
    given = [line for line in map(_first, parsed) if line is not None]
    with begun_hydra(conf_folder(), config_dir):
        composed = compose(config_name, given, return_hydra_config=True)
    whole: Any = OmegaConf.to_container(composed, resolve=False)
    check_hydra(whole["hydra"], given)
    check_values({**whole, "hydra": {key: whole["hydra"].get(key) for key in _WRITTEN}})
    for key, target in targets_in({name: node for name, node in whole.items() if name != "hydra"}):
        if name_of(target) != target:
            _tell_name(key, target)
    return composed


@cache
def _tell_name(key: str, target: str) -> None:
    """Log once the name of a part that a user's own file calls by its Python path."""
    log.warning("%s=%s is the path of a module, which may move; write %s", key, target, name_of(target))


def permits(words: Sequence[str]) -> bool:
    """Return whether a command line itself lets modules of the user's own be used."""
    return any(word.lstrip("+").startswith("runtime.allow_targets=") for word in words)


def check_permission(config: Config, permitted: bool) -> None:
    """Refuse a file that lets modules be used. Raises UnsafeError unless the command line `permits` it."""
    if config.runtime.allow_targets and not permitted:
        raise UnsafeError(
            "runtime.allow_targets would let a file run any code, so it is accepted on the command line only"
        )


def _check_primary(name: str, search_path: Sequence[str]) -> None:
    """Refuse a primary config that says where Hydra finds others: it would look there before anything is checked."""
    for place in search_path:
        file = Path(place.removeprefix("file://"), f"{name}.yaml")
        if file.is_file():
            node = OmegaConf.load(file)
            if isinstance(node, DictConfig) and OmegaConf.select(node, "hydra.searchpath") is not None:
                raise UnsafeError(f"{file}: hydra.searchpath is accepted on the command line only; remove it")


def config_of(overrides: Sequence[str], config_name: str = "config", config_dir: str | None = None) -> Config:
    """Return the checked config that the overrides ask for; of a sweep, its first job's."""
    return resolve_composed(compose_first(overrides, config_name, config_dir))


def resolve_composed(composed: DictConfig) -> Config:
    """Return the checked config of one that still holds Hydra's own node."""
    settings: Any = OmegaConf.to_container(composed, resolve=False)
    choices = settings.pop("hydra")["runtime"]["choices"]
    return resolve(settings, selected(choices, composed))


def selected(choices: Mapping[str, Json], cfg: DictConfig) -> dict[str, Json]:
    """Return the option of each config group; of the groups that take lists, the names in order."""
    judging: list[Json] = [name for name in cfg.evaluation if name not in (BASELINES, FAIL_BELOW)]
    chosen: dict[str, Json] = {"generation": [*cfg.generation.steps], "evaluation": judging}
    chosen |= {group: option for group, option in choices.items() if not group.startswith(("hydra/", "text@"))}
    return dict(sorted(chosen.items()))


def sweeping(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that give several values."""
    parsed = parsed_overrides(overrides)
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
