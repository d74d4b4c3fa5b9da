"""`distillrun plan`: says what a run or a sweep would do, ask and cost."""

import argparse
import gc
import json
import sys
from collections.abc import Sequence

from distillrun.config.hydra_errors import explain, is_complaint
from distillrun.config.settings import Config


def plan(arguments: Sequence[str]) -> int:
    """Print what a run, or with -m a sweep, would do, ask and cost; nothing is asked or made."""
    given = plan_parser().parse_intermixed_args(arguments)
    gc.disable()  # a plan makes millions of small objects; looking for circles among them took a quarter of its time
    try:
        return _plan_sweep(given) if given.multirun else _plan_run(given)
    except Exception as error:
        if is_complaint(error):
            raise explain(error, given.settings, given.config_dir) from error
        raise
    finally:
        gc.enable()


def plan_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun plan", description=plan.__doc__)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="the settings of the run")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own options")
    parser.add_argument("--config-name", default="config", metavar="NAME", help="another primary config")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-m", "--multirun", action="store_true", help="plan all jobs of a sweep")
    return parser


def _plan_run(given: argparse.Namespace) -> int:
    from distillrun.config.single_run import single_run

    config = single_run(given.settings, given.config_name, given.config_dir)
    from distillrun.pipeline.experiment import prepare
    from distillrun.planning.making import make_plan
    from distillrun.planning.text import plan_text

    made = make_plan(prepare(config))
    sys.stdout.write(json.dumps(made.as_json(), indent=1) + "\n" if given.json else plan_text(made))
    return 0


def _plan_sweep(given: argparse.Namespace) -> int:
    """Print the plan of a sweep; the exit code is 2 where a job would be refused."""
    from distillrun.config.compose import check_permission, permits
    from distillrun.sweep.starting import sweep_jobs

    jobs = sweep_jobs(given.settings, given.config_name, given.config_dir)
    for _, config in jobs:
        if isinstance(config, Config):
            check_permission(config, permits(given.settings))
    from distillrun.planning.sweep import make_sweep_plan, sweep_plan_text

    made = make_sweep_plan(jobs)
    sys.stdout.write(json.dumps(made.as_json(), indent=1) + "\n" if given.json else sweep_plan_text(made))
    return 2 if made.refused else 0
