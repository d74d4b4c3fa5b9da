"""The commands that README, CONTRIBUTING and docs show, as bash reads them. `scripts/readme` runs them.

A fenced block says what it is: ```sh holds commands, ```console commands after "$ " with what they print, ```text
neither, and ```python, ```yaml and ```json what such a file holds, which is parsed. A row of the table "you want | say"
begins with settings. What cannot run everywhere is marked in the Markdown,
before the block or in the row:

    <!-- heavy -->              takes long even on small data
    <!-- needs: hub -->         or a gpu, a server, data, people ...: what the machine must have
    <!-- with: DIR = made/own --> what a placeholder stands for when the command is run
    <!-- file: my/part.py -->   where a file's text is written, before the commands after it run
"""

import ast
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = ("README.md", "CONTRIBUTING.md", "docs/**/*.md")
PARSERS: Mapping[str, Callable[[str], object]] = {"python": ast.parse, "yaml": yaml.safe_load, "json": json.loads}
LANGUAGES = ("sh", "console", "text", *PARSERS)
NEEDS = ("hub", "gpu", "server", "data", "people", "extra", "network")

_MARK = re.compile(r"<!-- (heavy|needs|with|file)(?:: (.*?))? -->")
_RUNS = re.compile(r"(?:distillrun|scripts/\w+)(?= |$)")


@dataclass(frozen=True, slots=True)
class Shown:
    """Commands that stand together.

    Attributes:
        place: file and line.
        text: as bash is to read it.
        is_heavy, needs: see the marks.
        values: placeholder -> what stands for it when the command is run.
        prints: what it prints, as far as that is shown.
        is_inline: it stands in a sentence: it is checked, and not run.
        file: it is no command but what this file holds.
    """

    place: str
    text: str
    is_heavy: bool = False
    needs: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    prints: str = ""
    is_inline: bool = False
    file: str = ""

    def filled(self) -> str:
        """Return the text with its placeholders filled; dots that nothing stands for are left out."""
        text = self.text
        for name, value in sorted(self.values.items(), key=lambda one: -len(one[0])):
            text = text.replace(name, value)
        return re.sub(r" …(?= |$)", "", text, flags=re.MULTILINE)

    def syntax_error(self) -> str:
        """Return what bash has against the text; empty where it has nothing, and for a file."""
        if self.file:
            return ""
        return subprocess.run(["bash", "-n"], input=self.filled(), capture_output=True, text=True, check=False).stderr

    def lines(self) -> list[list[str]]:
        """Return the words of each call of distillrun, as bash hands them over; nothing is run."""
        stubs = "".join(f"{name}() {{ :; }}\n" for name in set(re.findall(r"scripts/\w+", self.text)))
        script = (
            "PATH=/nonexistent\ncommand_not_found_handle() { :; }\ncd() { :; }\n"
            f"distillrun() {{ printf '%s\\0' \"$@\"; printf '\\036'; }}\n{stubs}{self.filled()}\n"
        )
        environment = {"PYTHONPATH": "", **os.environ}  # a recipe adds to it
        done = subprocess.run(
            ["bash", "-eu"], input=script, env=environment, capture_output=True, text=True, check=True
        )
        return [call.split("\0")[:-1] for call in done.stdout.split("\036")[:-1]]


def shown_commands(root: Path = ROOT) -> list[Shown]:
    """Return all commands of the documents, in their order. Raises ValueError where a block does not say what it is."""
    files = sorted(file for pattern in FILES for file in root.glob(pattern))
    documents = {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}
    return [shown for name, text in documents.items() for shown in _of(name, text.splitlines())]


def _of(document: str, lines: list[str]) -> Iterator[Shown]:
    """Yield the commands of a document."""
    number, marks, is_table = 0, "", False
    while number < len(lines):
        line, place = lines[number], f"{document}:{number + 1}"
        number += 1
        if line.startswith("```"):
            end = next(other for other in range(number, len(lines)) if lines[other].startswith("```"))
            yield from _block(place, line[3:].strip(), lines[number:end], marks)
            number, marks = end + 1, ""
            continue
        is_table = line.startswith("| you want | say") or (is_table and line.startswith("|"))
        marks = f"{marks}{line}" if _MARK.search(line) else marks if not line.strip() else ""
        if is_table and not line.startswith(("| you want", "|---")):
            said = re.match(r"`[^`]*`(?:[,;] `[^`]*`)*", line.split(" | ", 1)[1])
            for code in re.findall(r"`([^`]*)`", said[0]) if said else ():
                yield _marked(place, f"distillrun {code}", line)
        else:
            yield from (
                _marked(place, code, "", is_inline=True) for code in re.findall(r"`([^`]+)`", line) if _RUNS.match(code)
            )


def _block(place: str, language: str, lines: list[str], marks: str) -> Iterator[Shown]:
    if language not in LANGUAGES:
        raise ValueError(f"{place}: a block begins with ``` and one of {', '.join(LANGUAGES)}, not {language!r}")
    if language in PARSERS:
        try:
            PARSERS[language]("\n".join(lines))
        except (SyntaxError, ValueError, yaml.YAMLError) as error:
            raise ValueError(f"{place}: no {language}: {error}") from error
        for kind, name in _MARK.findall(marks):
            if kind == "file":
                yield Shown(place, "\n".join(lines) + "\n", file=name)
    elif language == "text":
        if any(_RUNS.match(line) for line in lines):
            raise ValueError(f"{place}: there is a command in a block of text")
    elif language == "console":
        commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        printed = [line for line in lines if not line.startswith("$ ")]
        yield _marked(place, "\n".join(commands), marks, prints="\n".join(printed))
    else:
        yield _marked(place, "\n".join(lines), marks)


def _marked(place: str, text: str, marks: str, prints: str = "", is_inline: bool = False) -> Shown:
    found = _MARK.findall(marks)
    needs = tuple(need for kind, told in found if kind == "needs" for need in told.split(", "))
    if unknown := set(needs) - set(NEEDS):
        raise ValueError(f"{place}: needs {', '.join(unknown)}? There are {', '.join(NEEDS)}")
    values = dict(pair.split(" = ", 1) for kind, told in found if kind == "with" for pair in told.split("; "))
    heavy = any(kind == "heavy" for kind, _ in found)
    return Shown(place, text, heavy, needs, values, prints, is_inline)
