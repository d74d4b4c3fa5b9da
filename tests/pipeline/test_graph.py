"""The graph of a run: a stage is one node, and whatever a run makes was planned."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.config.schema import Until
from distillrun.pipeline import graph as graph_module
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.graph import Graph, graph_of
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.outcome import Outcome
from distillrun.planning.making import make_plan
from distillrun.records import Score
from tests.end_to_end.runs import experiment, run_small
from tests.end_to_end.taught import words_for, write_teacher


@dataclass(frozen=True, kw_only=True)
class WordCount(Node):
    """A stage that this file alone knows: the words of the training questions."""

    VERSION: ClassVar[int] = 1

    def stage(self, seen: Seen) -> Stage:
        return Stage("word_count", self.VERSION, {"of": "questions"}, seen.upstream(self.needs))

    def make(self, stage: Stage, making: Making) -> Artifact:
        lines = (making.seen.artifacts["load/train"].folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
        count = sum(len(json.loads(line)["question"].split()) for line in lines)
        return making.store.get_or_make(stage, lambda work: _write(work / "count.txt", count))

    def note(self, made: Artifact, outcome: Outcome) -> None:
        count = float((made.folder / "count.txt").read_text(encoding="utf-8"))
        outcome.add_scores([Score("train/words", count, 1, count, count, "")])


def _write(file: Path, count: int) -> None:
    file.write_text(str(count), encoding="utf-8")


def _declared(experiment: Experiment, store: ArtifactStore, graph: Graph) -> Iterator[Node]:
    yield WordCount("word_count", Until.train, ("load/train",))


@pytest.fixture
def with_word_count(monkeypatch: pytest.MonkeyPatch) -> None:
    loads, *others = graph_module.DECLARATIONS
    monkeypatch.setattr(graph_module, "DECLARATIONS", (loads, _declared, *others))


def states(store: Path, *words: str) -> dict[str, str]:
    return {stage.name: stage.state for stage in make_plan(experiment(store, *words)).stages}


@pytest.mark.usefixtures("with_word_count")
def test_a_new_stage_is_one_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    assert states(store)["word_count"] == "to do"
    assert "word_count" not in states(store, "until=generate")
    cut: Any = run_small(tmp_path / "cut", "until=generate", store=store)
    assert "word_count" not in cut["stages"]
    first: Any = run_small(tmp_path / "first", store=store, page=True)
    again: Any = run_small(tmp_path / "again", store=store)
    assert first["stages"]["word_count"]["cached"] is False
    assert again["stages"]["word_count"]["cached"] is True
    assert first["scores"]["train/words"]["value"] > 24
    assert states(store)["word_count"] == "cached"
    for page in ("report.html", "report.md"):
        text = (tmp_path / "first" / page).read_text(encoding="utf-8").replace("\\", "")
        assert "word_count" in text, page
        assert "train/words" in text, page
    monkeypatch.setattr(WordCount, "VERSION", 2)
    (planned,) = [stage for stage in make_plan(experiment(store)).stages if stage.name == "word_count"]
    assert planned.state == "to do"
    assert planned.about is not None, "the first version was timed"


@pytest.fixture(scope="module")
def white_box(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return words_for("forward_kl", write_teacher(tmp_path_factory.mktemp("teacher") / "run"))


def test_every_node_needs_only_what_comes_before_it(white_box: list[str], tmp_path: Path) -> None:
    words = (*white_box, "evaluation=[generated_answer,las,judge]", "evaluation.baselines=true")
    graph = graph_of(experiment(tmp_path / "store", *words), ArtifactStore(tmp_path / "store"))
    before: set[str] = set()
    for name, node in graph.items():
        assert set(node.needs) <= before, name
        before.add(name)
    assert {"read_logits", "label_only/train", "untrained/evaluate/generated_answer", "evaluate/las"} <= before


@pytest.mark.parametrize("until", [*Until])
def test_until_cuts_the_graph_after_its_phase(until: Until, white_box: list[str], tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    phases = [*Until]
    whole = graph_of(experiment(tmp_path / "store", *white_box, "evaluation.baselines=true"), store)
    words = (*white_box, "evaluation.baselines=true", f"until={until.value}")
    cut = graph_of(experiment(tmp_path / "store", *words), store)
    assert until in (Until.evaluate, Until.report) or not any(name.startswith("label_only/") for name in cut)
    cut_short = {name for name, node in whole.items() if phases.index(node.until) <= phases.index(until)}
    assert all(phases.index(node.until) <= phases.index(until) for node in cut.values())
    # a run that ends with the generation makes all that it can, not only what the objective learns
    assert cut_short <= cut.keys() if until is Until.generate else cut_short == cut.keys()
