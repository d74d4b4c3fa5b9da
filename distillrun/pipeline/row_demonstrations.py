"""The steps whose prompts show training rows as demonstrations: they are given them before anything is asked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from distillrun.config.build import Parts
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.generation.shared.few_shot import ROWS, FewShotStep
from distillrun.generation.shared.row_demonstrations import UNSHOWN, drawn, with_rows
from distillrun.interfaces import DemonstratingTask, GenerationStep, LabelTask, label_source_of
from distillrun.pipeline.preflight_generation import run_steps
from distillrun.records import Example, SolvedExample, Split
from distillrun.text.repeats import asked

_log = logging.getLogger(__name__)


def with_row_demonstrations(config: Config, parts: Parts, examples: Mapping[Split, Sequence[Example]]) -> Parts:
    """Return the parts of a run, with the rows that prompts show.

    Args:
        config: of the run; its `generation.seed` draws the rows.
        parts: as they were built.
        examples: of each split.

    Raises:
        ConfigError: a prompt shows what rows do not have.
    """
    found: dict[str, GenerationStep] = {}
    rows: list[SolvedExample] | None = None
    used = run_steps(config, parts)
    for name, step in parts.steps.items():
        if not isinstance(step, FewShotStep) or not step.prompt.demos:
            continue
        key = f"generation.steps.{name}.prompt"
        if step.prompt.demonstrations != ROWS:
            if name in used:
                _warn_of_others(key, step, parts)
            continue
        if absent := [field for field in UNSHOWN if step.prompt.shows(field)]:
            raise ConfigError(
                f"{key}.demonstrations={ROWS} shows training rows, which have no {absent[0]}, as {key}.reply shows; "
                f"set {key}.demos=0, or write demonstrations"
            )
        if rows is None:
            held_out = {asked(one) for split, own in examples.items() if split != "train" for one in own}
            rows = drawn(_solved(parts, examples["train"]), held_out, config.generation.seed)
        made: Any = step  # a dataclass, as every step with a prompt is
        found[name] = replace(made, prompt=with_rows(step.prompt, rows))
        if name in used:
            _tell(key, step, found[name], len(rows))
    return replace(parts, steps={**parts.steps, **found}) if found else parts


def _solved(parts: Parts, train: Sequence[Example]) -> list[SolvedExample]:
    """Return the rows of the task's own file of them, or the training rows whose right answers may be shown."""
    task = parts.task
    own = task.solved() if isinstance(task, DemonstratingTask) else None
    if own is not None:
        return list(own)
    return [] if label_source_of(task) == "teacher" else [SolvedExample(one) for one in train if one.answer is not None]


def _tell(key: str, asked_for: FewShotStep, made: Any, rows: int) -> None:
    """Say how many rows are shown, where that is not what was asked for."""
    wanted, given = asked_for.prompt.demos, made.prompt.demos
    if given == wanted:
        return
    why = f"{rows:,} training rows have a right answer to show"
    if asked_for.prompt.shows("rationale"):
        why += f" and {len(made.prompt.written):,} a rationale (task.fields.rationale names its column)"
    _log.warning("%s.demos=%d: %d are shown, since %s", key, wanted, given, why)


def _warn_of_others(key: str, step: FewShotStep, parts: Parts) -> None:
    """Say that written demonstrations are not of the task, where that can be seen."""
    if isinstance(parts.task, LabelTask) and not any(
        set(one.choices) <= set(parts.task.labels()) for one in step.prompt.written
    ):
        _log.warning(
            "%s: its %d demonstrations are of other questions than labels; %s.demonstrations=%s shows training rows, "
            "%s.demos=0 none",
            key,
            step.prompt.demos,
            key,
            ROWS,
            key,
        )
