"""`distillrun plan`."""

import argparse
import json
import sys
from collections.abc import Sequence

from distillrun.complaint import explain, is_complaint
from distillrun.errors import ConfigError


def plan(arguments: Sequence[str]) -> int:
    """Tell what a run with the same settings would do, ask and cost; nothing is asked, trained or written."""
    parser = argparse.ArgumentParser("distillrun plan", description=plan.__doc__)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="as of the run")
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own options")
    parser.add_argument("--config-name", default="config", metavar="NAME", help="another primary config")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-m", "--multirun", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_intermixed_args(arguments)
    from distillrun.composition import config_of, sweeping

    if given.multirun or sweeping(given.settings):
        raise ConfigError("distillrun plan tells of one run, not of a sweep; give one value for each setting")
    try:
        config = config_of(given.settings, given.config_name, given.config_dir)
    except Exception as error:
        if is_complaint(error):
            raise explain(error, given.settings, given.config_dir) from error
        raise
    permitted = any(line.lstrip("+").startswith("runtime.allow_targets=") for line in given.settings)
    if config.runtime.allow_targets and not permitted:
        raise ConfigError("runtime.allow_targets lets a file run any code, so it counts on the command line only")
    from distillrun.experiment import prepare
    from distillrun.plan import make_plan, plan_text

    made = make_plan(prepare(config))
    sys.stdout.write(json.dumps(made.as_json(), indent=1) + "\n" if given.json else plan_text(made))
    return 0
