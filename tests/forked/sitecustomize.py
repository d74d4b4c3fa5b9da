"""Makes a job of a sweep a fork of the tests' zygote, where TESTS_ZYGOTE is the address of one.

Python imports this before anything else where its folder is on PYTHONPATH. The process that was started stays: it
passes signals on to the fork, which dies with it, and ends as the fork ended. So a sweep, under whatever launcher, sees
processes that behave as real jobs do, without six seconds of imports each.
"""

import os
import sys


def be_a_fork(address: str, words: list[str]) -> None:
    """Have the zygote run a command line with this process's folder, variables and open files."""
    import json
    import signal
    import socket
    from pathlib import Path

    listed = [*Path("/dev/fd").iterdir()]
    files = [int(file.name) for file in listed if file.exists()]  # that of the listing is closed
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    order = {"words": words, "folder": str(Path.cwd()), "env": dict(os.environ), "files": files}
    socket.send_fds(connection, [b"\n"], files)
    connection.sendall(json.dumps(order).encode() + b"\n")
    told = connection.makefile()
    process = int(told.readline())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, _: os.kill(process, number))
    code = int(told.readline())
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if {"TESTS_ZYGOTE", "DISTILLRUN_REASON"} <= os.environ.keys() and "distillrun" in sys.orig_argv:
    be_a_fork(os.environ["TESTS_ZYGOTE"], sys.orig_argv[sys.orig_argv.index("distillrun") + 1 :])
