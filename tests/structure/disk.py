"""What is on disk: the package's modules and the config's files, for the tests to run over."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from distillrun.config.protocols import PROTOCOLS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "distillrun"
CONF = ROOT / "conf"

GROUPS = tuple(PROTOCOLS)
YAMLS = sorted(CONF.rglob("*.yaml"))
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "conf" not in path.relative_to(PACKAGE).parts)


def name_of(path: Path) -> str:
    """Return a file's path inside the checkout, as a test's id."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """Return a module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree, parsed once for all tests; none may change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Any]:
    """Return what a YAML file holds, for the caller to change."""
    return deepcopy(_values(path))


@cache
def _values(path: Path) -> dict[str, Any]:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(values, dict), f"{name_of(path)} holds no mapping"
    return values


def leaves() -> Iterator[tuple[Path, str]]:
    """Yield each YAML that describes one object, and its group."""
    for path in YAMLS:
        group = path.relative_to(CONF).parts[0]
        if group in GROUPS and "_target_" in read(path):
            yield path, group


def options() -> Iterator[str]:
    """Yield each option of each group as an override, experiments among them."""
    for path in YAMLS:
        group, *rest = path.relative_to(CONF).with_suffix("").parts
        if rest and group not in ("hydra", "text"):
            yield f"{group}={'/'.join(rest)}"


def public_classes(path: Path) -> list[str]:
    """Return the public classes that a module defines."""
    return re.findall(r"^class ([A-Z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
