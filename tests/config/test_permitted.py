"""What the closed list of Hydra's settings lets through, value by value, on nodes as Hydra composes them."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from distillrun.config.permitted import check_hydra, check_searchpath
from distillrun.errors import UnsafeError
from distillrun.upstream import BASIC_LAUNCHER, BASIC_SWEEPER

SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
OPTUNA = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
TPE = {"_target_": "optuna.samplers.TPESampler", "seed": 0}


def node(**changes: Any) -> dict[str, Any]:
    """Return a node that may stand, with some of its keys changed."""
    return {"launcher": {"_target_": BASIC_LAUNCHER}, "sweeper": {"_target_": BASIC_SWEEPER}} | changes


def launcher(**settings: Any) -> dict[str, Any]:
    return node(launcher={"_target_": SLURM, **settings})


def sweeper(**settings: Any) -> dict[str, Any]:
    return node(sweeper={"_target_": OPTUNA, **settings})


PASSES: dict[str, Mapping[str, Any]] = {
    "nothing": node(),
    "as shipped": node(run={"dir": "."}, verbose=False, job={"chdir": False, "name": "distillrun", "env_set": {}}),
    "not filled in": node(output_subdir="???"),
    "read or shown": node(mode="RUN", help={"template": "x"}, sweep={"dir": "own"}, job={"id": "1", "num": 3}),
    "a plain setting of a launcher": launcher(timeout_min=60, partition="gpu-a100", mem_gb=None),
    "a setting of ray": launcher(ray={"remote": {"num_cpus": 1}}),
    "a place that is repeated": launcher(submitit_folder="${hydra.sweep.dir}/.submitit/%j"),
    "nothing set": launcher(setup=[], additional_parameters={}, python=None, srun_args="???"),
    "private keys": launcher(_convert_="all"),
    "a sampler": sweeper(sampler=TPE),
    "a sampler's own sampler": sweeper(sampler={"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 10}),
    "a study on this disk": sweeper(storage="sqlite:///study.db"),
    "swept settings": sweeper(params={"training.seed": "0,1"}, search_space={"training.learning_rate": {"low": 0}}),
    "nothing swept": sweeper(params=None, search_space=None, custom_search_space=None),
    "overrides of the command line": node(overrides={"task": ["training.seed=0"], "hydra": None}),
}

REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "a used key with another value": (node(verbose=True), "hydra.verbose=True is not used: run.log"),
    "one section down": (node(job={"chdir": True}), "hydra.job.chdir=True is not used"),
    "an unknown key": (node(extra=1), "hydra.extra has no effect in distillrun"),
    "an unknown key of a section": (node(job={"extra": 1}), "hydra.job.extra has no effect"),
    "a callback": (node(callbacks={"x": {}}), "hydra.callbacks could make Hydra run code"),
    "a variable": (node(job={"env_set": {"A": "b"}}), "hydra.job.env_set could make Hydra run code"),
    "an override of a file": (
        node(overrides={"hydra": ["hydra.verbose=true"]}),
        "hydra.overrides records the command line",
    ),
    "no launcher": ({"sweeper": {"_target_": BASIC_SWEEPER}}, "hydra.launcher is not there"),
    "no sweeper": ({"launcher": {"_target_": BASIC_LAUNCHER}}, "hydra.sweeper is not there"),
    "a strange launcher": (node(launcher={"_target_": "os.system"}), "launcher._target_=os.system is not allowed"),
    "a launcher as a sweeper": (node(sweeper={"_target_": SLURM}), r"Hydra may build there: BasicSweeper, OptunaS"),
    "a target in a list": (launcher(x=[{"_target_": "os.system"}]), "launcher.x.0._target_=os.system is not .*: none"),
    "a sampler of another place": (sweeper(sampler={"a": TPE}), "sweeper.sampler.a._target_=.* is not allowed"),
    "a strange sampler": (sweeper(sampler={"_target_": "x.Y"}), "sweeper.sampler._target_=x.Y is not allowed"),
    "a command": (launcher(setup=["touch x"]), "hydra.launcher.setup could run code or reach another machine"),
    "a nested setting": (launcher(ray={"init": {"address": "x"}}), "hydra.launcher.ray.init.address could run code"),
    "a text with blanks": (launcher(comment="a b"), "hydra.launcher.comment may hold commands, so it is accepted on"),
    "a text with a quote": (launcher(name="x'y"), "hydra.launcher.name may hold commands"),
    "a list": (launcher(exclude=["a"]), "hydra.launcher.exclude may hold commands"),
    "a sweeper's setting in a launcher": (launcher(n_trials=3), "hydra.launcher.n_trials could run code"),
    "a study elsewhere": (sweeper(storage="mysql://x/y"), "hydra.sweeper.storage could run code or reach"),
    "a study with a blank": (sweeper(storage="sqlite:///a b"), "hydra.sweeper.storage may hold commands"),
    "a storage of a launcher": (launcher(storage="x://y"), "hydra.launcher.storage could run code"),
    "another place": (launcher(submitit_folder="/tmp"), "hydra.launcher.submitit_folder could run code"),
    "a called space": (sweeper(custom_search_space="a.b"), "hydra.sweeper.custom_search_space would call a function"),
    "a swept setting of Hydra's": (sweeper(params={"hydra.verbose": "1"}), "params sweeps hydra.verbose, which is"),
    "a swept option of Hydra's": (sweeper(search_space={"hydra/launcher": {}}), "search_space sweeps hydra/launcher"),
    "swept settings without names": (sweeper(params=["a=1"]), "hydra.sweeper.params must be settings by name"),
}

GIVEN: dict[str, tuple[Mapping[str, Any], list[str]]] = {
    "the key": (launcher(setup=["a b"]), ["hydra.launcher.setup=[a b]"]),
    "the key, added": (launcher(setup=["a b"]), ["++hydra.launcher.setup=[a b]"]),
    "a section around it": (launcher(ray={"init": {"address": "x"}}), ["hydra.launcher.ray={init: {address: x}}"]),
    "an override": (node(overrides={"task": ["a=1"]}), ["a=1"]),
}


@pytest.mark.parametrize("case", PASSES)
def test_what_only_describes_passes(case: str) -> None:
    given = ["training.seed=0"] if case == "overrides of the command line" else []
    check_hydra(PASSES[case], given)


@pytest.mark.parametrize("case", REFUSED)
def test_what_acts_is_refused_by_its_key(case: str) -> None:
    composed, words = REFUSED[case]
    with pytest.raises(UnsafeError, match=words) as refusal:
        check_hydra(composed, [])
    keys = {re.split("[ =]", line)[0] for line in str(refusal.value).splitlines()}
    assert len({".".join(key.split(".")[:3]) for key in keys}) == 1


def test_every_key_is_named_once() -> None:
    composed = launcher(setup=["a b"], python="a b") | {"verbose": True}
    with pytest.raises(UnsafeError) as refusal:
        check_hydra(composed, [])
    named = [line.partition(" ")[0] for line in str(refusal.value).splitlines()]
    assert named == ["hydra.verbose=True", "hydra.launcher.setup", "hydra.launcher.python"]


@pytest.mark.parametrize("case", GIVEN)
def test_the_command_line_may_say_it(case: str) -> None:
    composed, words = GIVEN[case]
    with pytest.raises(UnsafeError):
        check_hydra(composed, [])
    check_hydra(composed, words)


@pytest.mark.parametrize("word", ["hydra.launcher.setups=[]", "hydra.launcher={python: x}", "hydra.launch=setup"])
def test_a_word_about_something_else_does_not_count(word: str) -> None:
    with pytest.raises(UnsafeError, match=r"hydra\.launcher\.setup could run code"):
        check_hydra(launcher(setup=["a b"]), [word])


def test_folders_alone_are_searched() -> None:
    check_searchpath(["conf", "file:///home/me/conf"])
    with pytest.raises(UnsafeError, match=r"hydra\.searchpath=pkg://x is not a folder"):
        check_searchpath(["conf", "pkg://x"])
