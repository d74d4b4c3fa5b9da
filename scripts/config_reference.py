"""The configuration's reference as Markdown: every key of every YAML, its default, type and meaning.

A default and its meaning (the comment) are the YAML's own, and its type is the constructor's; a key without a comment
takes its line from the constructor's docstring. Files are read as text, and nothing is imported.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
PACKAGE = ROOT / "distillrun"
SCHEMAS = {"training": "TrainingConfig", "runtime": "RuntimeConfig", "config": "Settings"}
"""Where the settings of what has no `_target_` are typed."""
LONGEST = 70

Row = tuple[str, str, str]
"""Dotted key, default and comment."""


def reference_pages() -> dict[str, str]:
    """Return path in docs/ -> Markdown of each page of the reference."""
    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir())
    pages = {f"reference/configuration/{group}.md": _group_page(group) for group in groups}
    pages["reference/configuration/config.md"] = _page("The primary config", [CONF / "config.yaml"], "config")
    return pages


def _group_page(group: str) -> str:
    return _page(group, sorted((CONF / group).rglob("*.yaml")), group)


def _page(title: str, files: list[Path], group: str) -> str:
    sections = "\n".join(_section(file, group) for file in files)
    source = "conf/config.yaml" if group == "config" else f"conf/{group}/"
    return f"# {title}\n\nGenerated from `{source}` and the constructors.\n\n{sections}"


def _section(file: Path, group: str) -> str:
    """Return a heading, the file's first sentences, and a table of its keys."""
    text = file.read_text(encoding="utf-8")
    name = file.relative_to(CONF / group).with_suffix("").as_posix() if file.parent != CONF else file.stem
    opening = "\n".join(_opening(text))
    target = re.search(r"^_target_: .*?(\w+)$", text, re.MULTILINE)
    owner = target[1] if target else SCHEMAS.get(group, "")
    rows = []
    for key, default, comment in keys_of(text):
        kind, meaning = _typed(owner, key.split("."), group)
        rows.append(f"| `{key}` | {_code(default)} | {_code(kind)} | {_cell(comment or meaning)} |")
    table = "\n".join(["| key | default | type | meaning |", "|---|---|---|---|", *rows]) if rows else ""
    return f"## `{name}`\n\n{_escaped(opening)}\n\n{table}\n"


def _opening(text: str) -> Iterator[str]:
    """Yield the comment lines that a file begins with."""
    for line in text.splitlines():
        if not line.startswith("#"):
            return
        if not line.startswith("# @package"):
            yield line.removeprefix("#").strip()


def keys_of(text: str) -> Iterator[Row]:
    """Yield every leaf of a YAML text, lists and empty mappings counting as leaves."""
    root = yaml.compose(text, yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        yield from _leaves(root, "", "", text.splitlines())


def _leaves(node: yaml.MappingNode, prefix: str, said: str, lines: list[str]) -> Iterator[Row]:
    """Yield the leaves of a mapping; one without a comment has its mapping's."""
    for key, value in node.value:
        is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        end = key.end_mark if is_block else value.end_mark
        after = lines[end.line][end.column :] if end.line < len(lines) else ""
        found = re.match(r":?[ ]*#[ ]*(.*)", after)
        comment = found[1] if found else said
        if isinstance(value, yaml.MappingNode) and value.value and is_block:
            yield from _leaves(value, f"{prefix}{key.value}.", comment, lines)
        elif key.value != "_target_":
            yield f"{prefix}{key.value}", _plain(value), comment


def _plain(node: yaml.Node) -> str:
    """Return a value on one line, as YAML's flow style writes it."""
    if isinstance(node, yaml.ScalarNode):
        is_text = node.tag == "tag:yaml.org,2002:str"
        return f'"{node.value}"'.replace("\n", "\\n") if is_text and node.style else node.value
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(map(_plain, node.value))}]"
    return f"{{{', '.join(f'{key.value}: {_plain(value)}' for key, value in node.value)}}}"


@cache
def _classes(folder: str) -> dict[str, ast.ClassDef]:
    """Return the classes of a folder's modules by name."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((PACKAGE / folder).rglob("*.py"))]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def _typed(owner: str, key: list[str], group: str) -> tuple[str, str]:
    """Return type and meaning of a dotted key of a class, through the classes that its parameters are typed with."""
    types, meanings = parameters(owner, group)
    kind, meaning = types.get(key[0], ""), meanings.get(key[0], "")
    if len(key) == 1 or not kind:
        return (kind, meaning) if len(key) == 1 else ("", "")
    inner = next((name for name in re.findall(r"\w+", kind) if parameters(name, group)[0]), "")
    return _typed(inner, key[1:], group)


def parameters(name: str, group: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return type and meaning of each parameter of a class's constructor, those of the classes that it extends too."""
    node = _classes(group).get(name) or _classes(".").get(name)
    if node is None:
        return {}, {}
    types: dict[str, str] = {}
    meanings: dict[str, str] = {}
    for base in node.bases:
        inherited = parameters(getattr(base, "id", ""), group)
        types |= inherited[0]
        meanings |= inherited[1]
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            types[part.target.id] = ast.unparse(part.annotation)
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            given = [*part.args.args, *part.args.kwonlyargs]
            types |= {one.arg: ast.unparse(one.annotation) for one in given if one.annotation}
    return types, meanings | dict(_told(ast.get_docstring(node) or ""))


def _told(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and meaning of what the sections Args and Attributes of a docstring describe."""
    section = re.search(r"^(?:Args|Attributes):\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    for entry in re.split(r"\n(?=    \S)", section[1]) if section else ():
        names, _, meaning = " ".join(entry.split()).partition(": ")
        for name in names.split(", "):
            yield name.strip("`"), meaning


def _code(text: str) -> str:
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return f"`` {shown} ``" if shown else ""


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it stands, with addresses and arXiv numbers as links."""
    kept = re.sub(r"([\\`*_{}\[\]<>$])", r"\\\1", text)
    kept = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", kept)
    return re.sub(r"(?<![(\w])https://[^\s;,)]+", lambda found: f"<{found[0].replace(chr(92), '')}>", kept)
