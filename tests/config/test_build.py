"""From a leaf to a checked object: every wrong word is named before anything is constructed."""

import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from distillrun.config.build import build, build_parts
from distillrun.config.compose import config_of
from distillrun.config.settings import digest, plain, resolve
from distillrun.config.sweep_jobs import Composer
from distillrun.errors import ConfigError
from distillrun.objective.label_only import LabelOnly
from distillrun.records import Json
from tests.leaves import leaf

COMPOSER = Composer([], "config", None)
"""Composes each set of options once."""

MODULE = """
from collections.abc import Mapping

class Probe:
    made = []

    def __init__(self, count: int, rate: float, words: tuple[str, ...], limits: Mapping[str, int],
                 folder: str | None = None):
        if rate < 0:
            raise ValueError(f"probe.rate={rate} must be 0 or more")
        Probe.made.append((count, rate, words, limits, folder))

    def start(self, run): ...
    def log(self, metrics, step): ...
    def summary(self, values): ...
    def table(self, name, columns, rows): ...
    def files(self, kind, name, files): ...
    def finish(self, status): ...

class Half:
    def start(self, run): ...
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A leaf of a module outside distillrun, as a user's own part."""
    name = f"probe_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        MODULE.replace("class Broken:\n    import a_library_that_is_not_installed\n", "")
    )
    (tmp_path / f"{name}_broken.py").write_text("import a_library_that_is_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)
    return {"_target_": f"{name}.Probe", "count": 3, "rate": 1, "words": ["a", "b"], "limits": {"x": 1}}


def module_of(node: dict[str, Any]) -> str:
    return str(node["_target_"]).partition(".")[0]


def refused(node: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        build(node, "tracking", allowed=[module_of(node)])
    assert module_of(node) not in sys.modules or not sys.modules[module_of(node)].Probe.made
    return str(caught.value)


def test_a_shipped_leaf_becomes_its_object() -> None:
    assert isinstance(build(leaf("objective", "label_only"), "objective"), LabelOnly)


def test_arguments_arrive_as_the_annotations_say(probe: dict[str, Any]) -> None:
    made = build(probe, "tracking", allowed=[module_of(probe)])
    assert type(made).made == [(3, 1.0, ("a", "b"), {"x": 1}, None)]


def test_an_unknown_key_is_refused_with_the_nearest_one(probe: dict[str, Any]) -> None:
    message = refused({**{k: v for k, v in probe.items() if k != "words"}, "wrds": []})
    assert message == (
        "tracking.wrds is not a setting of " + module_of(probe) + " (did you mean tracking.words?); "
        "its settings: count, rate, words, limits, folder"
    )


def test_a_missing_key_is_named(probe: dict[str, Any]) -> None:
    del probe["count"]
    assert "tracking.count is missing" in refused(probe)


def test_all_wrong_keys_are_named_at_once(probe: dict[str, Any]) -> None:
    del probe["count"]
    assert len(refused({**probe, "zzz": 1, "yyy": 2}).splitlines()) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", "three"),
        ("count", 1.5),
        ("count", True),
        ("count", None),
        ("rate", "1"),
        ("words", "ab"),
        ("folder", 3),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_key_and_value(probe: dict[str, Any], key: str, value: Json) -> None:
    message = refused({**probe, key: value})
    assert message.startswith(f"tracking.{key}=")
    assert str(value).lower() in message or value is None


def test_a_value_that_the_constructor_refuses_is_a_config_error_of_its_group(probe: dict[str, Any]) -> None:
    assert refused({**probe, "rate": -1.0}) == "tracking: probe.rate=-1.0 must be 0 or more"


def test_an_object_that_lacks_part_of_the_protocol_is_refused(probe: dict[str, Any]) -> None:
    target = f"{module_of(probe)}.Half"
    with pytest.raises(ConfigError, match="cannot be used as tracking; missing: files, finish, log, summary, table"):
        build({"_target_": target}, "tracking", allowed=[module_of(probe)])


def test_a_module_outside_is_refused_unless_it_is_permitted(probe: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="permit its module on the command line"):
        build(probe, "tracking")
    assert module_of(probe) not in sys.modules


def test_a_library_that_a_part_needs_is_not_mistaken_for_a_typo(probe: dict[str, Any]) -> None:
    name = f"{module_of(probe)}_broken"
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_installed"):
        build({"_target_": f"{name}.Probe"}, "tracking", allowed=[name])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("objective/LabelOnyl", r"distillrun/objective defines no class LabelOnyl \(did you mean 'LabelOnly'"),
        ("distillrun.objective.label_only.LabelOnly", "is not allowed .did you mean 'objective/LabelOnly'"),
        (None, "objective has no _target_"),
    ],
)
def test_a_misspelt_target_is_named(target: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build({"_target_": target}, "objective")


def test_settings_of_an_option_that_was_not_chosen_are_refused() -> None:
    words = ["evaluation=[choice_likelihood]", "+evaluation.generated_answer.explain=false"]
    with pytest.raises(ConfigError, match=r"generated_answer\.explain is set.*add it: evaluation=\[\.\.\.,generated"):
        build_parts(config_of(words))


def test_the_parts_of_a_run_are_built_and_every_wrong_leaf_is_reported_at_once() -> None:
    config = config_of([])
    parts = build_parts(config)
    assert list(parts.steps) == list(config.generation.steps)
    assert list(parts.evaluators) == ["generated_answer"]
    config.objective["zzz"] = 1
    config.evaluation["generated_answer"]["yyy"] = 1
    with pytest.raises(ConfigError) as caught:
        build_parts(config)
    lines = str(caught.value).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["objective.zzz", "evaluation.generated_answer.yyy"]


def test_a_resolved_config_holds_plain_values_and_reads_back(tmp_path: Path) -> None:
    config = config_of(["evaluation=[choice_likelihood,generated_answer]", "training.seed=7"])
    assert type(config.objective) is dict
    assert list(config.evaluators) == ["choice_likelihood", "generated_answer"]
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(plain(config))))
    again = OmegaConf.load(tmp_path / "config.yaml")
    assert isinstance(again, DictConfig)
    assert plain(resolve(again)) == plain(config)


