"""The meaning of parts in fingerprints: hashed where it changed, and not at all elsewhere."""

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from distillrun.artifacts import meaning as source
from distillrun.artifacts.meaning import KEY, _roots, meaning_of, with_meanings
from distillrun.config.target import find_class
from distillrun.loss import divergence
from distillrun.objective.adaptive_kl import AdaptiveKL
from distillrun.objective.forward_kl import ForwardKL
from distillrun.objective.jensen_shannon import JensenShannon
from distillrun.objective.label_only import LabelOnly
from distillrun.objective.on_policy import OnPolicy
from distillrun.objective.shared.token_distillation import TokenDistillation
from distillrun.planning.making import make_plan
from distillrun.task.everyday import Everyday
from tests.end_to_end.runs import experiment
from tests.leaves import leaf, made
from tests.structure.disk import MODULES, leaves, module_of, read
from tests.structure.test_import_order import imports

IMPORTS = {module_of(path): {name for name, _ in imports(path)} for path in MODULES if path.stem != "__main__"}


def change(monkeypatch: pytest.MonkeyPatch, one: Any, meaning: int | Mapping[str, int] = 2) -> None:
    monkeypatch.setattr(one, "MEANING", meaning, raising=False)


def told(objective: str, **changes: Any) -> Any:
    """Return what is hashed of an objective, which is built first as in a run."""
    made("objective", objective, **changes)
    return with_meanings(leaf("objective", objective, **changes))


def stages(store: Path, *overrides: str) -> dict[str, str]:
    """Return the fingerprints of a run's stages, as a plan tells them."""
    return {stage.name: stage.fingerprint or "" for stage in make_plan(experiment(store, *overrides)).stages}


def other(store: Path, before: dict[str, str], *overrides: str) -> set[str]:
    return {name for name, fingerprint in stages(store, *overrides).items() if before[name] != fingerprint}


def test_a_part_of_the_first_meaning_is_hashed_as_its_settings_alone() -> None:
    kind = LabelOnly
    assert meaning_of(kind) == 1
    assert told("label_only") == leaf("objective", "label_only")


@pytest.mark.parametrize(
    ("objective", "kind", "path"),
    [
        ("forward_kl", LabelOnly, ["texts"]),
        ("on_policy", JensenShannon, ["divergence"]),
        ("on_policy", LabelOnly, ["divergence", "texts"]),
        ("speculative", ForwardKL, ["divergence"]),
        ("sum", ForwardKL, ["parts", "forward_kl"]),
    ],
)
def test_a_part_inside_another_is_found(
    objective: str, kind: type, path: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, kind)
    found = told(objective)
    for key in path:
        assert KEY not in found
        found = found[key]
    assert found.pop(KEY) == 2
    assert KEY not in str(found)


def test_what_a_class_inherits_and_rests_on_adds_up_and_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, TokenDistillation, 3)
    change(monkeypatch, divergence)
    assert meaning_of(ForwardKL) == 3
    monkeypatch.setattr(ForwardKL, "RESTS_ON", (divergence,), raising=False)
    monkeypatch.setattr(TokenDistillation, "RESTS_ON", (divergence,), raising=False)
    assert meaning_of(ForwardKL) == 4
    change(monkeypatch, ForwardKL, 5)
    assert meaning_of(ForwardKL) == 8
    assert meaning_of(LabelOnly) == 1


def test_a_meaning_may_concern_some_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, OnPolicy, {"divergence.teacher=live": 2, "student_share=0.25": 3})
    assert told("on_policy")[KEY] == 2
    assert told("on_policy", student_share=0.25)[KEY] == 4
    change(monkeypatch, OnPolicy, {"divergence.teacher=stored": 2})
    assert KEY not in told("on_policy")


def test_a_part_that_was_not_built_has_no_meaning() -> None:
    with pytest.raises(RuntimeError, match=r"nowhere\.Part is hashed before it was built"):
        with_meanings({"inner": [{"_target_": "nowhere.Part"}]})


