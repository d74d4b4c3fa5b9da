"""Asking a run's student: what is wrong with the folder or the choices is said in one line."""

from pathlib import Path

import pytest
import yaml

from distillrun.config.compose import config_of
from distillrun.config.settings import plain
from distillrun.errors import ConfigError
from distillrun.pipeline.predict import load_student
from tests.end_to_end.runs import experiment


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_broken_config_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml (cannot be read|holds no settings)"):
        load_student(tmp_path)


def test_more_choices_than_letters_are_refused(tmp_path: Path) -> None:
    made = experiment(tmp_path / "store", "student.layers=1")
    made.parts.student.build(0).save(tmp_path / "student")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain(config_of(["student.layers=1"]))))
    with pytest.raises(ConfigError, match="27 choices; 26 are possible"):
        load_student(tmp_path).predict("Why?", [str(number) for number in range(27)])
