"""The command line: Hydra composes an experiment or a sweep, and every failure becomes an exit code.

0 done, 1 a job failed, 2 the config is wrong, 3 the budget is spent, 130 interrupted. What is heavy is imported when a
run begins, so that `--help` and `--cfg job` answer at once.
"""

import argparse
import os
import re
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from distillrun import __version__
from distillrun.commands.completion import shell_completion
from distillrun.commands.overview import help_text
from distillrun.commands.plan import plan, plan_parser
from distillrun.commands.predict import predict, predict_parser
from distillrun.commands.report import report, report_parser
from distillrun.commands.store import store, store_parser
from distillrun.commands.study import study, study_parser
from distillrun.config.compose import check_permission, compose_first, conf_folder, opened, permits, quoted, selected
from distillrun.config.guess import check_blanks, check_flags
from distillrun.config.hydra_errors import explain, is_complaint
from distillrun.config.schema import register_schema
from distillrun.config.settings import digest, resolve
from distillrun.config.sweep_jobs import swept_together
from distillrun.errors import BudgetSpentError, ConfigError, UnsafeError, nearest
from distillrun.files.disk import disk_trouble, writing
from distillrun.files.folder import claim_folder, make_folder
from distillrun.files.streams import outlive_the_terminal
from distillrun.process.interrupt import stops_at_once
from distillrun.sweep.ending import end_jobs, tell_why
from distillrun.sweep.finishing import finish
from distillrun.sweep.folder import working_in
from distillrun.sweep.job import claim_job_folder, say, score_of
from distillrun.sweep.live import live_view
from distillrun.sweep.running import JobPolicy, refuse_job, run_job
from distillrun.sweep.share import share_of
from distillrun.sweep.starting import Start, start_of
from distillrun.text.secret import check_words, hide
from distillrun.upstream import flag_parser, flags_of

