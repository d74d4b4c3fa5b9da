"""A generation step that makes nothing stops the run, and one that loses a large share of its questions says so."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.cli import main
from distillrun.config.schema import GenerationConfig, Progress
from distillrun.errors import ConfigError
from distillrun.files.inside import write_whole
from distillrun.interfaces import AnyTeacher, GenerationStep
from distillrun.journal.usage import Usage
from distillrun.pipeline.stages import generate as stage_of_generation
from distillrun.pipeline.stages.generate import Generating, generate
from distillrun.pipeline.stages.renewing import renewed
from distillrun.records import Completion, Draw, TeacherRecord, gold_choice
from tests.asking import Told
from tests.leaves import made
from tests.loopback import Answer, Loopback, Seen, told, written

OLD = Path(__file__).parents[2] / "data" / "thinking_of_78590cc"
"""Records of two steps, as commit 78590cc made them where a teacher said "<think>" and stopped at a stop text."""

TASK = made("task", "everyday", limit=20)
EXAMPLES = TASK.examples("train")[:20]
EMPTY = [TeacherRecord(example.id, (), {}) for example in EXAMPLES]


def run_step(
    store: Path, step: GenerationStep, teacher: AnyTeacher, given: list[TeacherRecord] = EMPTY, is_needed: bool = True
) -> list[dict[str, Any]]:
    """Run a step as the stage does, and return what it wrote down."""
    generation = GenerationConfig(seed=5, max_failed_share=1.0, steps={})
    shared = Generating(TASK, teacher, (), generation, Progress.never)
    stage = Stage("generate/own", 1, {"step": repr(step)}, {})
    artifact = generate(ArtifactStore(store), stage, "own", step, shared, EXAMPLES, given, Usage(), is_needed)
    return [json.loads(line) for line in (artifact.folder / "records.jsonl").read_text().splitlines()]


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("chain_of_thought", {}),
    ("few_shot_rationale", {}),
    ("zero_shot_rationale", {}),
    ("counterfactual", {}),
]


@pytest.mark.parametrize(("name", "changes"), STEPS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("said", ["<think>\nHm, let me see", "<think>Hm.</think>", ""])
def test_a_step_that_makes_nothing_stops_the_run_and_keeps_what_was_answered(
    tmp_path: Path, name: str, changes: dict[str, Any], said: str
) -> None:
    step = made("generation", name, **changes)
    teacher = Told(said)
    with pytest.raises(ConfigError, match=r"made nothing that can be used: of 20 questions not one has") as raised:
        run_step(tmp_path, step, teacher)
    assert ("sampling.max_new_tokens" in str(raised.value)) == bool(said)
    assert list(tmp_path.rglob("records.jsonl")) == []
    asked = len(teacher.draws)
    with pytest.raises(ConfigError):
        run_step(tmp_path, step, teacher)
    assert len(teacher.draws) == asked


def test_chains_of_which_none_is_understood_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"20 unparsed.*; the first text begins 'It depends.'.*What was answered is"):
        run_step(tmp_path, made("generation", "chain_of_thought"), Told("It depends."))


def test_where_only_the_test_questions_get_nothing_that_is_said_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = run_step(tmp_path, made("generation", "chain_of_thought"), Told("It depends."), is_needed=False)
    assert len(rows) == 20
    assert "generate/own: 20 of 20 questions have no answers or initial (20 unparsed, 20 no right chain" in caplog.text


@pytest.mark.parametrize(("lost", "is_said"), [(2, False), (5, True)])
def test_a_large_share_that_is_lost_is_said(
    tmp_path: Path, lost: int, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    unlucky = {example.id for example in EXAMPLES[:lost]}

    def answer(draw: Draw) -> str | Completion:
        return "" if draw.prompt.request.example.id in unlucky else "A library lends books to anybody."

    rows = run_step(tmp_path, made("generation", "few_shot_rationale"), Told(answer))
    assert sum(bool(row["rationales"]) for row in rows) == 20 - lost
    assert (f"generate/own: {lost} of 20 questions have no initial ({lost} empty" in caplog.text) == is_said


def test_a_teacher_that_is_right_about_nothing_has_answered_all_the_same(tmp_path: Path) -> None:
    def wrong(draw: Draw) -> str:
        example = draw.prompt.request.example
        return (
            f"It is plain. So the answer is {TASK.answer(example, (gold_choice(example) + 1) % len(example.choices))}."
        )

    rows = run_step(tmp_path, made("generation", "chain_of_thought"), Told(wrong))
    assert all(row["answer"] is not None and not row["rationales"] for row in rows)


def test_on_the_command_line_it_is_an_error_with_what_to_look_at_even_where_an_earlier_version_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Loopback(lambda seen: Answer(written("It depends."))) as server:
        command = ["task=everyday", "task.limit=8", "teacher=api", f"teacher.base_url={server.url}", "teacher.model=m"]
        command += ["teacher.api_key_env=null", "generation=[chain_of_thought]", "until=generate", "tracking=jsonl"]

        def is_refused() -> bool:
            code, told = main(command), capfd.readouterr().err
            assert "Traceback" not in told
            return code == 2 and "generation step chain_of_thought made nothing that can be used" in told

        assert is_refused()
        assert is_refused()
        with monkeypatch.context() as earlier:
            earlier.setattr(stage_of_generation, "check_usable", lambda *_: None)
            assert main(command) == 0
        assert is_refused()
    assert len(server.asked) == 8


@pytest.mark.parametrize("file", sorted(OLD.glob("*.jsonl")), ids=lambda file: file.stem)
def test_thinking_that_an_earlier_version_kept_as_a_rationale_is_made_again(tmp_path: Path, file: Path) -> None:
    store = ArtifactStore(tmp_path)
    stage = Stage("generate/own", 2, {"step": {}}, {})

    assert renewed(store, stage) == stage
    store.get_or_make(stage, lambda work: write_whole(work, "records.jsonl", file.read_bytes()))
    again = renewed(store, stage)
    assert again.fingerprint != stage.fingerprint
    assert renewed(store, again) == again


def test_what_holds_no_thinking_or_holds_it_as_a_recording_does_stays_valid(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    content = (OLD / "few_shot_rationale.jsonl").read_text()
    said, recorded = content.replace("<think>", "I think so."), content.replace('"text": "<think>"', '"text": "So."')
    stage, other = (Stage("generate/own", 2, {"number": number}, {}) for number in range(2))
    store.get_or_make(stage, lambda work: write_whole(work, "records.jsonl", said))
    store.get_or_make(other, lambda work: write_whole(work, "records.jsonl", recorded))
    assert "<think>" in recorded
    assert [renewed(store, one) for one in (stage, other)] == [stage, other]


def test_no_thinking_gets_into_any_record_of_the_steps_that_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def think(seen: Seen) -> Answer:
        raw = f"<think>\nOkay, let me think.\n\n</think>\n\n{told(seen)} So the answer is A.\n\nQuestion: more"
        cut = min((place for stop in seen.body.get("stop", ()) if (place := raw.find(stop)) >= 0), default=len(raw))
        return Answer(written(raw[:cut]))

    with Loopback(think) as server:
        command = ["task=everyday", "task.limit=6", "teacher=api", "teacher.model=m"]
        command += [f"teacher.base_url={server.url}", "teacher.api_key_env=null", "until=generate", "tracking=jsonl"]
        command += ["generation=[few_shot_rationale,critique,revision,counterfactual,chain_of_thought]"]
        assert main(command) == 0
    files = [file for file in (tmp_path / "artifacts").rglob("*.jsonl") if "journal" not in file.parts]
    records = [file for file in files if file.name == "records.jsonl"]
    assert len(records) == 5
    assert not any("think" in file.read_text() for file in records)
    journals = [file.read_text() for file in (tmp_path / "artifacts" / "journal").rglob("*.jsonl")]
    assert sum("Okay, let me think." in text for text in journals) == 5
    assert not any('"reason": "unparsed"' in file.read_text() or "empty" in file.read_text() for file in records)
