"""Parts for tests, built from the shipped configs as a run builds them."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from distillrun.config.build import build
from distillrun.config.compose import compose_first
from distillrun.records import Example, Rationale, TeacherRecord

CONF = Path(__file__).parents[1] / "conf"

EXAMPLE = Example("q1", "Where would you borrow a novel?", ("oven", "library", "river", "garage", "field"), 1)
RECORD = TeacherRecord(
    "q1",
    (
        Rationale("A library lends novels.", "A library lends novels.", 1, "factual", "initial"),
        Rationale("A library lends novels; an oven bakes.", "", 1, "factual", "revised"),
        *(
            Rationale(f"Novels are kept in a {EXAMPLE.choices[choice]}.", "", choice, "counterfactual", "initial")
            for choice in (0, 2, 3, 4)
        ),
    ),
    {},
)


def options(group: str) -> list[str]:
    """Return the names of a config group's options on disk."""
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def leaf(group: str, option: str, **changes: Any) -> dict[str, Any]:
    """Return a shipped config leaf, changed."""
    return {**deepcopy(_shipped(group, option)), **changes}


@cache
def _shipped(group: str, option: str) -> dict[str, Any]:
    if group in ("objective", "task"):
        whole: Any = OmegaConf.to_container(compose_first([f"{group}={option}"])[group])
        return dict(whole)  # with the objectives, or the scorer, that its defaults list brings in
    if group != "generation":
        node: dict[str, Any] = yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8"))
        node.pop("defaults", None)  # a pretrained student's names the training that suits it
        return node
    composed: Any = OmegaConf.to_container(compose_first([f"generation=[{option}]"]).generation.steps[option])
    return dict(composed)  # with the texts that its defaults list brings in


def made(group: str, option: str, **changes: Any) -> Any:
    """Return the part that a shipped config leaf describes, changed."""
    return build(leaf(group, option, **changes), group)
