"""A key that is given where a setting belongs is refused at every entrance, and is written and shown nowhere."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from distillrun.cli import main
from distillrun.config.compose import compose_first, resolve_composed
from distillrun.errors import UnsafeError
from distillrun.text.secret import check_values, hide, secrets_in
from tests.structure.disk import CONF, YAMLS

CANARY = "sk-proj-c4n4ryC4N4RYc4n4ryC4N4RY"
PASSWORD = "c4n4ryPassw0rd"
HELD = "h3ldByTheEnvironment"

FORMS = (
    CANARY,
    "sk-ant-api03-c4n4ryc4n4ryc4n4ry",
    "sk-c4n4ry0123456789",
    "sk-canarycanarycanary",
    "hf_c4n4ryC4N4RYc4n4ryC4N4RYc4n4ryC4",
    "ghp_c4n4ryC4N4RYc4n4ryC4N4RYc4n4ryC4N4",
    "github_pat_11C4N4RY0c4n4ryC4N4RYc4n4ry",
    "glpat-c4n4ryC4N4RYc4n4ry",
    "AKIAC4N4RYC4N4RYC4N4",
    "xoxb-123456789012-c4n4ryC4N4RY",
    "AIzaSyC4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n",
    "gsk_c4n4ryC4N4RYc4n4ryC4N4RYc4n4ryC4N4",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNG40cnkifQ.c4n4ryC4N4RY",
    "Bearer c4n4ryC4N4RYc4n4ry",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    f"https://user:{PASSWORD}@host/v1",
    f"postgresql://user:{PASSWORD}@host/db",
    f"https://:{PASSWORD}@host/v1",
    "https://c4n4ryC4N4RYc4n4ryC4N4RY@host/v1",
    f"https://host/v1?key={PASSWORD}",
    f"https://host/v1?a=b&api_key={PASSWORD}",
    f"https://host/v1?X-Amz-Signature={PASSWORD}",
    f"host=h user=u password={PASSWORD}",
)

HARMLESS = (
    "sk-learn",
    "sk-learn-2024-model",
    "sklearn.linear_model",
    "google/flan-t5-small",
    "sentence-transformers/all-MiniLM-L6-v2",
    "Qwen/Qwen3-0.6B-Base",
    "hf_transfer",
    "hf-internal-testing/tiny-random-T5",
    "meta-llama/Llama-3.1-8B-Instruct@0e9e39f249a16976918f6564b8830bc894c89659",
    "https://api.openai.com/v1",
    "http://127.0.0.1:8000/v1",
    "http://localhost:8000/model@main",
    "git@github.com:someone/else.git",
    "sqlite:///mlflow.db",
    "postgresql://host/db",
    "postgresql://user@host/db",
    "the monkey: banana, 8 keys and a token of love",
    "Question: where is the key=value pair?",
    "/home/me/sk-data/keys/2024",
    "a" * 20000,
    "ghost-in-the-machine-learning-model",
    "OPENAI_API_KEY",
    "task-arithmetic-1234567890",
    "desk-1234567890abc",
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", HELD)
    return tmp_path


@pytest.mark.parametrize("text", FORMS)
def test_a_key_is_recognised_and_hidden(text: str) -> None:
    assert secrets_in(text)
    assert secrets_in(f"teacher.model={text}")
    assert "c4n4ry" not in hide(f"before {text} after").lower()
    with pytest.raises(UnsafeError, match=r"teacher\.model holds what looks like a key") as refused:
        check_values({"teacher": {"model": text}})
    assert "c4n4ry" not in str(refused.value).lower()


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_key_passes(text: str) -> None:
    assert not secrets_in(text)
    assert hide(text) == text


def test_what_a_variable_holds_is_a_key_whatever_it_looks_like() -> None:
    assert secrets_in(f"my-{HELD}-model") == [HELD]
    assert hide(f"my-{HELD}-model") == "my-[hidden]-model"


def test_a_short_value_of_a_variable_is_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "none")
    monkeypatch.setenv("PASSWORDLESS", "a-long-enough-value")
    assert not secrets_in("none, a-long-enough-value")


def test_no_shipped_text_is_taken_for_a_key() -> None:
    assert YAMLS
    for path in YAMLS:
        check_values(yaml.safe_load(path.read_text(encoding="utf-8")))
    for path in [*CONF.parent.glob("*.md"), *(CONF.parent / "docs").glob("*.md")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not secrets_in(line), line


PLACES: dict[str, tuple[list[str], Mapping[str, object]]] = {
    "a key for the name of a variable": (
        [f"teacher.api_key_env={CANARY}"],
        {"teacher": {"api_key_env": CANARY}},
    ),
    "a key without a form": (
        ["teacher.api_key_env=c4n4ryc4n4ryc4n4ry"],
        {"teacher": {"api_key_env": "c4n4ryc4n4ryc4n4ry"}},
    ),
    "a key in capitals": (["teacher.api_key_env=C4N4RYC4N4RY"], {"teacher": {"api_key_env": "C4N4RYC4N4RY"}}),
    "an address with a password": (
        [f"teacher.base_url='https://user:{PASSWORD}@host/v1'"],
        {"teacher": {"base_url": f"https://user:{PASSWORD}@host/v1"}},
    ),
    "an address with a query": (
        [f"teacher.base_url='https://host/v1?key={PASSWORD}'"],
        {"teacher": {"base_url": f"https://host/v1?key={PASSWORD}"}},
    ),
    "the model": ([f"teacher.model={CANARY}"], {"teacher": {"model": CANARY}}),
    "the revision": ([f"teacher.revision={CANARY}"], {"teacher": {"revision": CANARY}}),
    "an extra field": (
        [f"+teacher.extra_body.key={CANARY}"],
        {"teacher": {"extra_body": {"key": CANARY}}},
    ),
    "what the environment holds": ([f"teacher.model=x-{HELD}"], {"teacher": {"model": f"x-{HELD}"}}),
    "read from the environment": (
        ["teacher.model='${oc.env:OPENAI_API_KEY}'"],
        {"teacher": {"model": "${oc.env:OPENAI_API_KEY}"}},
    ),
    "read with a default": (
        ["teacher.model='${oc.env:OPENAI_API_KEY,none}'"],
        {"teacher": {"model": "a ${oc.env:OPENAI_API_KEY,none}"}},
    ),
    "read by a computed name": (
        ["name=OPENAI_API_KEY", "teacher.model='${oc.env:${name}}'"],
        {"name": "OPENAI_API_KEY", "teacher": {"model": "${oc.env:${name}}"}},
    ),
    "read by a computed resolver": (
        ["name=env", "teacher.model='${oc.${name}:OPENAI_API_KEY}'"],
        {"name": "env", "teacher": {"model": "${oc.${name}:OPENAI_API_KEY}"}},
    ),
    "a list": ([f"tracking.tags=[a,{CANARY}]"], {"tracking": {"tags": ["a", CANARY]}}),
    "the folder of a sweep": ([f"hydra.sweep.dir={CANARY}"], {"hydra": {"sweep": {"dir": CANARY}}}),
    "a prompt": ([f"+text.x={CANARY}"], {"text": {"x": CANARY}}),
    "a name": ([f"+teacher.extra_body.{CANARY}=1"], {"teacher": {"extra_body": {CANARY: 1}}}),
}
API = ["teacher=api", "teacher.base_url=http://127.0.0.1:9/v1", "teacher.model=m", "tracking=jsonl", "until=load"]
USES = {
    "run": [],
    "sweep": ["-m", "training.seed=0,1"],
    "search": ["-m", "hydra/sweeper=optuna_tpe", "training.seed=choice(0,1)"],
    "plan": ["plan"],
    "plan of a sweep": ["plan", "-m", "training.seed=0,1"],
    "cfg": ["--cfg", "job", "--resolve"],
    "info": ["--info", "config"],
}


def leaks(folder: Path, *said: str) -> list[str]:
    """Return where a part of a key stands: what was printed, names of files, or what they hold, byte by byte."""
    keys = (CANARY, PASSWORD, HELD, "c4n4ry", "C4N4RY")
    found = [text for text in said if any(key in text for key in keys)]
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        found += [str(path) for key in keys if key in path.name or key.encode() in content]
    return found


def check_refused(folder: Path, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    code = main(words)
    told = capfd.readouterr()
    assert code == 2, told
    assert "Traceback" not in told.err
    assert sorted(folder.rglob("*")) == before
    assert not [text for text in (told.out, told.err) if any(key in text for key in (CANARY, PASSWORD, HELD, "c4n4ry"))]


@pytest.mark.parametrize("use", ["run", "sweep"])
@pytest.mark.parametrize("place", PLACES)
def test_the_command_line_is_looked_at_first(
    place: str, use: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    check_refused(here, [*USES[use], *API, *PLACES[place][0]], capfd)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("place", ["a key without a form", "an address with a password", "read with a default"])
def test_every_use_of_a_file_is_looked_at(
    place: str, use: str, here: Path, tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path_factory.mktemp("conf")
    (conf / "experiment").mkdir()
    text = "# @package _global_\n" + yaml.safe_dump(PLACES[place][1])
    (conf / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    words = [word for word in API if not place.startswith("an address") or "base_url" not in word]
    words = [word for word in words if "read" not in place or "model" not in word]
    check_refused(here, [*USES[use], *words, "--config-dir", str(conf), "experiment=mine"], capfd)


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("a prompt", "the folder of a sweep")])
def test_a_file_is_looked_at_everywhere(place: str, here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    conf = tmp_path_factory.mktemp("conf")
    (conf / "teacher").mkdir()
    settings = dict(PLACES[place][1])
    own = {**yaml.safe_load((CONF / "teacher" / "api.yaml").read_text(encoding="utf-8"))}
    teacher = settings.pop("teacher", {})
    assert isinstance(teacher, dict)
    (conf / "teacher" / "mine.yaml").write_text(yaml.safe_dump({**own, **teacher}), encoding="utf-8")
    (conf / "experiment").mkdir()
    text = "# @package _global_\n" + yaml.safe_dump(settings or {"name": "mine"})
    (conf / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UnsafeError) as refused:
        compose_first(["teacher=mine", "tracking=wandb", "experiment=mine"], "config", str(conf))
    assert "c4n4ry" not in str(refused.value).lower()


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "run", f"Is {CANARY} mine?", "--choices", "a", "b"],
        ["report", "--table", f"https://user:{PASSWORD}@host/t.csv", "--value", "x", "--factors", "y"],
        ["report", "--table", "t.csv", "--value", "x", "--factors", "y", "--rename", f"a={CANARY}"],
        ["study", "design", f"{CANARY}=run", "other=run", "--out", "study"],
        ["study", "analyse", "answers.json", "--key", f"{CANARY}.json"],
        ["store", "list", "--store", CANARY],
        [f"--{CANARY}"],
        [f"teacher.api_key={PASSWORD}x,"],
        ["tracking=mlflow", f"tracking.uri=postgresql://u:{PASSWORD}@h/db", "until=load"],
        ["tracking=wandb", f"tracking.entity={CANARY}", "until=load"],
        ["-m", "hydra/sweeper=optuna_tpe", f"hydra.sweeper.storage=postgresql://u:{PASSWORD}@h/db"],
        ["-m", f"teacher.api_key_env=OPENAI_API_KEY,{PASSWORD}", *API],
        ["-m", f"teacher.api_key_env=choice(OPENAI_API_KEY,'{PASSWORD}')", *API],
        [f"teacher={{api_key_env: {CANARY}}}"],
    ],
    ids=lambda words: " ".join(words[:2])[:40],
)
def test_every_command_is_looked_at(words: list[str], here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check_refused(here, words, capfd)


def test_the_cure_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    main(["tracking=mlflow", f"tracking.uri=postgresql://u:{PASSWORD}@h/db"])
    assert "MLFLOW_TRACKING_URI" in capfd.readouterr().err
    main([*API, f"teacher.api_key_env={CANARY}"])
    assert "export OPENAI_API_KEY=..." in capfd.readouterr().err


def test_names_of_variables_pass(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("lab", "x")
    for name in ("OPENAI_API_KEY", "MY_SERVER", "TOKEN", "lab", "null"):
        compose_first(["teacher=api", f"teacher.api_key_env={name}"])
    compose_first(["paths.store='${oc.env:HOME}/artifacts'"])


def test_what_references_come_to_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    composed = compose_first(["teacher=api", "teacher.model='${oc.env:SOMETHING}'"])
    monkeypatch.setenv("SOMETHING", CANARY)
    with pytest.raises(UnsafeError, match=r"teacher\.model holds what looks like a key"):
        resolve_composed(composed)


def test_no_child_is_told_a_key(here: Path) -> None:
    """A sweep in a process of its own; every other process of the machine is looked at while it runs."""
    line = [sys.executable, "-m", "distillrun", "-m", *API, "training.seed=0,1", "teacher.api_key_env=c4n4ryc4n4ry"]
    titles: set[str] = set()
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sweep:
        while sweep.poll() is None:
            titles |= {title for number, title in processes() if number != sweep.pid}
        told = sweep.stdout.read() if sweep.stdout else ""
    assert sweep.returncode == 2, told
    assert not [title for title in titles if "c4n4ry" in title]
    assert leaks(here, told) == []


def processes() -> list[tuple[int, str]]:
    """Return number and command line of every process that can be read."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((int(folder.name), (folder / "cmdline").read_bytes().decode(errors="replace")))
        except OSError:
            continue
    return [(number, title) for number, title in found if number != os.getpid()]
