"""A trained student as the teacher of others."""

from pathlib import Path

from tests.end_to_end.runs import run_small
from tests.leaves import made

FREE = ("label_only", "rationale_answer", "multitask", "counterfactual", "multitask_counterfactual")
SCORED = ("choice_distillation", "mixkd")


def write_teacher(folder: Path) -> Path:
    """Train a student for a few steps and return its folder."""
    run_small(folder, "objective=label_only", "student.width=32", "student.layers=1", "until=train", "training.seed=9")
    return folder / "student"


def words_for(objective: str, teacher: Path) -> list[str]:
    """Return what an objective needs on the command line beside its name."""
    words = [f"objective={objective}"]
    if objective in FREE:
        return words
    words += ["teacher@logit_teacher=local", f"logit_teacher.checkpoint={teacher}"]
    if objective in SCORED:
        words += [
            "generation=rationales_and_scores",
            "+teacher@generation.steps.choice_scores.teacher=local",
            f"generation.steps.choice_scores.teacher.checkpoint={teacher}",
        ]
    if objective == "mixkd":
        words.append("student=tiny_t5")
    if hasattr(made("objective", objective), "max_new_tokens") or objective in (
        "on_policy",
        "speculative",
        "adaptive_off_policy",
    ):
        words.append("objective.max_new_tokens=4")
    return words
