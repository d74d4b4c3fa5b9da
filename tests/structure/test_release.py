"""Version, changelog, citation, pins and workflows agree with each other."""

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from distillrun import __version__
from distillrun.sweep.starting import EXTRAS
from tests.structure.disk import MODULES, ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    """Return package -> version of a file of constraints."""
    lines = (ROOT / "scripts" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if not line.startswith("#"))


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_newest_dated_version_of_the_changelog_is_the_packages() -> None:
    versions = re.findall(r"^## (\d+\.\d+\.\d+) - (\S+)$", CHANGELOG, re.MULTILINE)
    assert versions
    assert versions[0][0] == __version__
    assert date.fromisoformat(versions[0][1]) <= date.today()
    cited = loaded(ROOT / "CITATION.cff")
    assert (cited["version"], str(cited["date-released"])) == versions[0]


def test_an_entry_of_a_released_version_is_one_sentence() -> None:
    released = CHANGELOG[CHANGELOG.index(f"## {__version__} ") :]
    entries = re.findall(r"^- (.*(?:\n  .*)*)", released, re.MULTILINE)
    assert len(entries) > 50
    longer = [one for one in entries if re.search(r"[.!?] [A-Z]", one.replace("**Results:** ", "")) or one[-1] != "."]
    assert not longer, "say in one sentence what is different for the user; the why belongs into the commit"


def test_a_release_gets_the_entries_of_its_version() -> None:
    def notes(tag: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([ROOT / "scripts" / "release_notes", tag], capture_output=True, text=True, check=False)

    made = notes(f"v{__version__}")
    assert made.returncode == 0
    assert made.stdout.strip() in CHANGELOG
    assert "\n## " not in made.stdout
    assert "another version" in notes("v99.0.0").stderr
    assert notes("v99.0.0").returncode == 1


def test_hooks_use_the_ruff_that_the_tests_use() -> None:
    repos = loaded(ROOT / ".pre-commit-config.yaml")["repos"]
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev", "") for repo in repos}
    assert revisions["ruff-pre-commit"] == f"v{pins('constraints.txt')['ruff']}"
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", rev) for name, rev in revisions.items() if name != "local")


def test_the_lowest_versions_are_those_that_pyproject_allows() -> None:
    allowed = [
        Requirement(found) for found in re.findall(r'^    "((?:transformers|hydra-core)[^"]*)",', PYPROJECT, re.M)
    ]
    lowest, tested = pins("constraints_lowest.txt"), pins("constraints.txt")
    assert {one.name for one in allowed} == {"transformers", "hydra-core"}
    for one in allowed:
        (floor,) = [part.version for part in one.specifier if part.operator == ">="]
        assert Version(lowest[one.name]) == Version(floor)
        assert one.specifier.contains(tested[one.name])


def test_an_extra_is_asked_for_by_a_name_that_there_is_and_without_an_index() -> None:
    sources = {
        path: path.read_text(encoding="utf-8")
        for path in (*MODULES, ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    }
    asked = {extra for text in sources.values() for extra in re.findall(r"""install\(['"](\w+)['"]\)""", text)}
    shown = {extra for text in sources.values() for extra in re.findall(r"pip install '?\"?\.\[([\w,]+)\]", text)}
    extras = tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
    assert {"gguf", "mlflow", "vllm", "quantization"} <= asked
    assert asked | {*EXTRAS.values()} | {one for extra in shown for one in extra.split(",")} <= {*extras}
    assert [str(path) for path, text in sources.items() if "distillrun[" in text] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_and_pins_what_it_uses(path: Path) -> None:
    text, workflow = path.read_text(encoding="utf-8"), loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "${{ github.event" not in text  # what strangers write is not put into a shell
    for script in re.findall(r"(?:scripts|\.ci)/\w+", text):
        assert (ROOT / script).is_file(), script


def test_every_python_that_is_promised_is_tested() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", PYPROJECT)
    matrix = loaded(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == promised
    assert f">={promised[0]}" in PYPROJECT
    assert {one["versions"] for one in matrix["include"]} == {"lowest", "newest"}
