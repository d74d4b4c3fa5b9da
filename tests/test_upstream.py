"""The private parts of Hydra and transformers do what they did in the versions that they were checked with."""

from importlib.metadata import version
from pathlib import Path

import pytest
from hydra import compose
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from distillrun.upstream import (
    apply_values,
    begun_hydra,
    flag_parser,
    flags_of,
    jobs_of,
    parsed_overrides,
    settings_after,
)

CHECKED = {
    "hydra-core": {"1.3.2", "1.3.8"},
    "transformers": {"5.0", "5.23", "5.24"},
}
"""The versions with which this file, test_checkpoint and test_decoding passed."""


@pytest.mark.parametrize("package", CHECKED)
def test_the_installed_version_was_checked(package: str) -> None:
    installed = version(package)
    known = CHECKED[package]
    assert known & {installed, ".".join(installed.split(".")[:2])}, (
        f"{package} {installed} was not checked yet, only {', '.join(sorted(known))}: distillrun/upstream.py uses "
        "private parts of it. Run the tests that CHECKED names; if they pass, add the version there."
    )


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "adam.yaml").write_text("rate: 0.1\nbetas: [0.9, 0.999]\n")
    (tmp_path / "optimizer" / "sgd.yaml").write_text("rate: 1.0\n")
    (tmp_path / "config.yaml").write_text("defaults: [optimizer: adam, _self_]\nseed: 0\n")
    return tmp_path


def test_jobs_come_in_the_order_that_hydras_documentation_shows() -> None:
    # https://hydra.cc/docs/1.3/tutorials/basic/running_your_app/multi-run: the last setting changes fastest
    assert jobs_of(parsed_overrides(["db=mysql,postgresql", "schema=warehouse,support"])) == [
        ["db=mysql", "schema=warehouse"],
        ["db=mysql", "schema=support"],
        ["db=postgresql", "schema=warehouse"],
        ["db=postgresql", "schema=support"],
    ]


def test_a_setting_that_cannot_be_read_is_named() -> None:
    with pytest.raises(OverrideParseException) as caught:
        parsed_overrides(["seed=1", "seed=[1"])
    assert caught.value.override == "seed=[1"


def test_values_are_put_in_as_composing_does(conf: Path) -> None:
    words = ["seed=3", "optimizer.betas=[0.5,0.6]", "++optimizer.extra={a: 1}"]
    with begun_hydra(conf):
        base, whole = compose("config"), compose("config", words)
    assert OmegaConf.to_container(apply_values(base, parsed_overrides(words))) == OmegaConf.to_container(whole)


def test_a_folder_of_the_users_adds_options_and_replaces_none(conf: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "optimizer").mkdir(parents=True)
    for name in ("adam", "lion"):
        (mine / "optimizer" / f"{name}.yaml").write_text("rate: 7\n")
    with begun_hydra(conf, mine):
        assert compose("config").optimizer.rate == 0.1
        assert compose("config", ["optimizer=lion"]).optimizer.rate == 7


def test_what_is_composed_again_is_what_the_files_say_now(conf: Path) -> None:
    def composed() -> DictConfig:
        with begun_hydra(conf):
            return compose("config", ["optimizer.rate=0.5"])

    first = [composed() for _ in range(4)]
    assert all(one == first[0] for one in first)
    first[2].optimizer.betas[0] = first[3].seed = 7
    assert composed() == first[0]
    (conf / "optimizer" / "adam.yaml").write_text("rate: 0.1\nbetas: [0.8]\n")
    assert [composed().optimizer.betas for _ in range(3)] == [[0.8]] * 3
    (conf / "config.yaml").write_text("defaults: [optimizer: sgd, _self_]\nseed: 3\n")
    assert [OmegaConf.to_container(composed()) for _ in range(3)] == [{"optimizer": {"rate": 0.5}, "seed": 3}] * 3


def test_a_default_may_refer_to_other_choices(conf: Path) -> None:
    # https://hydra.cc/docs/1.3/patterns/specializing_config
    (conf / "optimizer_of").mkdir()
    for name in ("adam_small", "sgd_small"):
        (conf / "optimizer_of" / f"{name}.yaml").write_text(f"name: {name}\n")
    (conf / "size").mkdir()
    (conf / "size" / "small.yaml").write_text("layers: 2\n")
    (conf / "config.yaml").write_text(
        "defaults: [optimizer: adam, size: small, optimizer_of: '${optimizer}_${size}', _self_]\n"
    )
    with begun_hydra(conf):
        assert compose("config").optimizer_of.name == "adam_small"
        assert compose("config", ["optimizer=sgd"]).optimizer_of.name == "sgd_small"


def test_settings_are_completed(conf: Path) -> None:
    with begun_hydra(conf) as hydra:
        assert settings_after("opt", hydra, "config") == ["optimizer.", "optimizer="]
        assert settings_after("optimizer=", hydra, "config") == ["optimizer=adam", "optimizer=sgd"]
        assert settings_after("seed=1 optimizer.r", hydra, "config") == ["optimizer.rate="]


def test_a_config_file_is_read_again_where_it_changed(conf: Path) -> None:
    def rate() -> float:
        with begun_hydra(conf):
            composed = compose("config")
        found = float(composed.optimizer.rate)
        composed.optimizer.rate = 9.0  # which is nothing to the next one
        return found

    assert [rate(), rate()] == [0.1, 0.1]
    (conf / "optimizer" / "adam.yaml").write_text("rate: 0.2\nbetas: [0.9, 0.999]\n")  # no longer than before
    assert rate() == 0.2
    (conf / "optimizer" / "adam.yaml").unlink()
    with pytest.raises(MissingConfigException):
        rate()


def test_hydras_flags_are_known() -> None:
    assert {"--help", "-h", "--cfg", "--multirun", "-m", "--config-dir", "--shell-completion"} <= {
        *flags_of(flag_parser())
    }
