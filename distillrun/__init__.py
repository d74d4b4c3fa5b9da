"""distillrun: knowledge-distillation experiments from one command, or from Python.

    import distillrun as dr

    run = dr.run(["objective=multitask", "training.seed=1"])    # as `distillrun objective=multitask training.seed=1`
    run = dr.load_run("runs/2026-11-30_22-00-00_distillrun_1a2b3c4d")
    run.scores["test/accuracy"].value                           # a share, with .low, .high and .n
    run.predictions                                             # a pandas DataFrame, an answer a row
    run.student.predict("Where would you put a kettle?", ["kitchen", "road"])

`compose` and `plan` show what a run would be. Nothing heavy is imported before one of them is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distillrun.api import Plan, Run, compose, load_run, plan, run
    from distillrun.config.settings import Config
    from distillrun.errors import BudgetSpentError, ConfigError

__version__ = "0.2.0"

__all__ = [
    "BudgetSpentError",
    "Config",
    "ConfigError",
    "Plan",
    "Run",
    "compose",
    "load_run",
    "plan",
    "run",
]

_HOMES = {
    "BudgetSpentError": "errors",
    "Config": "config.settings",
    "ConfigError": "errors",
    "Plan": "api",
    "Run": "api",
    "compose": "api",
    "load_run": "api",
    "plan": "api",
    "run": "api",
}


if not TYPE_CHECKING:  # a type checker shall find wrong names

    def __getattr__(name: str) -> Any:
        """Import what is asked for by its name."""
        if name not in _HOMES:
            raise AttributeError(f"module 'distillrun' has no attribute {name!r}")
        return getattr(import_module(f"distillrun.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
