"""Starts command lines as forks of one process that has imported torch: the same code without seconds of imports.

Reads one JSON object a line from standard input (the arguments, the folder, variables, the file for what is printed),
and answers with the process id. The exit code is written to a file when the process has ended.
"""

import json
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path


def warm_up() -> None:
    """Import what a run imports."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM  # noqa: F401

    import distillrun.cli
    import distillrun.language_model.load
    import distillrun.run.pipeline
    import distillrun.run.stages.read_logits
    import distillrun.student.tiny
    import distillrun.training.loop  # noqa: F401


def start(order: dict) -> int:
    """Fork a command line and return its process id."""
    pid = os.fork()
    if pid:
        return pid
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
        from distillrun.cli import main

        sys.argv = ["distillrun", *order["words"]]
        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


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

    print("ready", flush=True)
    reaper = None
    for line in sys.stdin:
        order = json.loads(line)
        pid = start(order)
        files[pid] = order["out"]
        print(pid, flush=True)
        if reaper is None:
            reaper = threading.Thread(target=reap, daemon=True)
            reaper.start()


if __name__ == "__main__":
    main()
