"""A config file that somebody else wrote makes Hydra neither run code nor write: not in any way in which it is used."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from distillrun.cli import main
from distillrun.config.compose import compose_first
from distillrun.errors import ConfigError
from tests.end_to_end.runs import SMALL

MARKER = "marker"
WRITES = {"_target_": "logging.FileHandler", "filename": MARKER}
HANDLER = {"class": "logging.FileHandler", "filename": MARKER}
LOGGING = {"version": 1, "handlers": {"h": HANDLER}, "root": {"handlers": ["h"]}}
FACTORY = {"version": 1, "handlers": {"h": {"()": "logging.FileHandler", "filename": MARKER}}, "root": {"level": 10}}
SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
OPTUNA = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"

ATTACKS: dict[str, dict[str, Any]] = {
    "callbacks": {"callbacks": {"evil": WRITES}},
    "job_logging": {"job_logging": LOGGING},
    "job_logging factory": {"job_logging": FACTORY},
    "hydra_logging": {"hydra_logging": LOGGING},
    "run.dir": {"run": {"dir": MARKER}},
    "chdir": {"run": {"dir": MARKER}, "job": {"chdir": True}},
    "output_subdir": {"output_subdir": MARKER},
    "env_set": {"job": {"env_set": {"PYTHONPATH": "evil"}}},
    "env_copy": {"job": {"env_copy": ["HOME"]}},
    "sweep.subdir": {"sweep": {"subdir": f"../{MARKER}"}},
    "overrides": {"overrides": {"task": ["runtime.allow_targets=[evil]"]}},
    "hydra overrides": {"overrides": {"hydra": [f"hydra.output_subdir={MARKER}"]}},
    "swept hydra settings": {"sweeper": {"_target_": BASIC, "params": {"hydra.job.chdir": "true"}}},
    "swept permission": {"sweeper": {"_target_": BASIC, "params": {"runtime.allow_targets": "[evil]"}}},
    "sweeper": {"sweeper": WRITES},
    "launcher": {"launcher": WRITES},
    "a class of the launcher's in the sweeper": {"sweeper": {"_target_": SLURM}},
    "something nested in a launcher": {"launcher": {"_target_": SLURM, "nested": WRITES}},
    "something listed in a launcher": {"launcher": {"_target_": SLURM, "nested": [WRITES]}},
    "sampler": {"sweeper": {"_target_": OPTUNA, "sampler": WRITES}},
    "nested sampler": {
        "sweeper": {
            "_target_": OPTUNA,
            "sampler": {"_target_": "optuna.samplers.CmaEsSampler", "independent_sampler": WRITES},
        }
    },
    "search space": {"sweeper": {"_target_": OPTUNA, "custom_search_space": "logging.FileHandler"}},
    "storage": {"sweeper": {"_target_": OPTUNA, "storage": "postgresql://elsewhere/db"}},
    "commands": {"launcher": {"_target_": SLURM, "setup": ["touch marker"]}},
    "options of sbatch": {"launcher": {"_target_": SLURM, "additional_parameters": {"wrap": "true"}}},
    "a command in a comment": {"launcher": {"_target_": SLURM, "comment": "x\ntouch marker"}},
    "a command in the name": {"launcher": {"_target_": SLURM, "name": "$(touch marker)"}},
    "pickles elsewhere": {"launcher": {"_target_": SLURM, "submitit_folder": "/tmp/elsewhere"}},
    "another cluster": {
        "launcher": {
            "_target_": "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
            "ray": {"init": {"address": "ray://elsewhere:1"}},
        }
    },
}

USES: dict[str, list[str]] = {
    "run": [],
    "sweep": ["-m", "training.seed=0,1"],
    "plan": ["plan"],
    "plan of a sweep": ["plan", "-m", "training.seed=0,1"],
    "cfg": ["--cfg", "job"],
    "cfg all": ["--cfg", "all", "--resolve"],
    "info": ["--info", "all"],
    "help": ["--help"],
    "hydra help": ["--hydra-help"],
}


def write_experiment(folder: Path, hydra: dict[str, Any], name: str = "evil") -> None:
    (folder / "experiment").mkdir(parents=True, exist_ok=True)
    text = "# @package _global_\n" + yaml.safe_dump({"hydra": hydra})
    (folder / "experiment" / f"{name}.yaml").write_text(text, encoding="utf-8")


def refused(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> str:
    """Return the one message with which a command is refused before it leaves anything in the current folder."""
    before = sorted(Path.cwd().rglob("*"))
    assert main([*words]) == 2
    assert sorted(Path.cwd().rglob("*")) == before
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_experiment_says_nothing_of_hydra_that_acts(attack: str, here: Path) -> None:
    (part, settings), *others = ATTACKS[attack].items()
    words = ["experiment=evil"]
    if part in ("launcher", "sweeper") and settings["_target_"] != BASIC:  # an option, since Hydra types the basic ones
        (here / "conf" / "hydra" / part).mkdir(parents=True)
        (here / "conf" / "hydra" / part / "evil.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        words = [f"hydra/{part}=evil"]
    write_experiment(here / "conf", {part: settings, **dict(others)})
    with pytest.raises(ConfigError, match=r"hydra\.|allow_targets"):
        compose_and_check(here, *words)


def compose_and_check(folder: Path, *words: str) -> None:
    """Compose as every command does, and look at the jobs that a sweep would start."""
    from distillrun.config.compose import check_permission
    from distillrun.config.settings import Config
    from distillrun.sweep.starting import sweep_jobs

    compose_first(words, "config", str(folder / "conf"))
    for _, config in sweep_jobs(words, "config", str(folder / "conf")):
        assert isinstance(config, Config)
        check_permission(config, permitted=False)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("attack", ["callbacks", "job_logging", "hydra_logging", "run.dir"])
def test_no_command_lets_it_act(attack: str, use: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_experiment(here / "conf", ATTACKS[attack])
    said = refused(capsys, [*USES[use], "--config-dir", "conf", "experiment=evil", "until=load", *SMALL])
    assert f"hydra.{attack}=marker is not used" in said or f"hydra.{attack} could make Hydra run code" in said


@pytest.mark.parametrize("place", ["objective", "task", "runtime"])
def test_any_other_option_is_held_to_the_same(place: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_experiment(here / "conf", ATTACKS["callbacks"])
    (here / "conf" / "experiment").rename(here / "conf" / place)
    said = refused(capsys, ["--config-dir", "conf", f"+{place}@_global_=evil", "until=load", *SMALL])
    assert "hydra.callbacks could make Hydra run code" in said


def test_a_primary_config_is_held_to_the_same(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conf").mkdir()
    primary = {"defaults": ["config", "_self_"], "hydra": ATTACKS["callbacks"]}
    (here / "conf" / "mine.yaml").write_text(yaml.safe_dump(primary), encoding="utf-8")
    said = refused(capsys, ["--config-dir", "conf", "--config-name", "mine", "until=load", *SMALL])
    assert "hydra.callbacks could make Hydra run code" in said


def test_no_file_says_where_others_are_found(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conf").mkdir()
    primary = {"defaults": ["config", "_self_"], "hydra": {"searchpath": ["pkg://antigravity"]}}
    (here / "conf" / "mine.yaml").write_text(yaml.safe_dump(primary), encoding="utf-8")
    said = refused(capsys, ["--config-dir", "conf", "--config-name", "mine", "until=load", *SMALL])
    assert "hydra.searchpath is accepted on the command line only" in said


def test_no_package_is_imported_to_find_files(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "imported_by_hydra.py").write_text(f"open({MARKER!r}, 'w')", encoding="utf-8")
    monkeypatch.syspath_prepend(here)
    said = refused(capsys, ["hydra.searchpath=[pkg://imported_by_hydra]", "until=load", *SMALL])
    assert "hydra.searchpath=pkg://imported_by_hydra is not a folder" in said


def test_the_command_line_is_held_to_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, ["+hydra.callbacks.evil._target_=logging.FileHandler", "until=load", *SMALL])
    assert "hydra.callbacks could make Hydra run code" in said


def test_an_option_that_is_swept_is_looked_at_before_the_first_job(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_experiment(here / "conf", {}, "good")
    write_experiment(here / "conf", ATTACKS["job_logging"])
    words = ["-m", "--config-dir", "conf", "experiment=good,evil", "until=load", *SMALL]
    assert "hydra.job_logging could make Hydra run code" in refused(capsys, words)
    search = ["hydra/sweeper=optuna_tpe", "hydra.sweeper.n_trials=2"]
    assert "hydra.job_logging could make Hydra run code" in refused(capsys, [*words, *search])


def test_options_that_a_search_takes_from_a_file_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = {"experiment": {"type": "categorical", "choices": ["evil"]}}
    write_experiment(here / "conf", {"sweeper": {"search_space": space}}, "good")
    write_experiment(here / "conf", ATTACKS["job_logging"])
    words = ["-m", "--config-dir", "conf", "experiment=good", "hydra/sweeper=optuna_tpe", "until=load", *SMALL]
    assert "hydra.sweeper.search_space.experiment" in refused(capsys, words)


def test_a_pickle_is_not_rerun(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "config.pickle").write_bytes(b"cos\nmkdir\n(Vmarker\ntR.")
    assert "what a pickle holds" in refused(capsys, ["--experimental-rerun", "config.pickle"])


def test_a_word_of_the_command_line_covers_what_it_says_alone(here: Path) -> None:
    (here / "conf" / "hydra" / "launcher").mkdir(parents=True)
    own = {"defaults": ["submitit_slurm"], "additional_parameters": {"wrap": "true"}}
    (here / "conf" / "hydra" / "launcher" / "ours.yaml").write_text(json.dumps(own), encoding="utf-8")
    words = ["hydra/launcher=ours", "++hydra.launcher.additional_parameters={mail-user: me}"]
    with pytest.raises(ConfigError, match=r"hydra\.launcher\.additional_parameters\.wrap .* on the command line only"):
        compose_first(words, "config", str(here / "conf"))


@pytest.mark.usefixtures("forked_jobs")
def test_submitit_reads_no_pickle_that_lay_there_before(here: Path) -> None:
    words = ["-m", "until=load", "hydra/launcher=submitit_local", "hydra.sweep.dir=own", *SMALL]
    assert main(words) == 0
    (sitting,) = (here / "own" / ".submitit").iterdir()
    assert len(sitting.name) == 16
    assert list(sitting.rglob("*result.pkl"))


def test_launchers_and_sweepers_that_are_known_still_work(here: Path) -> None:
    for option in ("launcher=joblib", "launcher=submitit_local", "launcher=submitit_slurm", "launcher=ray"):
        compose_first([f"hydra/{option}"])
    compose_first(["hydra/sweeper=optuna_tpe"])
    slurm = ["hydra/launcher=submitit_slurm", "hydra.launcher.setup=[module load cuda]", "hydra.launcher.comment='a b'"]
    compose_first([*slurm, "+hydra.launcher.additional_parameters.mail-user=me"])
    (here / "conf" / "hydra" / "launcher").mkdir(parents=True)
    own = {"defaults": ["submitit_slurm"], "partition": "gpu", "account": "lab-1", "mem_gb": 32}
    (here / "conf" / "hydra" / "launcher" / "ours.yaml").write_text(json.dumps(own), encoding="utf-8")
    composed = compose_first(["hydra/launcher=ours"], "config", str(here / "conf"))
    assert composed.hydra.launcher.partition == "gpu"
