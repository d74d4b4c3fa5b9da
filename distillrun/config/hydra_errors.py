"""Hydra's errors about the command line or a config file, each as one line that names the nearest right word."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from yaml import YAMLError

from distillrun.config.compose import conf_folder, known_keys
from distillrun.config.guess import EXAMPLES, cure_of, option_of, owners
from distillrun.errors import ConfigError, nearest

_GROUP_VALUE = "Config group override must be"


def is_complaint(error: BaseException) -> bool:
    """Return whether an exception means that the config cannot be composed, rather than that something crashed."""
    return isinstance(error, HydraException | YAMLError) or str(error).startswith(_GROUP_VALUE)


def explain(error: BaseException, overrides: Sequence[str], config_dir: str | None = None) -> ConfigError:
    """Return a complaint in our words.

    Args:
        error: raised while composing.
        overrides: those of the command line.
        config_dir: a folder of the user's own options.
    """
    text = str(error)
    if isinstance(error, OverrideParseException):
        return ConfigError(
            f"{error.override}: not understood; write KEY=VALUE, and quote special characters: KEY=\"'a, b'\""
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return ConfigError(_unknown_option(error.missing_cfg_file, error.options, config_dir))
    if text.startswith(_GROUP_VALUE):
        return ConfigError(_not_an_option(overrides, config_dir))
    if isinstance(error, YAMLError):
        return ConfigError(" ".join(text.split()))
    return ConfigError(_wrong_key_or_value(f"{text}\n{error.__cause__ or ''}", overrides, config_dir))


def suggest(key: str, tree: Mapping[Any, Any]) -> str:
    """Return " (did you mean ...?)" with the nearest key of the tree, or else the settings at that place."""
    whole = tree
    if not key.startswith("hydra"):  # Hydra's settings are not settings of a run
        tree = {name: value for name, value in tree.items() if name != "hydra"}
    node: Any = tree
    path: list[str] = []
    for part in key.split("."):
        known = _settings(node)
        close = [part] if part in known else get_close_matches(part, known, n=1, cutoff=0.6)
        if not close:
            break
        path.append(close[0])
        node = node[close[0]]
    else:
        return f" (did you mean {'.'.join(path)}?)"
    # a right place with a wrong setting is answered by what the place has, anything else by the nearest key anywhere
    last = key.rpartition(".")[2]
    inside = f"{path[0]}." if path else ""
    paths = [other for other in _paths(tree) if get_close_matches(last, [other.rpartition(".")[2]], cutoff=0.8)]
    elsewhere = get_close_matches(key, [other for other in paths if other.startswith(inside)], n=1, cutoff=0.0)
    if elsewhere:
        return f" (did you mean {elsewhere[0]}?)"
    place = ".".join(path) or "the config"
    group = place.replace(".", "/")
    option = whole.get("hydra", {}).get("runtime", {}).get("choices", {}).get(group)
    named = f"{group}={option}" if option else place
    inside = ", ".join(_settings(node))
    return f"; {named} has the settings {inside}" if inside else f"; {named} has no settings"


def _wrong_key_or_value(text: str, overrides: Sequence[str], config_dir: str | None) -> str:
    file = _find(r"^In '([^']+)'", text)
    place = f"{file}.yaml: " if file else ""
    key = _find(r"use \+([^=\s]+)=", text) or _find(r"full_key: (\S+)", text) or _find(r"override '([^']+)'", text)
    if file and key and "/" in file and key == file.split("/")[0]:
        return f"{place}it changes other groups, so it must open with '# @package _global_'"
    full_key = _find(r"full_key: (\S+)", text)
    if key and full_key and full_key.startswith(f"{key}."):  # a wrong name inside the value
        key = full_key
    if key and re.search(r"not in '|not in struct|No match in the defaults list", text):
        given = next((line.partition("=")[2] for line in overrides if line.lstrip("+").startswith(f"{key}=")), "")
        hint = cure_of(key) or suggest(key, known_keys(overrides, config_dir))
        return f"{place}there is no {key}{hint}{'' if hint.endswith('?)') else owners(key, given, config_dir)}"
    value = re.search(
        r"^(Value '.*|Invalid value '(.*)', expected one of \[(.*)\]|field '.*|Cannot convert .*)$", text, re.M
    )
    if value:
        hint = nearest(value[2], value[3].split(", ")) if value[2] else ""
        asked = _find(r"merging override (.*)", text) or key
        return f"{place}{asked}: {value[1][0].lower()}{value[1][1:]}{hint}"
    return " ".join(text.split("\nTo append")[0].split())


def _unknown_option(missing: str, options: Sequence[str] | None, config_dir: str | None) -> str:
    group, _, option = missing.rpartition("/") if missing.startswith("hydra/") else missing.partition("/")
    if not option and not missing.endswith("/"):
        return f"there is no primary config {missing}.yaml"
    known = sorted({*_options(group, config_dir), *(options or ())})
    hint = option_of(option, known)
    if group in EXAMPLES and "/" in option:
        hint = f"; a checkpoint is a setting of its own: {group}={EXAMPLES[group]} {group}.checkpoint={option}"
    return f"there is no {group}={option}{hint}; {group} is one of: {', '.join(known) or 'nothing yet'}"


def _not_an_option(overrides: Sequence[str], config_dir: str | None) -> str:
    for line in overrides:
        group, _, value = line.lstrip("+").partition("=")
        known = _options(group, config_dir)
        if known and re.fullmatch(r"null|true|false|[\d.e+-]+|\{.*\}", value):
            return f"there is no {group}={value}; {group} is one of: {', '.join(known)}"
    return "a config group takes the name of an option, or a list of names"


def _options(group: str, config_dir: str | None) -> list[str]:
    folders = [root / group for root in (conf_folder(), Path(config_dir or conf_folder()))]
    return sorted({str(f.relative_to(folder).with_suffix("")) for folder in folders for f in folder.rglob("*.yaml")})


def _settings(node: Any) -> list[str]:
    """Return the keys that a user may set."""
    return [key for key in map(str, node) if not key.startswith("_")] if isinstance(node, Mapping) else []


def _paths(node: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every key."""
    for key in _settings(node):
        here = f"{path}.{key}" if path else key
        yield here
        yield from _paths(node[key], here)


def _find(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None
