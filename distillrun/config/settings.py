"""Plain, checked Python values made of a composed config; nothing after `resolve` sees an OmegaConf node."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, make_dataclass, replace
from functools import cache
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, InterpolationKeyError, OmegaConfBaseException

from distillrun.config.fail_below import FAIL_BELOW, wrong_bars
from distillrun.config.schema import Keep, Settings
from distillrun.errors import ConfigError, nearest
from distillrun.names.later_settings import without_later
from distillrun.names.parts import as_hashed, with_names
from distillrun.records import Json
from distillrun.text.secret import check_values

BASELINES = "baselines"
"""The key of `evaluation` that, as `fail_below`, is a setting and no evaluator."""


@dataclass
class Config(Settings):
    """The settings of a run, and which option of each config group they came from."""

    selected: dict[str, Json] = field(default_factory=dict)

    @property
    def evaluators(self) -> dict[str, Any]:
        """The configs of the scoring rules and the measures, by name."""
        return {name: leaf for name, leaf in self.evaluation.items() if name not in (BASELINES, FAIL_BELOW)}

    @property
    def baselines(self) -> bool:
        """True if the untrained student, the label-only student and the teacher are scored as well."""
        return bool(self.evaluation.get(BASELINES, False))

    @property
    def fail_below(self) -> dict[str, float]:
        """The least values of scores, by name, below which a command ends with exit code 1."""
        return dict(self.evaluation.get(FAIL_BELOW) or {})


def resolve(
    cfg: DictConfig | Mapping[str, Any], selected: Mapping[str, Json] | None = None, base: Config | None = None
) -> Config:
    """Return the composed config as plain, checked values, in which parts are called by their names.

    Args:
        cfg: composed by Hydra, as its nodes or as plain values, or read from a run folder's config.yaml.
        selected: the option chosen of each config group.
        base: where `cfg` holds some sections only, what all others are taken from.

    Raises:
        UnsafeError: naming every value that holds a key.
        ConfigError: naming every value that is missing or out of range.
    """
    try:
        # as a dict, since a structured node may have been given keys by force that its schema does not have
        given = with_names(OmegaConf.to_container(cfg, resolve=False) if isinstance(cfg, DictConfig) else cfg)
        refers = any("${" in text or text == MISSING for text in _texts(given))
        schema = _schema(None if base is None else tuple(str(key) for key in cfg))
        merged = OmegaConf.merge(schema, given if refers else _typed(given))
        missing = sorted(OmegaConf.missing_keys(merged))
        if missing:
            raise ConfigError(f"not set: {', '.join(missing)}; give a value, such as {missing[0]}=...")
        settings: Any = OmegaConf.to_object(merged)
    except ConfigKeyError as error:
        known = [str(name) for name in error.parent_node or ()]
        raise ConfigError(
            f"there is no {error.full_key}{nearest(str(error.key), known)}; known: {', '.join(known)}"
        ) from error
    except InterpolationKeyError as error:
        raise ConfigError(
            f"{error.full_key}: {str(error).splitlines()[0]}; write a value, or the full name of a setting, such as "
            "${training.seed}"
        ) from error
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    values = vars(settings) if refers else _completed(vars(settings), given)
    config = replace(base, **values) if base else Config(**values, selected=dict(selected or {}))
    check_values(OmegaConf.to_container(merged, resolve=True, enum_to_str=True) if refers else given)
    if problems := list(_wrong_values(config)):
        raise ConfigError("\n".join(problems))
    return config


def _texts(node: Any) -> Iterator[str]:
    """Yield every text of plain values."""
    if isinstance(node, str):
        yield node
    for value in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _texts(value)


_OPEN = tuple(one.name for one in fields(Settings) if one.type is Any)


def _typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with None for what the schema leaves open: OmegaConf is slow, and checks none of it."""
    typed = {name: None if name in _OPEN else value for name, value in given.items()}
    if isinstance(judging := typed.get("evaluation"), Mapping):
        typed["evaluation"] = dict.fromkeys(judging)
    generation = typed.get("generation")
    if isinstance(generation, Mapping) and isinstance(steps := generation.get("steps"), Mapping):
        typed["generation"] = {**generation, "steps": dict.fromkeys(steps)}
    return typed