COMMANDS = {"plan": plan, "predict": predict, "report": report, "store": store, "study": study}
PARSERS = {
    "plan": plan_parser,
    "predict": predict_parser,
    "report": report_parser,
    "store": store_parser,
    "study": study_parser,
}
"""The parser of each command's arguments, for completion."""
_HELP = {"--help", "-h"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, the process's own where none is given, and return the exit code."""
    if arguments is None:
        outlive_the_terminal()
    given = opened(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _done(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if not _reader_is_gone():
            sys.stderr.write(hide(traceback.format_exc()))
            return 1
        return 128 + signal.SIGPIPE
    except OSError as error:  # standard output is a file on a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ended(2, disk_trouble(error) or str(error))


def _reader_is_gone() -> bool:
    """Return whether whoever read standard output has closed it (`| head`); what is left of it goes nowhere then."""
    output = sys.stdout.fileno()
    poll = select.poll()
    poll.register(output, 0)
    is_gone = any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0))
    if is_gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return is_gone


def _done(given: list[str]) -> int:
    """Run a command line; whatever ends it becomes an exit code."""
    try:
        with stops_at_once():
            return _command(given)
    except ConfigError as error:
        from distillrun.text.display import plain  # a message may quote a user's file

        return _ended(2, plain(str(error)))
    except BudgetSpentError as spent:
        return _ended(3, str(spent))
    except KeyboardInterrupt:
        return _ended(130, "interrupted")
    except SystemExit as stop:  # argparse, after --help too
        return stop.code if isinstance(stop.code, int) else 0
    except BrokenPipeError:
        raise
    except Exception as error:
        if (trouble := disk_trouble(error)) is not None:
            return _ended(2, trouble)
        sys.stderr.write(hide(traceback.format_exc()))
        tell_why(hide(f"{type(error).__name__}: {error}"))
        return 1


def _command(given: list[str]) -> int:
    check_words(given)
    if given and given[0] in COMMANDS:
        return COMMANDS[given[0]](given[1:])
    if given == ["--version"]:
        sys.stdout.write(f"distillrun {__version__}\n")
        return 0
    if given and re.fullmatch(r"\w+", given[0]) and not _HELP & {*given}:
        check_blanks(given)
        known = f"{nearest(given[0], COMMANDS)}; there are {', '.join(COMMANDS)}, and settings are KEY=VALUE"
        raise ConfigError(f"there is no command {given[0]}{known}")
    return _experiment(given)


def _ended(code: int, why: str) -> int:
    """Say why, here and to the sweep that this may be a job of, and return the exit code."""
    sys.stderr.write(f"distillrun: {hide(why)}\n")
    tell_why(hide(why))
    return code


def _experiment(given: list[str]) -> int:
    parser = flag_parser()
    if not _HELP & {*given}:
        check_blanks(given)
    check_flags(given, flags_of(parser))
    flags = parser.parse_intermixed_args(given)
    # Hydra's own reading of the line wants its flags and the overrides apart
    hydra_flags = [word for word in given if word not in flags.overrides]
    if flags.config_path is not None:
        raise ConfigError("--config-path would replace the shipped options; --config-dir DIR adds your own to them")
    if flags.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun would run what a pickle holds; give the settings of that run again")
    if flags.config_dir is not None and not Path(flags.config_dir).is_dir():
        raise ConfigError(f"--config-dir {flags.config_dir}: there is no such folder")
    if flags.shell_completion:
        sys.stdout.write(shell_completion(flags.overrides, os.environ.get("COMP_LINE", ""), PARSERS))
        return 0
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve whatever shares their cores
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what goes wrong instead of printing its own summary
    register_schema()
    # our launcher options bear the names of the plugins' schemas, which they are meant to be checked against
    warnings.filterwarnings("ignore", message=r"\s*'hydra/(launcher|sweeper)/\w+' is validated against ConfigStore")
    shows = flags.cfg or flags.info or flags.hydra_help
    try:
        if flags.help:
            return _help(flags)
        if shows:
            compose_first(flags.overrides, flags.config_name or "config", flags.config_dir)  # checks what is shown
        start = None if shows else start_of(flags)
        if start is None:
            _hydra([*flags.overrides, *hydra_flags], flags)
            return 0
        return _sweep(start, hydra_flags, flags)
    except Exception as error:
        if is_complaint(error):
            raise explain(error, flags.overrides, flags.config_dir) from error
        raise


def _help(flags: argparse.Namespace) -> int:
    """Print the overview, or the command, groups and options that are asked for."""
    asked = flags.overrides
    if asked and asked[0] in COMMANDS:
        return COMMANDS[asked[0]](["--help"])
    settings = [word for word in asked if "=" in word and not word.startswith("text=")]
    if settings or flags.config_dir or flags.config_name:
        compose_first(settings, flags.config_name or "config", flags.config_dir)  # checks what is shown
    sys.stdout.write(help_text(asked, flags.config_dir))
    return 0


def _sweep(start: Start, hydra_flags: Sequence[str], flags: argparse.Namespace) -> int:
    """Run a sweep in its folder, and tell what became of it even where it was interrupted."""
    complete = False
    total = None if start.jobs is None else len(start.jobs)
    with writing("hydra.sweep.dir", start.folder), working_in(start.folder, start.overrides):
        try:
            with stops_at_once(lambda: end_jobs(start.folder)), live_view(start.folder, total, start.drawn):
                words = swept_together(start.overrides, flags.config_dir)
                _hydra([f"hydra.sweep.dir={quoted(start.folder)}", *words, *start.launching, *hydra_flags], flags)
            complete = True
        except ValueError as error:
            if "No trials are completed" not in str(error):  # Optuna's, where no job of a search ended well
                raise
            complete = True
        except RuntimeError as error:
            if not type(error).__module__.startswith("submitit."):  # its own, where a job lost its machine or its time
                raise
            say(f"the launcher gave up: {(str(error).strip().splitlines() or [type(error).__name__])[-1]}")
        finally:
            exit_code = finish(start.folder, start.config, complete, start.jobs or ())
    return exit_code


def _hydra(arguments: Sequence[str], flags: argparse.Namespace) -> None:
    """Let Hydra compose every job and call it, in this process or wherever its launcher runs."""
    permitted = permits(flags.overrides)
    failures: list[Exception] = []

    def job(cfg: DictConfig) -> float | None:
        try:
            return _job(cfg, HydraConfig.get(), permitted)
        except Exception as error:
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            failures.append(error)  # kept from Hydra, which would print a report of its own
            return None

    GlobalHydra.instance().clear()
    saved, sys.argv = sys.argv, ["distillrun", *arguments]
    try:
        hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(job)()
    finally:
        sys.argv = saved
    for error in failures:
        raise error


def _job(cfg: DictConfig, node: HydraConf, permitted: bool) -> float | None:
    """Run one job: here if it is the only one, in a child process if it is part of a sweep.

    Returns its dev accuracy, by which a sweeper such as Optuna chooses the next ones; None where it has none.
    """
    in_sweep = node.mode is RunMode.MULTIRUN
    try:
        config = resolve(cfg, selected(node.runtime.choices, cfg))
        check_permission(config, permitted)
    except UnsafeError:
        raise
    except ConfigError as error:
        if not in_sweep:
            raise
        refuse_job(int(node.job.num), Path(node.sweep.dir), node.overrides.task, error)
        return None
    if in_sweep:
        folder = claim_job_folder(Path(node.sweep.dir), int(node.job.num), config)
        share = share_of(node.launcher, config.runtime.devices, config.runtime.threads)
        manner = JobPolicy(_child_flags(node), config.sweep.on_error == "stop", config.sweep.retries, share)
        done = run_job(int(node.job.num), folder, node.overrides.task, manner)
        return score_of(done, "dev/accuracy")
    from distillrun.run.experiment import prepare
    from distillrun.run.pipeline import run

    experiment = prepare(config)  # a config that is wrong leaves no folder behind
    if config.paths.run is None:
        folder = claim_folder(Path(config.paths.runs), f"{config.name}_{digest(config)[:8]}")
    else:
        folder = Path(config.paths.run)
        make_folder(folder, "paths.run")
    outcome = run(experiment, folder)
    say(f"{outcome.shown()}run: {folder}")
    return None


def _child_flags(node: HydraConf) -> list[str]:
    """Return what lets a child process find the same config files and run them once."""
    folders = [source.path for source in node.runtime.config_sources if source.provider == "command-line"]
    flags = [flag for folder in folders for flag in ("--config-dir", folder)]
    search_path = [line for line in node.overrides.hydra if line.startswith("hydra.searchpath=")]
    return [*flags, "--config-name", str(node.job.config_name), "hydra.mode=RUN", *search_path]
