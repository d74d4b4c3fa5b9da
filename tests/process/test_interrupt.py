"""Signals that ask for an end, as real processes get them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from distillrun.process.interrupt import stops_at_once, stops_when_saved

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
LATER_S = 0.8
"""More than the time within which two signals are one."""

WORKER = """
import signal, sys, time
from distillrun.process.interrupt import stops_at_once, stops_when_saved
{before}
try:
    with stops_at_once():
        with stops_when_saved() as stopping:
            print("ready", flush=True)
            while not stopping():
                time.sleep(0.01)
            print("saving", flush=True)
            end = time.monotonic() + 1.4
            while time.monotonic() < end:
                time.sleep(0.01)
            print("saved", flush=True)
            raise KeyboardInterrupt
except KeyboardInterrupt:
    print("closed", flush=True)
"""


def told(*signals: tuple[float, signal.Signals], before: str = "", ignored: Sequence[signal.Signals] = ()) -> list[str]:
    """Start a worker that needs two seconds to save, send it signals, each after a wait, and return what it did."""

    def prepare() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    command = [sys.executable, "-c", WORKER.format(before=before)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=prepare) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for wait_s, number in signals:
            time.sleep(wait_s)
            process.send_signal(number)
        out, _ = process.communicate(timeout=900)
        return [*out.split(), str(process.returncode)]


SAVED, AT_ONCE = ["saving", "saved", "closed", "0"], ["saving", "closed", "0"]


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_that_asks_for_an_end_lets_work_be_saved(number: signal.Signals) -> None:
    assert told((0, number)) == SAVED


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_stops_at_once(number: signal.Signals) -> None:
    assert told((0, number), (LATER_S, number)) == AT_ONCE


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)],
)
def test_an_order_after_another_stops_at_once(first: signal.Signals, second: signal.Signals) -> None:
    assert told((0, first), (LATER_S, second)) == AT_ONCE


@pytest.mark.parametrize(
    ("wait_s", "first", "second"),
    [
        (0.05, signal.SIGTERM, signal.SIGTERM),  # `timeout` tells the process, then its group
        (0.05, signal.SIGINT, signal.SIGTERM),  # the terminal, then the sweep that hands it on
        (0.05, signal.SIGTERM, signal.SIGHUP),  # systemd with SendSIGHUP
        (LATER_S, signal.SIGUSR2, signal.SIGTERM),  # SLURM: --signal, then the end of the time
        (LATER_S, signal.SIGHUP, signal.SIGTERM),
        (LATER_S, signal.SIGTERM, signal.SIGHUP),
    ],
)
def test_two_signals_that_mean_one_end_do_not_cut_the_saving_short(
    wait_s: float, first: signal.Signals, second: signal.Signals
) -> None:
    assert told((0.0, first), (wait_s, second)) == SAVED


def test_what_was_ignored_before_stays_ignored() -> None:
    """`nohup` starts a command with SIGHUP ignored, so that it outlives its terminal."""
    done = told((0, signal.SIGHUP), (LATER_S, signal.SIGHUP), (LATER_S, signal.SIGTERM), ignored=[signal.SIGHUP])
    assert done == SAVED


def test_a_handler_of_somebody_else_s_warning_is_left_to_them() -> None:
    """submitit requeues a job at SIGUSR2."""
    before = "signal.signal(signal.SIGUSR2, lambda *_: print('requeued', flush=True))"
    assert told((0, signal.SIGUSR2), (0.3, signal.SIGTERM), before=before) == ["requeued", *SAVED]


def test_the_handlers_of_before_are_there_again_afterwards() -> None:

    earlier = [signal.getsignal(number) for number in SIGNALS]
    with stops_at_once(), stops_when_saved(ends=False) as stopping:
        signal.raise_signal(signal.SIGUSR1)
        assert stopping()
    assert [signal.getsignal(number) for number in SIGNALS] == earlier
    with stops_when_saved(ends=False) as stopping:
        assert not stopping(), "an end that was asked for earlier is over"
        signal.raise_signal(signal.SIGUSR1)
        assert stopping()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_after_the_last_question_is_not_lost(number: signal.Signals) -> None:
    def interrupted() -> None:
        with stops_when_saved() as stopping:
            assert not stopping()
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with stops_when_saved(ends=False) as stopping:
        os.kill(os.getpid(), number)
    assert stopping()


class Dying:
    """Gets a signal while it is deleted, where Python ignores whatever is raised."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0)


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_that_python_ignores_ends_the_block_all_the_same(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        with stops_at_once():
            Dying(number)
            end = time.monotonic() + 30
            while time.monotonic() < end:
                time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "Traceback" not in capfd.readouterr().err
