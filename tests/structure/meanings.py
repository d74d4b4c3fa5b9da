"""Digests of the code that decides results, noted in meanings.json; run as a program, it notes them (scripts/meanings).

A module that changed has a higher MEANING, or a reason why equal settings still give equal results. Digests are of
syntax trees, without docstrings, comments, annotations and imports, so that moving a module changes nothing.
"""

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distillrun.names.parts import GROUPS

PACKAGE = Path(__file__).parents[2] / "distillrun"
NOTED = Path(__file__).with_name("meanings.json")

DECISIVE = (
    *(group for group in GROUPS if group != "tracking"),
    *("everyday", "language_model", "loss", "statistics", "text", "training"),
)
"""The folders under distillrun that decide results."""

_STATED = ("MEANING", "VERSION")


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known of a module.

    Attributes:
        digest: of its syntax tree.
        meaning: the sum of the versions that it states.
        why: its last change left results as they were.
    """

    digest: str
    meaning: int
    why: str = ""


def read_package(package: Path = PACKAGE) -> dict[str, Noted]:
    """Return what every decisive module is now."""
    found: dict[str, Noted] = {}
    for key, file in sorted(_modules(package)):
        if key in found:
            raise ValueError(f"two modules are called {key}; rename one of them")
        found[key] = _read(file)
    return found


def _modules(package: Path) -> Iterator[tuple[str, Path]]:
    for top in DECISIVE:
        yield from ((f"{top}/{file.stem}", file) for file in (package / top).rglob("*.py") if file.stem != "__init__")


def _read(file: Path) -> Noted:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    stated = [node for node in ast.walk(tree) if _states(node)]
    versions = [one.value for node in stated for one in ast.walk(node) if isinstance(one, ast.Constant)]
    text = json.dumps(_plain(tree))
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Noted(digest, sum(value for value in versions if type(value) is int))


def _states(node: ast.AST) -> bool:
    """Return whether a statement sets MEANING, VERSION or RESTS_ON."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in (*_STATED, "RESTS_ON") for target in targets)


def _plain(value: object) -> object:
    """Return a syntax tree as lists, equal under every version of Python that we run on."""
    if isinstance(value, list):
        return [_plain(one) for one in value if not _is_silent(one)]
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.AnnAssign):
        return ["Assign", [_plain(value.target)], _plain(value.value)]
    left_out = ("annotation", "returns", "type_comment", "type_params", "kind", "ctx")
    fields = [_plain(one) for name, one in ast.iter_fields(value) if name not in left_out]
    return [type(value).__name__, *fields]


def _is_silent(node: object) -> bool:
    """Return whether a statement changes no result: an import, a text on its own, a version."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.AST) and _states(node))


def read_noted(file: Path = NOTED) -> dict[str, Noted]:
    """Return what was noted of every module."""
    return {key: Noted(*values) for key, values in json.loads(file.read_text(encoding="utf-8")).items()}


def write_noted(noted: Mapping[str, Noted], file: Path = NOTED) -> None:
    """Note modules, a line for each, so that two changes seldom meet in one."""
    lines = [
        f"{json.dumps(key)}: {json.dumps([one.digest, one.meaning, one.why])}" for key, one in sorted(noted.items())
    ]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def unlike(noted: Mapping[str, Noted], now: Mapping[str, Noted]) -> list[str]:
    """Return the modules that are not as noted; one that was only moved or renamed is."""
    gone = {(noted[key].digest, noted[key].meaning) for key in noted.keys() - now.keys()}
    known = {key: {(one.digest, one.meaning)} for key, one in noted.items()}
    return [key for key, one in now.items() if (one.digest, one.meaning) not in known.get(key, gone)]


def unexplained(noted: Mapping[str, Noted], now: Mapping[str, Noted]) -> list[str]:
    """Return the modules that changed without a higher version; a new one counts where another is gone."""
    is_new = not {noted[key].digest for key in noted.keys() - now.keys()} - {one.digest for one in now.values()}
    return [
        key for key in unlike(noted, now) if (now[key].meaning <= noted[key].meaning if key in noted else not is_new)
    ]


def noting(noted: Mapping[str, Noted], now: Mapping[str, Noted], why: str) -> dict[str, Noted]:
    """Return what is to be noted; the reason is that of what changed without a higher version."""
    changed = set(unexplained(noted, now))
    return {
        key: Noted(one.digest, one.meaning, why if key in changed else noted[key].why if key in noted else "")
        for key, one in now.items()
    }


def main(words: Sequence[str], package: Path = PACKAGE, file: Path = NOTED) -> int:
    """Note the modules as they are; 1 where one changed, and nobody says what that means."""
    parser = argparse.ArgumentParser(
        "scripts/meanings", description="Note that the code which decides results changed."
    )
    parser.add_argument("--same", metavar="WHY", default="", help="why equal settings still give equal results")
    why: str = parser.parse_args(words).same.strip()
    noted, now = read_noted(file), read_package(package)
    if (changed := unexplained(noted, now)) and not why:
        sys.stderr.write(f"{advice(changed)}\n")
        return 1
    write_noted(noting(noted, now, why), file)
    return 0


def advice(changed: Sequence[str]) -> str:
    """Return what to do about modules that are not as noted."""
    return (
        f"{', '.join(changed)} changed. Where results change, raise MEANING (CONTRIBUTING.md, 'A change that alters"
        " results') and run scripts/meanings; where equal settings still give equal results, run"
        ' scripts/meanings --same "why", such as "a renamed variable". Commit tests/structure/meanings.json with it.'
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