def test_the_digest_changes_with_what_decides_results_and_with_nothing_else() -> None:
    same = digest(config_of([]))
    assert digest(COMPOSER.config(["paths.run=x", "runtime.threads=1", "tracking=jsonl"])) == same
    others = {
        digest(COMPOSER.config([line]))
        for line in ("training.seed=1", "objective=label_only", "until=train", "student=tiny_t5")
    }
    assert len(others | {same}) == 5


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.max_steps=-1", r"training\.max_steps=-1 must be 0 or more"),
        ("training.learning_rate=nan", "training.learning_rate=nan must be above 0"),
        ("training.learning_rate=inf", "training.learning_rate=inf must be above 0"),
        ("training.beta2=1", r"training.beta2=1.0 must be in \[0, 1\)"),
        ("training.patience=3", "training.patience needs dev checks"),
        ("training.keep=best", "training.keep=best needs dev checks"),
        ("runtime.device=gpu", "runtime.device=gpu is not a device"),
        ("runtime.threads=-1", "runtime.threads=-1 must be above 0"),
        ("name=a/b", "name='a/b' becomes a folder's name"),
        ("+teacher.api_key=hunter2", "teacher.api_key looks like a secret"),
        ("+teacher.headers={auth_token:hunter2}", "teacher.headers.auth_token looks like a secret"),
        ("~objective", "not set: objective"),
        ("++nonsense=1", "there is no nonsense"),
        ("++training.max_step=1", "did you mean 'max_steps'"),
        ("name=${nowhere}", "nowhere"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_key(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        COMPOSER.config(["training.eval_every=0", override])
    assert "hunter2" not in str(caught.value)


def test_names_that_only_look_like_secrets_pass() -> None:
    config = config_of(["+teacher.api_key_env=OPENAI_API_KEY", "+teacher.pad_token=x", "+teacher.api_key=null"])
    assert config.teacher["api_key_env"] == "OPENAI_API_KEY"
