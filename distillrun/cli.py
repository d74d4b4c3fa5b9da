"""The command line: which command is meant, and how every failure becomes an exit code.

0 done, 1 a job failed, 2 the config is wrong, 3 the budget is spent, 130 interrupted. What is heavy is imported when a
run begins, so that `--help` and `--cfg job` answer at once.
"""

import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Sequence

from distillrun import __version__
from distillrun.commands.experiment import HELP, experiment
from distillrun.commands.init import init, init_parser
from distillrun.commands.plan import plan, plan_parser
from distillrun.commands.predict import predict, predict_parser
from distillrun.commands.report import report, report_parser
from distillrun.commands.runs import runs, runs_parser
from distillrun.commands.store import store, store_parser
from distillrun.commands.study import study, study_parser
from distillrun.config.compose import opened
from distillrun.config.guess import check_blanks
from distillrun.errors import BudgetSpentError, ConfigError, nearest
from distillrun.files.disk import disk_trouble
from distillrun.files.streams import outlive_the_terminal
from distillrun.process.interrupt import stops_at_once
from distillrun.sweep.ending import tell_why
from distillrun.text.secret import check_words, hide

COMMANDS = {
    "init": init,
    "plan": plan,
    "predict": predict,
    "report": report,
    "runs": runs,
    "store": store,
    "study": study,
}
PARSERS = {
    "init": init_parser,
    "plan": plan_parser,
    "predict": predict_parser,
    "report": report_parser,
    "runs": runs_parser,
    "store": store_parser,
    "study": study_parser,
}
"""The parser of each command's arguments, for completion."""


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
    if given and re.fullmatch(r"\w+", given[0]) and not HELP & {*given}:
        check_blanks(given)
        known = f"{nearest(given[0], COMMANDS)}; there are {', '.join(COMMANDS)}, and settings are KEY=VALUE"
        raise ConfigError(f"there is no command {given[0]}{known}")
    return experiment(given, COMMANDS, PARSERS)


def _ended(code: int, why: str) -> int:
    """Print why, pass it on to the sweep that this may be a job of, and return the exit code."""
    sys.stderr.write(f"distillrun: {hide(why)}\n")
    tell_why(hide(why))
    return code
