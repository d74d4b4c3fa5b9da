"""The closed list of keys under `hydra.`, checked before Hydra acts on a config that anybody may have written.

Hydra builds callbacks, loggers, launchers and sweepers from what it finds there and sets variables of the environment,
and none of that passes the fence around `_target_`. What can be a command of a shell, a place outside of the sweep or
another machine counts on the command line only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distillrun.config.hydra_settings import UNUSED
from distillrun.errors import UnsafeError
from distillrun.upstream import BASIC_LAUNCHER, BASIC_SWEEPER, parsed_overrides

_SILENT = {"version": 1, "root": None, "disable_existing_loggers": False}

FIXED: Mapping[str, object] = {
    "callbacks": {},
    "env": {},
    "hydra_logging": _SILENT,
    "job_logging": _SILENT,
    "job.env_copy": [],
    "job.env_set": {},
}
"""Keys under `hydra.` that have one value, in addition to those that are `UNUSED`."""

_FREE = "mode sweep.dir searchpath help hydra_help runtime overrides job.id job.num job.config_name"
FREE = frozenset(f"{_FREE} job.override_dirname launcher sweeper".split())
"""Keys whose values Hydra only reads or shows, and those that are checked one by one."""

TARGETS: Mapping[str, frozenset[str]] = {
    "launcher": frozenset(
        {
            BASIC_LAUNCHER,
            "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
            "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
            "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
            "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
        }
    ),
    "sweeper": frozenset(
        {
            BASIC_SWEEPER,
            "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
        }
    ),
    "sweeper.sampler": frozenset(
        f"optuna.samplers.{name}Sampler" for name in ("CmaEs", "Grid", "MOTPE", "NSGAII", "QMC", "Random", "TPE")
    ),
}
"""The classes that Hydra may build, by the only places where it may."""

_SECTIONS = ("job", "job.config", "run", "sweep")

_JOBLIB = "n_jobs prefer require verbose timeout pre_dispatch batch_size max_nbytes mmap_mode"
_QUEUE = (
    "timeout_min cpus_per_task gpus_per_node tasks_per_node mem_gb nodes name stderr_to_stdout partition qos comment"
    " constraint exclude gres cpus_per_gpu gpus_per_task mem_per_gpu mem_per_cpu account signal_delay_s max_num_timeout"
    " array_parallelism"
)
_RAY = "ray.remote.num_cpus ray.remote.num_gpus ray.init.num_cpus ray.init.num_gpus"
_SEARCH = "max_batch_size params search_space direction study_name n_trials n_jobs max_failure_rate"
_FROM_FILES: Mapping[str, frozenset[str]] = {
    "launcher": frozenset(f"{_JOBLIB} {_QUEUE} {_RAY}".split()),
    "sweeper": frozenset(_SEARCH.split()),
}
AS_SHIPPED = {"submitit_folder": "${hydra.sweep.dir}/.submitit/%j"}
"""Settings of launchers that a file may repeat, and not change."""

_WORD = re.compile(r"[\w.,:/=%+@*()-]*", re.ASCII)


def check_hydra(node: Mapping[str, Any], given: Sequence[str]) -> None:
    """Refuse a composed config whose `hydra` node may make Hydra do more than compose and run jobs.

    Args:
        node: the `hydra` node as plain values, interpolations left as they are.
        given: the overrides that it was composed with.

    Raises:
        UnsafeError: naming every key that does not belong there.
    """
    problems = [*_closed(node), *_overrides(node, given), *_swept(node)]
    for part in ("launcher", "sweeper"):
        problems += _built(part, node.get(part), given)
    if problems:
        raise UnsafeError("\n".join(dict.fromkeys(problems)))


def check_searchpath(places: Sequence[str]) -> None:
    """Refuse to look for config files inside Python packages, since finding those imports them."""
    for place in places:
        if "://" in place and not place.startswith("file://"):
            raise UnsafeError(f"hydra.searchpath={place} is not a folder; give one, such as file:///home/me/my_conf")


def _closed(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each key that is not on the list, or has another value than the one it may have."""
    for key, value in _keys(node):
        if key in UNUSED:
            shipped, instead = UNUSED[key]
            if value != shipped and value != "???":
                yield f"hydra.{key}={value} is not used: {instead}"
        elif key not in FREE and key not in FIXED:
            yield f"hydra.{key} has no effect in distillrun; remove it"
        elif key in FIXED and value != FIXED[key]:
            yield f"hydra.{key} could make Hydra run code or write elsewhere, so it cannot be changed; remove it"


