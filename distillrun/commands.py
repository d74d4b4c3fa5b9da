"""The sub-commands beside runs: `distillrun plan`, `distillrun predict` and `distillrun store`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.complaint import explain, is_complaint
from distillrun.errors import ConfigError


def predict(arguments: Sequence[str]) -> int:
    """Ask the student of a finished run one question."""
    parser = argparse.ArgumentParser("distillrun predict", description=predict.__doc__)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a run's folder, with config.yaml and student/")
    parser.add_argument("question")
    parser.add_argument("--choices", nargs="+", required=True, metavar="CHOICE", help="two or more")
    parser.add_argument("--allow", action="append", default=[], metavar="MODULE", help="as runtime.allow_targets")
    given = parser.parse_args(arguments)
    from distillrun.predict import predict as ask
    from distillrun.report.text import plain

    prediction = ask(given.run, given.question, given.choices, allowed=given.allow)
    answer = "unparsed" if prediction.choice is None else given.choices[prediction.choice]
    sys.stdout.write(
        f"answer: {plain(answer)}\nexplanation: {plain(prediction.rationale)}\ntext: {plain(prediction.text)}\n"
    )
    return 0


def store(arguments: Sequence[str]) -> int:
    """Show what finished stages take up, or free it; a run that needs it again computes it again."""
    parser = argparse.ArgumentParser("distillrun store", description=store.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    everything = actions.add_parser("list", help="one line per stored artifact")
    prune = actions.add_parser("prune", help="delete artifacts; say which")
    for action in (everything, prune):
        action.add_argument("--store", type=Path, default=Path("artifacts"), metavar="DIR", help="paths.store")
    prune.add_argument("--stage", help="only of this stage, such as train")
    prune.add_argument("--older-than", type=float, metavar="DAYS", help="only what was last used longer ago")
    prune.add_argument("--unfinished", action="store_true", help="what interrupted stages left")
    prune.add_argument("--all", action="store_true", help="everything that is finished")
    prune.add_argument("--dry-run", action="store_true", help="delete nothing")
    given = parser.parse_args(arguments)
    from distillrun.artifacts import ArtifactStore

    if not given.store.is_dir():
        raise ConfigError(f"--store {given.store}: there is no such folder")
    if given.action == "prune" and given.older_than is not None and not given.older_than >= 0:
        raise ConfigError(f"--older-than {given.older_than:g}: days are counted back from now; give 0 or more")
    artifacts = ArtifactStore(given.store)
    if given.action == "list":
        verb, stored = "stored", list(artifacts.list())
    elif given.all or given.stage or given.older_than is not None or given.unfinished:
        verb = "would be freed" if given.dry_run else "freed"
        stored = artifacts.prune(
            stage=given.stage, older_than_days=given.older_than, unfinished=given.unfinished, dry_run=given.dry_run
        )
    else:
        raise ConfigError("say what to delete: --older-than DAYS, --stage NAME, --unfinished or --all")
    for artifact in stored:
        used = f"{artifact.last_used:%Y-%m-%d %H:%M}"
        state = "" if artifact.complete else "  unfinished"
        line = f"{artifact.stage:<16} {artifact.fingerprint[:16]} {_size(artifact.bytes):>9}  used {used}{state}"
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{_size(sum(artifact.bytes for artifact in stored))} {verb} in {len(stored)} artifacts\n")
    return 0


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
    from distillrun.pipeline import prepare
    from distillrun.plan import make_plan, plan_text

    made = make_plan(prepare(config))
    sys.stdout.write(json.dumps(made.as_json(), indent=1) + "\n" if given.json else plan_text(made))
    return 0


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