def _completed(checked: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked settings with the values that `_typed` left out."""
    if "steps" in given.get("generation", ()):
        checked["generation"].steps = given["generation"]["steps"]
    return {**checked, **{name: given[name] for name in (*_OPEN, "evaluation") if name in given}}


@cache
def _schema(sections: tuple[str, ...] | None) -> DictConfig:
    """Return the types of the spine, or of some sections of it."""
    kind: type = Settings
    if sections is not None:  # a masked copy would keep the values and lose the types of those that are no sections
        chosen = [one for one in fields(Settings) if one.name in sections]
        typed = [
            (one.name, one.type, field(default=one.default, default_factory=one.default_factory)) for one in chosen
        ]
        kind = make_dataclass("Sections", typed)
    schema: DictConfig = OmegaConf.structured(kind)
    return schema


def plain(config: Config) -> dict[str, Any]:
    """Return the settings as JSON-able values, for config.yaml and trackers; `resolve` reads them back."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    del values["selected"]
    return values


UNHASHED = ("paths", "runtime", "tracking", "sweep", "replicates")
"""What changes no result of a run."""


def digest(config: Config) -> str:
    """Return the sha256 of what can change a run's results; equal settings have equal digests on every machine.

    Keys are not sorted: the order of the generation steps is part of their meaning.
    """
    hashed = {key: value for key, value in plain(config).items() if key not in UNHASHED}
    hashed["evaluation"] = {name: leaf for name, leaf in hashed["evaluation"].items() if name != FAIL_BELOW}
    return hashlib.sha256(json.dumps(as_hashed(without_later(hashed))).encode()).hexdigest()


def _wrong_values(config: Config) -> Iterator[str]:
    """Yield a message for each value of the spine that is of the right type but cannot be."""
    training, runtime = config.training, config.runtime
    if not re.fullmatch(r"[\w.-]+", config.name) or config.name.startswith("."):
        yield f"name={config.name!r} becomes a folder's name; use letters, digits, '_', '-' and '.'"
    if not 0 <= config.generation.max_failed_share <= 1:
        yield f"generation.max_failed_share={config.generation.max_failed_share} must lie between 0 and 1"
    positive = {
        **_values("generation", config.generation, "attempts"),
        **_values("training", training, "examples_per_step learning_rate epsilon micro_batch_tokens"),
        **_values(
            "training",
            training,
            "max_gradient_norm dev_examples dev_new_tokens patience log_every",
        ),
        **_values(
            "training",
            training,
            "pretrained_rate_limit warm_start_learning_rate",
        ),
        **_values("runtime", runtime, "tokens_per_batch threads"),
        "replicates": config.replicates,
    }
    for key, value in positive.items():
        if value is not None and not 0 < value < math.inf:
            yield f"{key}={value} must be above 0"
    for key, value in _values(
        "training", training, "max_steps warmup_steps weight_decay eval_every save_every seed warm_start_steps"
    ).items():
        if not 0 <= value < math.inf:
            yield f"{key}={value} must be 0 or more"
    for key, value in _values("training", training, "beta1 beta2").items():
        if not 0 <= value < 1:
            yield f"{key}={value} must be in [0, 1)"
    if training.eval_every == 0 and training.keep is Keep.best:
        yield "training.keep=best needs dev checks, but training.eval_every=0; set training.eval_every or keep=last"
    if training.eval_every == 0 and training.patience is not None:
        yield "training.patience needs dev checks, but training.eval_every=0; set training.eval_every or patience=null"
    if not isinstance(config.evaluation.get(BASELINES, False), bool):
        yield f"evaluation.{BASELINES}={config.evaluation[BASELINES]!r} must be true or false"
    yield from wrong_bars(config.evaluation.get(FAIL_BELOW) or {})
    if config.sweep.on_error not in ("continue", "stop"):
        yield f"sweep.on_error={config.sweep.on_error} must be continue or stop"
    if config.sweep.retries < 0:
        yield f"sweep.retries={config.sweep.retries} must be 0 or more"
    if runtime.devices not in (None, "auto"):
        yield f"runtime.devices={runtime.devices} must be auto, or null for no sharing"
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", runtime.device):
        yield f"runtime.device={runtime.device} is not a device; choose auto, cpu, cuda, cuda:0 or mps"


def _values(section: str, node: object, names: str) -> dict[str, Any]:
    return {f"{section}.{name}": getattr(node, name) for name in names.split()}
