"""The functions of `import distillrun`: what the command line does, for Python and notebooks.

Settings are words as on the command line, such as `"training.max_steps=200"`, and pass the same checks. A wrong one
raises ConfigError with the sentence that the command line would print.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

from distillrun.commands.run import run as make
from distillrun.config.compose import opened
from distillrun.config.guess import check_blanks
from distillrun.config.hydra_errors import explain, is_complaint
from distillrun.config.settings import Config
from distillrun.config.single_run import single_run
from distillrun.errors import ConfigError
from distillrun.pipeline.experiment import prepare
from distillrun.pipeline.finished import Run, load_run
from distillrun.planning.making import make_plan
from distillrun.planning.plan import Plan
from distillrun.text.secret import check_words

__all__ = ["Plan", "Run", "compose", "load_run", "plan", "run"]


def compose(
    settings: Sequence[str] = (), *, config_dir: str | PathLike[str] | None = None, config_name: str = "config"
) -> Config:
    """Return the checked config that settings ask for; nothing is loaded, asked or made.

    Args:
        settings: words as on the command line, such as `["objective=multitask", "training.seed=1"]`.
        config_dir: a folder of your own options, as `--config-dir`.
        config_name: another primary config, as `--config-name`.

    Raises:
        ConfigError: naming the key, the value, and the cure. Several values of a key are a sweep, which the command
            line runs: `distillrun -m`.
    """
    words = _words(settings)
    folder = None if config_dir is None else str(config_dir)
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(f"config_dir={folder}: there is no such folder")
    with _hydra_as_it_was():
        try:
            return single_run(words, config_name, folder)
        except Exception as error:
            if is_complaint(error):
                raise explain(error, words, folder) from error
            raise


def plan(
    settings: Sequence[str] = (), *, config_dir: str | PathLike[str] | None = None, config_name: str = "config"
) -> Plan:
    """Return what a run would do, ask of its teacher and cost; nothing is asked or made.

    `stages` says of each stage whether it is cached and how long it takes, in seconds; `total()` sums what remains to
    be asked: requests, tokens and US$; `as_json()` is what `distillrun plan --json` prints. Arguments as of `compose`.

    Raises:
        ConfigError: the run would be refused.
    """
    return make_plan(prepare(compose(settings, config_dir=config_dir, config_name=config_name)))


def run(
    settings: Sequence[str] = (), *, config_dir: str | PathLike[str] | None = None, config_name: str = "config"
) -> Run:
    """Run an experiment, and return it as `load_run` does.

    It goes where the command line would put it: a new folder in `paths.runs`, or `paths.run`; finished stages are
    taken from `paths.store`. Both are relative to the current folder. Arguments as of `compose`.

    Raises:
        ConfigError: something would fail later; no folder is left behind.
        BudgetSpentError: a teacher's budget forbids the next request; with a larger one, the same call goes on.
        KeyboardInterrupt: after what can be saved was saved; the same call goes on.
    """
    config = compose(settings, config_dir=config_dir, config_name=config_name)
    flags = [] if config_dir is None else ["--config-dir", str(config_dir)]
    flags += [] if config_name == "config" else ["--config-name", config_name]
    _, folder = make(config, [*flags, *opened(settings)])
    return load_run(folder, allow=config.runtime.allow_targets)


def _words(settings: Sequence[str]) -> list[str]:
    """Return settings in Hydra's grammar, checked as those of a command line are."""
    if isinstance(settings, str):
        raise ConfigError(f'settings={settings!r} is one text; give a list of words, such as ["{settings}"]')
    words = opened(list(settings))
    check_words(words)
    check_blanks(words)
    if flags := [word for word in words if word.startswith("-")]:
        raise ConfigError(f"{flags[0]} is a flag; settings are KEY=VALUE, and config_dir and config_name are arguments")
    return words


@contextmanager
def _hydra_as_it_was() -> Iterator[None]:
    """Give a program that uses Hydra itself, such as by `hydra.main`, its own back."""
    kept = GlobalHydra.instance().hydra
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = kept
