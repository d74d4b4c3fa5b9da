"""The config tree mirrors the package, and every file of it composes."""

import importlib
import inspect
import typing
from functools import cache
from pathlib import Path

import pytest
from omegaconf import DictConfig

from distillrun.config.compose import compose_first
from distillrun.config.protocols import PROTOCOLS, members
from distillrun.config.target import find_class
from tests.structure.disk import (
    CONF,
    GROUPS,
    MODULES,
    PACKAGE,
    YAMLS,
    leaves,
    module_of,
    name_of,
    options,
    public_classes,
    read,
)

LEAVES = list(leaves())
LEAF_IDS = [name_of(path) for path, _ in LEAVES]
OPTIONS = list(options())
BY_GROUP = {
    group: [option for option in OPTIONS if option.startswith(f"{group}=")] for group in GROUPS if group != "scorer"
}
GROUP_MODULES = [path for path in MODULES if path.relative_to(PACKAGE).with_suffix("").parts[0] in GROUPS]


def test_there_is_something_in_every_group() -> None:
    assert {group for _, group in LEAVES} == set(GROUPS)
    assert {option.split("=")[0] for option in OPTIONS} >= {*GROUPS, "training", "runtime"}


@pytest.mark.parametrize(("path", "group"), LEAVES, ids=LEAF_IDS)
def test_a_leaf_writes_every_parameter_of_its_constructor_and_nothing_else(path: Path, group: str) -> None:
    values = read(path)
    kind = find_class(values.pop("_target_"), group)
    entries = [entry if isinstance(entry, str) else next(iter(entry)) for entry in values.pop("defaults", [])]
    brought = {entry.split("@")[1].split(".")[0] for entry in entries if "@" in entry and "override" not in entry}
    assert set(values) | brought == set(inspect.signature(kind).parameters)


@pytest.mark.parametrize(("path", "group"), LEAVES, ids=LEAF_IDS)
def test_a_leaf_that_shares_a_name_with_a_module_points_into_it(path: Path, group: str) -> None:
    module = find_class(read(path)["_target_"], group).__module__
    twin = PACKAGE / group / f"{path.stem}.py"
    assert module == (f"distillrun.{group}.{path.stem}" if twin.is_file() else module)
    assert module.startswith(f"distillrun.{group}")


@pytest.mark.parametrize("path", GROUP_MODULES, ids=name_of)
def test_a_class_that_can_be_built_has_a_yaml(path: Path) -> None:
    group = path.relative_to(PACKAGE).with_suffix("").parts[0]
    module = importlib.import_module(module_of(path))
    targets = {read(leaf)["_target_"] for leaf, of in LEAVES if of == group}
    for name in public_classes(path):
        kind = getattr(module, name)
        if not inspect.isabstract(kind) and any(_can_be_built_as(kind, protocol) for protocol in PROTOCOLS[group]):
            assert f"{group}/{name}" in targets, f"{name} has no file in conf/{group}"


def _can_be_built_as(kind: type, protocol: type) -> bool:
    """Say whether a class has a protocol's methods, and a constructor that takes values rather than other parts."""
    try:
        hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    except NameError:  # a type that is not even imported
        return False
    methods = {name for name in members(protocol) if callable(getattr(protocol, name, None))}
    return methods <= set(dir(kind)) and not any(getattr(hint, "_is_protocol", False) for hint in hints.values())


@pytest.mark.parametrize("path", YAMLS, ids=name_of)
def test_a_config_file_opens_with_a_sentence(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if not line.startswith("# @package"))
    assert first.startswith("# "), "say in one line what it is, and its source"
    assert len(first) > 20


@cache
def composed_at(place: int) -> DictConfig:
    """Return the config of the options that come at a place of their groups; one composition does for all of them."""
    return compose_first([options[place] for options in BY_GROUP.values() if place < len(options)])


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_composes(option: str) -> None:
    group, _, name = option.partition("=")
    if group == "scorer":  # stands inside a task
        node = compose_first(["task=free_form", f"scorer@task.scorer={name}"]).task.scorer
        assert node._target_ == read(CONF / group / f"{name}.yaml")["_target_"]
        return
    composed = compose_first([option]) if group not in BY_GROUP else composed_at(BY_GROUP[group].index(option))
    if (CONF / group / f"{name}.yaml", group) in LEAVES and group not in ("generation", "evaluation"):
        assert composed[group]._target_ == read(CONF / group / f"{name}.yaml")["_target_"]


@pytest.mark.parametrize("group", ["generation", "evaluation"])
def test_a_group_that_takes_lists_puts_each_name_in_its_own_place(group: str) -> None:
    names = [path.stem for path, of in LEAVES if of == group]
    assert len(names) > 1
    for order in (names, names[::-1]):
        composed = compose_first([f"{group}=[{','.join(order)}]"])
        node = composed.generation.steps if group == "generation" else composed.evaluation
        assert [name for name in node if name not in ("baselines", "fail_below")] == order