def _keys(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the keys that the lists know, those of a few sections one level down."""
    for key, value in node.items():
        here = f"{path}{key}"
        if here in _SECTIONS and isinstance(value, Mapping):
            yield from _keys(value, f"{here}.")
        else:
            yield here, value


def _overrides(node: Mapping[str, Any], given: Sequence[str]) -> Iterator[str]:
    """Yield a message where a file adds overrides of its own: jobs would take them for the command line's."""
    noted = node.get("overrides") or {}
    if {str(line) for part in ("hydra", "task") for line in noted.get(part) or []} - set(given):
        yield "hydra.overrides records the command line, so a file must not set it; remove it"


def _swept(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each swept setting that is Hydra's own."""
    sweeper = node.get("sweeper")
    if not isinstance(sweeper, Mapping):
        return
    for part in ("params", "search_space"):
        swept = sweeper.get(part)
        if swept is not None and not isinstance(swept, Mapping):
            yield f"hydra.sweeper.{part} must be settings by name"
            continue
        parsed = parsed_overrides([f"{key}=0" for key in swept or {}])
        yield from (
            f"hydra.sweeper.{part} sweeps {one.key_or_group}, which is Hydra's own; give it on the command line"
            for one in parsed
            if one.is_hydra_override()
        )


def _built(part: str, node: Any, given: Sequence[str]) -> Iterator[str]:
    """Yield a message for each thing about a launcher or sweeper that a file may not decide."""
    here = f"hydra.{part}"
    if not isinstance(node, Mapping):
        yield f"{here} is not there; choose an option, such as hydra/{part}=basic"
        return
    yield from _targets(part, node)
    for key, value in _leaves(node, _FROM_FILES[part]):
        name = key.rpartition(".")[2]
        if name.startswith("_") or value in (None, {}, [], "???") or AS_SHIPPED.get(key) == value:
            continue
        from_file = key in _FROM_FILES[part] or key.startswith("sampler.")
        from_file |= key == "storage" and str(value).startswith("sqlite:///")
        if from_file and (key in ("params", "search_space") or _is_plain(value)):
            continue
        if not _is_given(f"{here}.{key}", given):
            told = "may hold commands" if from_file else "could run code or reach another machine"
            yield f"{here}.{key} {told}, so it is accepted on the command line only"
    if part == "sweeper" and node.get("custom_search_space") is not None:
        yield f"{here}.custom_search_space would call a function of any module; give the space on the command line"


def _targets(path: str, node: Any) -> Iterator[str]:
    """Yield a message for each `_target_` that is none of the known classes of its place."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if key == "_target_":
            known = TARGETS.get(path, frozenset())
            if value not in known:
                listed = ", ".join(sorted(name.rpartition(".")[2] for name in known)) or "none"
                yield f"hydra.{path}._target_={value} is not allowed; what Hydra may build there: {listed}"
        else:
            yield from _targets(f"{path}.{key}", value)


def _leaves(node: Mapping[str, Any], whole: frozenset[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values by their dotted keys; what stands in `whole` is not taken apart."""
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value and here not in whole:
            yield from _leaves(value, whole, here)
        else:
            yield here, value


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list | str) or (isinstance(value, str) and bool(_WORD.fullmatch(value)))


def _is_given(key: str, given: Sequence[str]) -> bool:
    """Return whether the command line itself sets a key, or a section around it."""
    last = key.rpartition(".")[2]
    named = [line.lstrip("+").partition("=") for line in given]
    return any(key == name or (key.startswith(f"{name}.") and last in value) for name, _, value in named)
