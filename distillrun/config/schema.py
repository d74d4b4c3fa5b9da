"""The schema of a run's settings: what Hydra composes against and our code reads as `config.x`.

The parts (task, teacher, ...) are open here: their schema is the constructor that their `_target_` names, see
`distillrun.config.build`. Light enough for the command line: no torch.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


class Until(StrEnum):
    """The stage after which a run stops, in order."""

    load = "load"
    generate = "generate"
    read_logits = "read_logits"
    train = "train"
    evaluate = "evaluate"
    report = "report"


class Schedule(StrEnum):
    """The shape of the learning rate after the warm-up: falling from its peak to zero at `max_steps`, or constant."""

    linear = "linear"
    cosine = "cosine"
    constant = "constant"


class Precision(StrEnum):
    """The arithmetic of the forward pass, whatever the type of the weights."""

    fp32 = "fp32"
    bf16 = "bf16"


class OptimizerName(StrEnum):
    """The optimizer of the student's weights; all but SGD adapt the step of each weight."""

    adamw = "adamw"
    adamw_8bit = "adamw_8bit"
    adafactor = "adafactor"
    sgd = "sgd"


class Keep(StrEnum):
    """The student that is kept: the best on dev, or the last."""

    best = "best"
    last = "last"


class Progress(StrEnum):
    """The display of progress: a bar on a terminal and a line each minute elsewhere, or nothing."""

    auto = "auto"
    never = "never"


@dataclass
class GenerationConfig:
    """The teacher's work: steps by name, in the order in which they run.

    Attributes:
        seed: decides every draw.
        attempts: how often a completion that cannot be used is drawn, the first time included; a greedy one is drawn
            once, since it would be the same.
        max_failed_share: of a step's completions, how many may be unusable before the run stops.
        steps: by name.
    """

    seed: int = 0
    attempts: int = 3
    max_failed_share: float = 0.2
    steps: dict[str, Any] = field(default_factory=dict)


@dataclass
class TrainingConfig:
    """The one training loop; units and meaning of each field stand in conf/training."""

    max_steps: int = MISSING
    examples_per_step: int = MISSING
    learning_rate: float = MISSING
    warmup_steps: int = MISSING
    schedule: Schedule = MISSING
    weight_decay: float = MISSING
    beta1: float = MISSING
    beta2: float = MISSING
    epsilon: float = MISSING
    max_gradient_norm: float | None = MISSING
    seed: int = MISSING
    precision: Precision = MISSING
    micro_batch_tokens: int = MISSING
    shuffle_choices: bool = MISSING
    learn_padding: bool = MISSING
    eval_every: int = MISSING
    dev_examples: int | None = MISSING
    dev_new_tokens: int = MISSING
    keep: Keep = MISSING
    patience: int | None = MISSING
    save_every: int = MISSING
    log_every: int = MISSING
    pretrained_rate_limit: float | None = 1.0e-3
    optimizer: OptimizerName = OptimizerName.adamw
    warm_start_steps: int = 0
    warm_start_learning_rate: float | None = None


@dataclass
class RuntimeConfig:
    """Settings that may change speed but never results."""

    device: str = MISSING
    devices: str | None = MISSING
    tokens_per_batch: int = MISSING
    progress: Progress = MISSING
    threads: int | None = MISSING
    allow_targets: list[str] = MISSING
    check_disk: bool = True
    check_memory: bool = True


@dataclass
class SweepConfig:
    """The execution of a sweep's jobs; none of it changes what a job computes.

    Attributes:
        on_error: continue: the others run all the same; stop: no further job is started.
        retries: further attempts of a job that failed or was killed.
    """

    on_error: str = "continue"
    retries: int = 0


@dataclass
class PathsConfig:
    """Folders for results, relative to the current folder. `run` None: a new folder under `runs`."""

    store: str = "artifacts"
    runs: str = "runs"
    run: str | None = None


@dataclass
class Settings:
    """Everything that YAML files and the command line decide."""

    name: str = MISSING
    until: Until = MISSING
    replicates: int = 1
    task: Any = MISSING
    teacher: Any = MISSING
    logit_teacher: Any = None
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    student: Any = MISSING
    objective: Any = MISSING
    evaluation: dict[str, Any] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    tracking: Any = MISSING
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)


@cache
def register_schema() -> None:
    """Make `Settings` known to Hydra as the config named `schema`; conf/config.yaml lists it first."""
    ConfigStore.instance().store(name="schema", node=Settings, provider="distillrun")
