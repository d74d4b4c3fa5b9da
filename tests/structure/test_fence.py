"""No `_target_` reaches outside its own group."""

import pytest

from distillrun.config.build import build
from distillrun.config.target import find_class
from distillrun.errors import ConfigError
from tests.structure.disk import GROUPS, leaves, read

HOSTILE = (
    "os.system",
    "subprocess.Popen",
    "builtins.eval",
    "pathlib.Path.write_text",
    "pathlib.Path",
    "hydra.utils.instantiate",
    "distillrun.cli.main",
    "distillrun.errors.ConfigError",
    "distillrun.objective.label_only.__import__",
    "distillrun.objective.label_only.LabelOnly.__init__.__globals__",
    "distillrun.objective.label_only.Example",
    "distillrun.objective",
    "objective/__import__",
    "objective/__builtins__.eval",
    "objective/LabelOnly.__init__.__globals__",
    "objective/LabelOnly.loss",
    "objective/LabelOnly\n",
    "objective/ LabelOnly",
    "objective/Example",
    "objective/Protocol",
    "objective/os.system",
    "objective/os",
    "objective/log",
    "objective/_MASK",
    "objective/label_only.LabelOnly",
    "objective/../errors/ConfigError",
    "../objective/LabelOnly",
    "/objective/LabelOnly",
    "objective//LabelOnly",
    "objective/label_only/LabelOnly",
    "objectives/LabelOnly",
    "errors/ConfigError",
    "Objective/LabelOnly",
    "objective",
    "objective/",
    "/",
    "LabelOnly",
    "os",
    "",
)


@pytest.mark.parametrize("target", HOSTILE)
@pytest.mark.parametrize("group", GROUPS)
def test_a_hostile_target_is_refused(target: str, group: str) -> None:
    with pytest.raises(ConfigError, match=group):
        build({"_target_": target}, group)


def test_a_leaf_of_another_group_is_refused() -> None:
    found = list(leaves())
    assert found
    for path, group in found:
        for other in set(GROUPS) - {group}:
            with pytest.raises(ConfigError, match="is not allowed"):
                find_class(read(path)["_target_"], other)


def test_a_permitted_prefix_ends_at_a_dot() -> None:
    with pytest.raises(ConfigError, match="is not allowed"):
        find_class("pathlib2.Path", "task", allowed=["pathlib"])
    with pytest.raises(ConfigError, match="defines no class"):
        find_class("json.decoder.scanner", "task", allowed=["json"])
    assert find_class("json.decoder.JSONDecoder", "task", allowed=["json"]).__name__ == "JSONDecoder"
