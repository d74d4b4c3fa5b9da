"""Starts command lines as forks of one process that has imported torch: the same code without seconds of imports.

Reads one JSON object a line from standard input (the arguments, the folder, variables, the file for what is printed, or
another program), and answers with the process id. The exit code is written to a file when the process has ended.
"""

import gc
import json
import os
import resource
import signal
import sys
import threading
import traceback
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


def start(order: dict[str, Any]) -> int:
    """Fork a command line and return its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        os.setsid()
        out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
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


def main() -> None:
    warm_up()
    files: dict[int, str] = {}

    def reap() -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                threading.Event().wait(0.02)
                continue
            while pid not in files:  # it ended before its number was noted
                threading.Event().wait(0.005)
            Path(f"{files[pid]}.part").write_text(str(os.waitstatus_to_exitcode(status)))
            Path(f"{files[pid]}.part").replace(f"{files.pop(pid)}.code")

    print("ready", flush=True)  # noqa: T201
    reaper = None
    for line in sys.stdin:
        order = json.loads(line)
        pid = start(order)
        files[pid] = order["out"]
        print(pid, flush=True)  # noqa: T201
        if reaper is None:
            reaper = threading.Thread(target=reap, daemon=True)
            reaper.start()


if __name__ == "__main__":
    main()
