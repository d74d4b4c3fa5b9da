"""Command lines of settings and flags: a run, a sweep, the help, or a config that is shown."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra

from distillrun.commands.completion import Parsers, shell_completion
from distillrun.commands.overview import help_text
from distillrun.commands.run import run
from distillrun.commands.sweep import sweep
from distillrun.config.compose import compose_first, conf_folder
from distillrun.config.fail_below import shortfalls
from distillrun.config.guess import check_blanks, check_flags
from distillrun.config.hydra_errors import explain, is_complaint
from distillrun.config.schema import register_schema
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.sweep.ending import is_job
from distillrun.sweep.job import say
from distillrun.sweep.starting import start_of
from distillrun.upstream import flag_parser, flags_of

HELP = {"--help", "-h"}

Commands = Mapping[str, Callable[[Sequence[str]], int]]


def experiment(given: Sequence[str], commands: Commands, parsers: Parsers) -> int:
    """Run a line of settings and flags, and return the exit code.

    Args:
        given: its words.
        commands, parsers: of the sub-commands, for help and completion.
    """
    parser = flag_parser()
    if not HELP & {*given}:
        check_blanks(given)
    check_flags(given, flags_of(parser))
    flags = parser.parse_intermixed_args(given)
    # Hydra's own reading of the line wants its flags and the overrides apart
    hydra_flags = [word for word in given if word not in flags.overrides]
    _check_manner(flags)
    if flags.config_path is not None:
        raise ConfigError("--config-path would replace the shipped options; --config-dir DIR adds your own to them")
    if flags.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun would run what a pickle holds; give the settings of that run again")
    if flags.config_dir is not None and not Path(flags.config_dir).is_dir():
        raise ConfigError(f"--config-dir {flags.config_dir}: there is no such folder")
    if flags.shell_completion:
        sys.stdout.write(shell_completion(flags.overrides, os.environ.get("COMP_LINE", ""), parsers))
        return 0
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve whatever shares their cores
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what goes wrong instead of printing its own summary
    register_schema()
    # our launcher options bear the names of the plugins' schemas, which they are meant to be checked against
    warnings.filterwarnings("ignore", message=r"\s*'hydra/(launcher|sweeper)/\w+' is validated against ConfigStore")
    try:
        return _help(flags, commands) if flags.help else _made(given, hydra_flags, flags)
    except Exception as error:
        if is_complaint(error):
            raise explain(error, flags.overrides, flags.config_dir) from error
        raise


def _check_manner(flags: argparse.Namespace) -> None:
    """Refuse flags that ask for several things at once, or say how to show what is not shown."""
    asked = [f"--{name}" for name in ("run", "multirun", "cfg", "info") if getattr(flags, name)]
    if len(asked) > 1:
        raise ConfigError(f"{' and '.join(asked)} exclude each other; give one of them")
    if (flags.resolve or flags.package) and not (flags.cfg or flags.help):
        raise ConfigError("--resolve and --package say how a config is shown; add --cfg job")


def _made(given: Sequence[str], hydra_flags: Sequence[str], flags: argparse.Namespace) -> int:
    """Show a config, or run what is asked for."""
    if flags.cfg or flags.info or flags.hydra_help:
        compose_first(flags.overrides, flags.config_name or "config", flags.config_dir)  # checks what is shown
        _show([*flags.overrides, *hydra_flags])
        return 0
    start = start_of(flags)
    if not isinstance(start, Config):
        return sweep(start, flags)
    outcome, folder = run(start, given)
    say(f"{outcome.shown()}run: {folder}")
    if is_job():  # the sweep says it, of all of its jobs
        return 0
    below = shortfalls(start.fail_below, {name: score.value for name, score in outcome.all_scores().items()})
    for line in below:
        sys.stderr.write(f"distillrun: {line}\n")
    return 1 if below else 0


def _show(arguments: Sequence[str]) -> None:
    """Have Hydra print what its own flags ask for."""
    GlobalHydra.instance().clear()
    saved, sys.argv = sys.argv, ["distillrun", *arguments]
    try:
        hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(lambda _: None)()
    finally:
        sys.argv = saved


def _help(flags: argparse.Namespace, commands: Commands) -> int:
    """Print the overview, or the command, groups and options that are asked for."""
    asked = flags.overrides
    if asked and asked[0] in commands:
        return commands[asked[0]](["--help"])
    settings = [word for word in asked if "=" in word and not word.startswith("text=")]
    if settings or flags.config_dir or flags.config_name:
        compose_first(settings, flags.config_name or "config", flags.config_dir)  # checks what is shown
    sys.stdout.write(help_text(asked, flags.config_dir))
    return 0
