"""Starts command lines as forks of one process that has imported torch: the same code without seconds of imports.

Reads one JSON object a line from standard input (the arguments, the folder, variables, the file for what is printed, or
another program), and answers with the process id. The exit code is written to a file when the process has ended. At the
address that it is given it serves processes that a fork is to stand for (`tests/forked/sitecustomize.py`).
"""

import contextlib
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distillrun.cli import main as command_line


def warm_up() -> None:
    """Import what a run imports, and look once for Hydra's plugins."""
    import wandb  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM  # noqa: F401

    import distillrun.language_model.load
    import distillrun.pipeline.run
    import distillrun.pipeline.stages.read_logits
    import distillrun.student.tiny
    import distillrun.training.loop  # noqa: F401
    from distillrun.config.compose import config_of

    config_of([])
    gc.collect()
    gc.freeze()


def start(order: dict[str, Any], connection: socket.socket | None = None, files: Sequence[int] = ()) -> int:
    """Fork a command line and return its process id.

    Args:
        order: what to do.
        connection: to the process that it stands for (`tests/forked`), whose open files are `files`.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        os.setsid()
        if connection is None:
            out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out, 1)
            os.dup2(out, 2)
        else:
            stand_for(connection, files, order["files"])
            os.environ.clear()
        os.chdir(order["folder"])
        os.environ.update(order["env"])
        if order.get("file_bytes"):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"],) * 2)
        sys.argv = ["distillrun", *order["words"]]
        if order.get("program"):
            exec(order["program"], {"__name__": "__main__"})
        else:
            code = command_line()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # what the zygote does at its own end, such as deleting wandb's folder, is not a fork's to do


def stand_for(connection: socket.socket, files: Sequence[int], numbers: Sequence[int]) -> None:
    """Take another process's open files, each under the number that it had there, and die with that process."""
    own, *moved = (fcntl.fcntl(file, fcntl.F_DUPFD, 512) for file in (connection.fileno(), *files))
    for file, number in zip(moved, numbers, strict=True):
        os.dup2(file, number)

    def die() -> None:
        os.read(own, 1)  # nothing is sent: it returns when the other end is closed
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=die, daemon=True).start()


def main() -> None:
    warm_up()
    ends: dict[int, str | socket.socket] = {}

    def reap() -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                threading.Event().wait(0.02)
                continue
            while pid not in ends:  # it ended before its number was noted
                threading.Event().wait(0.005)
            tell(ends.pop(pid), os.waitstatus_to_exitcode(status))

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(16)
    print("ready", flush=True)  # noqa: T201
    reaper = None
    while True:
        if listening.fileno() in select.select([0, listening.fileno()], [], [])[0]:
            connection = listening.accept()[0]
            _, files, _, _ = socket.recv_fds(connection, 1, 64)
            order = json.loads(connection.makefile().readline())
            pid = start(order, connection, files)
            ends[pid] = connection
            connection.sendall(f"{pid}\n".encode())
            for file in files:
                os.close(file)
        elif line := read_line():
            order = json.loads(line)
            pid = start(order)
            ends[pid] = order["out"]
            print(pid, flush=True)  # noqa: T201
        else:
            return
        if reaper is None:
            reaper = threading.Thread(target=reap, daemon=True)
            reaper.start()


def read_line() -> str:
    """Return the next line of standard input, without reading ahead of it; empty at its end."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def tell(whom: str | socket.socket, code: int) -> None:
    """Pass an exit code on: into a file beside the output, or to the process that the fork stands for."""
    if isinstance(whom, str):
        Path(f"{whom}.part").write_text(str(code))
        Path(f"{whom}.part").replace(f"{whom}.code")
        return
    with whom, contextlib.suppress(OSError):  # it may be gone
        whom.sendall(f"{code}\n".encode())


if __name__ == "__main__":
    main()
