"""The private parts of Hydra, transformers, torch and argparse that are used here: the place to look after an upgrade.

`tests/test_upstream.py` names the versions that they were checked with, and fails with others.
"""

import argparse
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal import defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.core_plugins import file_config_source
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.default_element import InputDefault, ResultDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.completion_plugin import DefaultCompletionPlugin
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, flag_override

BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def flag_parser() -> argparse.ArgumentParser:
    """Return the parser of Hydra's flags; `overrides` are the words that are not flags."""
    parser = get_args_parser()
    parser.prog = "distillrun"
    return parser


def flags_of(parser: argparse.ArgumentParser) -> Collection[str]:
    """Return the flags that a parser knows, such as --help and -h."""
    return parser._option_string_actions


def subparsers_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command's own commands by name; none where it has none."""
    actions = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return {name: inner for one in actions for name, inner in one.choices.items()}


def values_of(parser: argparse.ArgumentParser, flag: str) -> list[str]:
    """Return the values that a flag takes, where they are listed."""
    action = parser._option_string_actions.get(flag)
    return [*map(str, action.choices)] if action is not None and action.choices is not None else []


def parsed_overrides(lines: Sequence[str]) -> list[Override]:
    """Return settings as Hydra reads them. Raises OverrideParseException naming the first that it cannot read."""
    return OverridesParser.create().parse_overrides(list(lines))


@contextmanager
def begun_hydra(folder: Path, added: str | Path | None = None) -> Iterator[Hydra]:
    """Start Hydra for a block, in which `hydra.compose` finds it.

    Args:
        folder: of the shipped configs.
        added: a folder of the user's own, searched after that one, as that of --config-dir is.
    """
    GlobalHydra.instance().clear()  # hydra.main leaves itself behind
    version.setbase("1.3")
    search_path = create_config_search_path(str(folder))
    if added is not None:
        search_path.prepend("command-line", f"file://{Path(added).resolve()}", SearchPathQuery(provider="schema"))
    SourcesRegistry.instance().types["file"] = FileConfigSource
    try:
        hydra = Hydra("distillrun", _ConfigLoader(search_path))
        GlobalHydra.instance().initialize(hydra)
        with _quicker_defaults():
            yield hydra
    finally:
        GlobalHydra.instance().clear()


@contextmanager
def _quicker_defaults() -> Iterator[None]:
    """Spare Hydra a config of all choices for each file that it reads, unless a default of that file refers to one."""
    own, making = "_create_interpolation_map", defaults_list._create_interpolation_map

    def made_where_needed(overrides: Any, entries: list[InputDefault], self_added: bool) -> DictConfig:
        is_needed = any(entry.is_interpolation() for entry in entries)
        return making(overrides, entries, self_added) if is_needed else DictConfig({})

    setattr(defaults_list, own, made_where_needed)
    try:
        yield
    finally:
        setattr(defaults_list, own, making)


class _ConfigLoader(ConfigLoaderImpl):
    """Puts together what the same files say once for all compositions of a process, as long as they hold the same."""

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        key = tuple((*astuple(one), *_source(repo.load_config(str(one.config_path)))) for one in defaults)
        if (known := _COMPOSED.get(key)) is not None:
            return deepcopy(known)
        composed = super()._compose_config_from_defaults_list(defaults, repo)
        if len(_COMPOSED) >= MOST_COMPOSED:
            _COMPOSED.clear()
        _COMPOSED[key] = deepcopy(composed) if key in _COMPOSED else None  # most are asked for once
        return composed


_COMPOSED: dict[Hashable, DictConfig | None] = {}
MOST_COMPOSED = 256


def _source(loaded: ConfigResult | None) -> tuple[str, ...]:
    """Return where a config comes from and what it holds; those that are registered in Python never change."""
    if loaded is None:
        return ()
    return loaded.provider, loaded.path, loaded.content if isinstance(loaded, _FileResult) else ""


@dataclass
class _FileResult(ConfigResult):
    """A config of a file, and the file's text."""

    content: str = ""


class FileConfigSource(file_config_source.FileConfigSource):  # Hydra keeps one of this name when it looks for plugins
    """A folder of configs whose files are parsed once for all compositions, as long as they hold the same."""

    def load_config(self, config_path: str) -> ConfigResult:
        file = Path(self.path, self._normalize_file_name(config_path))
        content = file.read_text(encoding="utf-8") if file.is_file() else ""
        return deepcopy(_loaded(self.provider, self.path, config_path, content))


@lru_cache(maxsize=1024)
def _loaded(provider: str, folder: str, config_path: str, content: str) -> ConfigResult:
    loaded = file_config_source.FileConfigSource(provider, folder).load_config(config_path)
    return _FileResult(**vars(loaded), content=content)


def multirun(
    hydra: Hydra, config_name: str, words: Sequence[str], job: Callable[[DictConfig], Any], checked: bool
) -> None:
    """Have Hydra's sweeper and launcher start the jobs of a sweep.

    Args:
        hydra: begun for it.
        config_name: the primary config.
        words: the settings of all jobs, swept values among them.
        job: called with the config of each, wherever the launcher runs.
        checked: the jobs have been composed before, so that the sweeper need not do so once more.
    """
    with _taken_as_legal() if checked else nullcontext():
        hydra.multirun(config_name, job, list(words))


@contextmanager
def _taken_as_legal() -> Iterator[None]:
    """Spare Hydra's own sweeper the composition of every job before the first is launched."""
    own, checking = "validate_batch_is_legal", Sweeper.validate_batch_is_legal
    setattr(Sweeper, own, lambda sweeper, batch: None)
    try:
        yield
    finally:
        setattr(Sweeper, own, checking)


def jobs_of(overrides: list[Override]) -> list[list[str]]:
    """Return the settings of every job of a sweep, in the order of Hydra's own sweeper."""
    batches = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return [list(job) for batch in batches for job in batch]


def apply_values(config: DictConfig, values: Sequence[Override]) -> DictConfig:
    """Return a composed config with plain values put in, by Hydra's own rule."""
    with flag_override(config, "struct", True), flag_override(config, "readonly", False):
        ConfigLoaderImpl._apply_overrides_to_config(list(values), config)
    return config


def settings_after(line: str, hydra: Hydra, config_name: str) -> list[str]:
    """Return the words that Hydra would complete the last word of a line of settings to."""
    return DefaultCompletionPlugin(hydra.config_loader)._query(config_name, line)


def forget_renaming(module: Any, pattern: str) -> None:
    """Have a transformers module saved under the names that it has now.

    Args:
        module: loaded with a `key_mapping` from `pattern`, which `save_pretrained` would otherwise turn back.
        pattern: the regular expression of the mapping.
    """
    kept = (own for own in module._weight_conversions if pattern not in own.source_patterns)
    module._weight_conversions = list(kept)


@contextmanager
def without_data(seen: Callable[[Any], None]) -> Iterator[None]:
    """Let torch work on tensors with shapes and no data inside the block; `seen` is given the result of every call.

    What is asked about the values of tensors is answered: no, 1 or 1.0.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if call is torch.ops.aten._local_scalar_dense.default:
                kind = args[0].dtype
                return False if kind is torch.bool else 1.0 if kind.is_floating_point else 1
            made = call(*args, **(kwargs or {}))
            seen(made)
            return made

    with FakeTensorMode(allow_non_fake_inputs=True), Watching():  # type: ignore[no-untyped-call]
        yield
