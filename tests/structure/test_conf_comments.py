"""A form that a comment of the config shows works as it stands: on the command line, in a sweep, and in a file."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from distillrun.cli import main
from distillrun.config.build import build
from distillrun.config.compose import compose_first, opened, resolve_composed
from distillrun.config.sweep_jobs import job_overrides, swept_together
from tests.structure.disk import CONF, GROUPS, YAMLS

SHOWN = re.compile(r'(?:such as|or e\.g\.) (\{.*?\}|\[.*?\]|".*?")(?=$|[ ;:,.])')
COMMAND = re.compile(r"(?<![\w/])\+?[\w/]+[@.][\w/@.]+=(?:'[^']*'|\w[\w.-]*\w)")
LISTED = {"generation": "generation.steps", "evaluation": "evaluation"}


def forms() -> Iterator[tuple[Path, str, str]]:
    """Yield (file, dotted key inside it, form) of every value that is shown in the comment of a key."""
    for path in YAMLS:
        open_keys: list[tuple[int, str]] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if (key := re.match(r"( *)(\w+):", line)) is None:
                continue
            open_keys = [one for one in open_keys if one[0] < len(key[1])] + [(len(key[1]), key[2])]
            if (comment := re.search(r" # (.*)", line)) and (shown := SHOWN.search(comment[1])):
                yield path, ".".join(name for _, name in open_keys), shown[1]


def commands() -> Iterator[tuple[Path, str]]:
    """Yield (file, setting) of every setting that a comment spells out as the command line takes it."""
    for path in YAMLS:
        for comment in re.findall(r"# (.*)", path.read_text(encoding="utf-8")):
            yield from ((path, found) for found in COMMAND.findall(comment))


def option_of(path: Path) -> tuple[str, str, str]:
    """Return the group of a file, the override that chooses it, and where its settings then stand."""
    group, *rest = path.relative_to(CONF).with_suffix("").parts
    name = "/".join(rest)
    if group in LISTED:
        return group, f"{group}=[{name}]", f"{LISTED[group]}.{name}"
    return group, f"{group}={name}", group


FORMS = {(key, form): path for path, key, form in forms() if path.relative_to(CONF).parts[0] in GROUPS}
"""One file of those that show the same."""
COMMANDS = {word: path for path, word in commands()}


def test_there_are_forms_to_try() -> None:
    assert len(FORMS) > 7
    assert {path.stem for path in FORMS.values()} >= {"api", "recorded", "multiple_choice", "qualitative"}
    assert len(COMMANDS) > 3


@pytest.mark.parametrize(
    ("path", "key", "form"),
    [(path, *shown) for shown, path in FORMS.items()],
    ids=lambda part: getattr(part, "stem", part),
)
def test_a_shown_value_is_read_as_yaml_reads_it_and_builds_its_part(path: Path, key: str, form: str) -> None:
    group, option, place = option_of(path)
    others = ["task.fields.choices=null"] if path.stem == "multiple_choice" else []
    words = opened([option, *others, f"{place}.{key}={form}"])
    composed = compose_first(words)
    assert OmegaConf.select(composed, f"{place}.{key}") == yaml.safe_load(form)
    config = resolve_composed(composed)
    parts = {**config.generation.steps, **config.evaluators}
    node = parts[path.stem] if group in LISTED else getattr(config, group)
    assert build(node, group, key=place) is not None
    if path.stem == "api":
        swept = job_overrides(swept_together(["training.seed=0,1", *words], None), composed)
        assert OmegaConf.select(compose_first(swept[1]), f"{place}.{key}") == yaml.safe_load(form)


@pytest.mark.parametrize(("word", "path"), COMMANDS.items(), ids=lambda part: getattr(part, "stem", part))
def test_a_spelt_out_setting_composes(word: str, path: Path) -> None:
    option = "hydra/sweeper=optuna_tpe" if "hydra" in path.parts else option_of(path)[1]
    others = ["objective=rationale_answer"] if word.startswith("objective.order=") else []
    compose_first([option, *others, *shlex.split(word.replace("=OPTION", "=scripted"))])


def test_fields_of_a_servers_own_are_taken_however_deep_they_stand(capfd: pytest.CaptureFixture[str]) -> None:
    deep = opened(
        ["teacher=api", "teacher.extra_body={a: 1}", "teacher.extra_body.chat_template_kwargs.thinking=false"]
    )
    assert compose_first(deep).teacher.extra_body == {"a": 1, "chat_template_kwargs": {"thinking": False}}
    assert main(["plan", "teacher=scripted", "teacher.extra_body={top_k: -1}"]) == 2
    assert "teacher.extra_body is not a setting of scripted" in capfd.readouterr().err
    assert main(["plan", "teachr.extra_body={top_k: -1}"]) == 2
    assert "there is no teachr (did you mean 'teacher'?)" in capfd.readouterr().err


def test_a_wrong_name_inside_a_value_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "training={max_step: 3}"]) == 2
    assert "there is no training.max_step (did you mean training.max_steps?)" in capfd.readouterr().err
