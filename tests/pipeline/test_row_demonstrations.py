"""Training rows as demonstrations: drawn by a seed, never held out, never the asked row, hashed where shown."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from distillrun.artifacts import ArtifactStore
from distillrun.errors import ConfigError
from distillrun.generation.label import Label
from distillrun.generation.shared.row_demonstrations import drawn
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.node import Seen
from distillrun.records import Example, Prompt, SolvedExample
from distillrun.text.repeats import asked
from tests.end_to_end.runs import experiment

LABELS = [f"label {n}" for n in range(12)]
ROWS = [
    {"text": f"text number {n}", "label": LABELS[n % 12], "why": f"because {n}" if n % 2 else ""} for n in range(60)
]
SHOWN = ("generation.steps.label.prompt.demos=5", "generation.steps.label.prompt.demonstrations=rows")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "train.jsonl", [*ROWS, {**ROWS[7], "text": ROWS[7]["text"].upper()}])
    write(tmp_path / "test.jsonl", [{"text": f"test {n}", "label": LABELS[n % 12], "why": ""} for n in range(8)])
    write(tmp_path / "own.jsonl", [{"text": f"mine {n}", "label": LABELS[n]} for n in range(3)])
    return tmp_path


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def made(folder: Path, *words: str, step: str = "label") -> Experiment:
    teacher = (
        "teacher=api",
        "teacher.base_url=http://127.0.0.1:9/v1",
        "teacher.model=none",
        "teacher.api_key_env=null",
    )
    ours = (*teacher, "task=classification", f"task.folder={folder}", "task.dev_share=0.2", "task.limit=null")
    return experiment(folder / "store", *ours, f"generation=[{step}]", "until=generate", *words)


def prompts(own: Experiment) -> dict[str, Prompt]:
    step: Any = own.parts.steps["label"]
    assert isinstance(step, Label)
    return {one.question: step._prompt(one, own.parts.task) for one in own.examples["train"]}


def fingerprint(own: Experiment) -> str:
    node: Any = graph_of(own, ArtifactStore(Path(own.config.paths.store)))["generate/label"]
    stages = {
        name: load.stage(Seen())
        for name, load in graph_of(own, ArtifactStore(Path(own.config.paths.store))).items()
        if name.startswith("load/")
    }
    return str(node.stage(Seen(stages=stages)).fingerprint)  # type: ignore[arg-type]


def test_each_text_is_shown_rows_of_train_alone_and_neither_itself_nor_a_repeat(folder: Path) -> None:
    own = made(folder, *SHOWN)
    train = {one.question for one in own.examples["train"]}
    held_out = {asked(one) for split in ("dev", "test") for one in own.examples[split]}
    for text, prompt in prompts(own).items():
        users = [message.content for message in prompt.messages if message.role == "user"]
        shown = [one.rpartition("Text: ")[2].removesuffix("\nLabel:") for one in users[:-1]]
        assert len(shown) == len(set(shown)) == 5
        assert set(shown) <= train
        assert text.casefold() not in {one.casefold() for one in shown}
        assert not held_out & {asked(Example("", one, tuple(LABELS), None)) for one in shown}
        answers = [message.content for message in prompt.messages if message.role == "assistant"]
        assert len(set(answers)) == 5, "with more labels than demonstrations, no label is shown twice"


def test_the_seed_draws_them_and_the_order_of_the_rows_does_not(folder: Path) -> None:
    solved = [SolvedExample(Example(f"{n}", f"text {n}", ("a", "b"), n % 2)) for n in range(40)]
    first = drawn(solved, (), 0)
    assert drawn(solved[::-1], (), 0) == first
    assert drawn(solved, (), 1) != first
    assert [one.example.answer for one in first[:4]] in ([0, 1, 0, 1], [1, 0, 1, 0])
    assert {one.example.id for one in drawn(solved, {asked(solved[3].example)}, 0)} == {f"{n}" for n in range(40)} - {
        "3"
    }


def test_they_are_hashed_where_they_are_shown_and_only_there(folder: Path) -> None:
    before, shown = fingerprint(made(folder)), fingerprint(made(folder, *SHOWN))
    assert before != shown
    assert fingerprint(made(folder, "task.demonstrations=own.jsonl", "task.fields.rationale=null")) == before
    assert fingerprint(made(folder, *SHOWN, "task.demonstrations=own.jsonl")) not in (before, shown)


def test_a_file_of_rows_takes_their_place(folder: Path) -> None:
    own = made(folder, *SHOWN, "task.demonstrations=own.jsonl")
    assert {one.question for one in own.parts.steps["label"].prompt.written} == {f"mine {n}" for n in range(3)}  # type: ignore[attr-defined]


def test_of_training_rows_without_labels_those_that_have_one_are_shown(folder: Path) -> None:
    write(folder / "train.jsonl", [row if n < 30 else {**row, "label": ""} for n, row in enumerate(ROWS)])
    own = made(folder, *SHOWN, "task.label_source=teacher_where_missing")
    gold = {row["text"] for row in ROWS[:30]}
    assert {one.question for one in own.parts.steps["label"].prompt.written} <= gold  # type: ignore[attr-defined]
    hidden = made(folder, *SHOWN, "task.label_source=teacher", "task.labels=null")
    assert hidden.parts.steps["label"].prompt.written == ()  # type: ignore[attr-defined]


def test_a_rationale_is_shown_where_rows_have_one_and_none_is_made_up(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ("generation.steps.chain_of_thought.prompt.demonstrations=rows",)
    with caplog.at_level(logging.WARNING):
        none: Any = made(folder, *words, step="chain_of_thought").parts.steps["chain_of_thought"]
    assert none.prompt.demos == 0
    assert "prompt.demos=7: 0 are shown, since" in caplog.text
    assert "task.fields.rationale names its column" in caplog.text
    some: Any = made(folder, *words, "task.fields.rationale=why", step="chain_of_thought").parts.steps[
        "chain_of_thought"
    ]
    assert some.prompt.demos == 7
    assert all(one.rationale == f"because {one.question.rpartition(' ')[2]}" for one in some.prompt.written)


def test_steps_whose_replies_rows_do_not_have_say_so(folder: Path) -> None:
    words = ("generation.steps.critique.prompt.demonstrations=rows", "objective.rationale=revised")
    with pytest.raises(ConfigError, match=r"critique\.prompt\.demonstrations=rows shows training rows, which have no"):
        made(folder, *words, step="few_shot_rationale,critique")


def test_demonstrations_of_other_questions_than_labels_are_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made(folder, step="chain_of_thought")
    assert "its 7 demonstrations are of other questions than labels" in caplog.text