def test_an_objective_of_another_meaning_is_trained_again_and_nothing_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stages(tmp_path, "objective=label_only")
    change(monkeypatch, AdaptiveKL)
    assert other(tmp_path, before, "objective=label_only") == set()
    change(monkeypatch, LabelOnly)
    assert other(tmp_path, before, "objective=label_only") == {"train", "evaluate/generated_answer"}


@pytest.mark.parametrize(
    ("group", "part", "again"),
    [
        ("student", "tiny_qwen", {"train", "evaluate/generated_answer", "evaluate/calibration"}),
        ("generation", "few_shot_rationale", {"generate/few_shot_rationale", "train", "evaluate/generated_answer"}),
        ("evaluation", "generated_answer", {"evaluate/generated_answer"}),
        ("evaluation", "calibration", {"evaluate/calibration"}),
    ],
)
def test_every_kind_of_part_has_a_meaning(
    group: str, part: str, again: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        "evaluation=[generated_answer,choice_likelihood,calibration]",
        "evaluation.calibration.of=choice_likelihood",
    ]
    before = stages(tmp_path, *words)
    change(monkeypatch, type(made(group, part)), 9)
    found = other(tmp_path, before, *words)
    assert again <= found
    assert "load/train" not in found
    assert ("train" in found) == ("train" in again)


def test_another_reading_of_answers_concerns_those_who_read_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["evaluation=[generated_answer,choice_likelihood]"]
    solved = [*words, "generation=[chain_of_thought]"]
    chosen = [*words, "training.keep=best"]
    before, before_solved, before_chosen = (stages(tmp_path, *some) for some in (words, solved, chosen))
    change(monkeypatch, Everyday)
    assert other(tmp_path, before, *words) == {"evaluate/generated_answer"}
    assert "generate/chain_of_thought" in other(tmp_path, before_solved, *solved)
    assert "train" in other(tmp_path, before_chosen, *chosen)
    assert not any(name.startswith("generate/") for name in other(tmp_path, before_chosen, *chosen))


def test_the_digest_of_the_code_is_that_of_all_that_results_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "__file__", str(tmp_path / "artifacts" / "meaning.py"))

    def told(stage: str, part: str) -> str:
        (tmp_path / "stage.py").write_text(f'"""Of a VERSION = 1."""\nVERSION = {stage}\nCHUNK = 3\n')
        (tmp_path / "part.py").write_text(f"class Part:\n    MEANING: ClassVar[int] = {part}\n")
        (tmp_path / "shared.py").write_text("class Other: ...\n\nMEANING = 2\n")
        source.digest_of_the_code.cache_clear()
        return source.digest_of_the_code()

    try:
        assert told("1", "2") == told("1", "2  # why")
        before = told("1", "2")
        (tmp_path / "inner").mkdir()
        for name in ("part.py", "stage.py", "shared.py"):
            (tmp_path / name).rename(tmp_path / "inner" / name)
        source.digest_of_the_code.cache_clear()
        assert source.digest_of_the_code() == before
        shutil.rmtree(tmp_path / "inner")
        assert len({told("1", "2"), told("2", "2"), told("1", "3"), told("1", '{"boundary=tail": 2}')}) == 4
    finally:
        source.digest_of_the_code.cache_clear()


def kinds_over(module: str) -> set[type]:
    """Return the parts whose modules import a module, by whatever way."""
    over = {module}
    while more := {name for name, used in IMPORTS.items() if used & over} - over:
        over |= more
    kinds = (find_class(read(path)["_target_"], group) for path, group in leaves())
    return {kind for kind in kinds if kind.__module__ in over}


def test_a_changed_module_is_named_by_every_part_that_imports_it() -> None:
    """Where only some of them are concerned, these have a meaning of their own instead."""
    assert {AdaptiveKL, ForwardKL} <= kinds_over("distillrun.loss.divergence")
    assert LabelOnly not in kinds_over("distillrun.loss.divergence")
    for name in IMPORTS:
        module = importlib.import_module(name)
        if "MEANING" in vars(module):
            left_out = {kind for kind in kinds_over(name) if module not in set(_roots(kind))}
            assert not left_out, f"{name} has a meaning, but is not in RESTS_ON of {left_out}"
