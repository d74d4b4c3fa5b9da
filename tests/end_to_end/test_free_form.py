"""Whole runs on answers in free form."""

import csv
import json
from pathlib import Path

import pytest

import distillrun as dr
from distillrun.errors import ConfigError
from distillrun.pipeline.predict_file import predict_file
from distillrun.records import FreeAnswer
from tests.end_to_end.runs import experiment, run_small

WORDS = ("one", "two", "three", "four", "five")
OWN = (
    "task=free_form",
    "scorer@task.scorer=token_f1",
    "task.files.test=null",
    "task.test_share=0.3",
    "task.fields.rationale=why",
    "generation=gold_rationale",
    "student=tiny_t5",
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("problems")
    lines = [
        {"question": f"Say {word}, {n} times.", "answer": word, "why": f"{word} is asked for", "Type": n % 2}
        for n in range(6)
        for word in WORDS
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def test_a_run_scores_reports_predicts_and_is_found_again(rows: Path, tmp_path: Path) -> None:
    own = (
        *(*OWN, f"task.folder={rows}", "objective=rationale_answer", "task.slices=[Type]"),
        *("evaluation=[generated_answer,self_consistency]", "evaluation.self_consistency.samples=2"),
        "evaluation.self_consistency.new_tokens=2",
    )
    result = run_small(tmp_path / "run", *own, store=tmp_path / "store", page=True)
    scores = result["scores"]
    assert isinstance(scores, dict)
    assert {"test/accuracy", "test/score", "test/unparsed"} <= set(scores)
    for name in ("test/accuracy", "test/score"):
        score = scores[name]
        assert isinstance(score, dict)
        low, value, high = (float(str(score[key])) for key in ("low", "value", "high"))
        assert 0 <= low <= value <= high <= 1
        assert score["n"] == 9
    assert {"test/accuracy/Type=0", "test/accuracy/Type=1"} <= set(scores)
    for name in ("cut_off", "unparsed"):  # two tokens end nearly no text, and what they cut off is no vote
        assert float(str(scores[f"test/self_consistency/{name}"]["value"])) > 0.5  # type: ignore[call-overload, index]
    run = dr.load_run(tmp_path / "run")
    table = run.predictions
    assert len(table) == 9
    assert set(table["answer"]) <= set(WORDS)
    assert {"score", "accepted"} <= set(table.columns)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Predictions" in page
    said = run.student.predict("Say two, 1 times.")
    assert said.choice is None or isinstance(said.choice, FreeAnswer)
    with pytest.raises(ConfigError, match="answers in free form: its questions have no choices"):
        run.student.predict("Say two, 1 times.", ["two", "three"])
    asked = tmp_path / "asked.csv"
    asked.write_text('question\n"Say one, 2 times."\n"Say four, 1 times."\n', encoding="utf-8")
    out = tmp_path / "out.csv"
    assert predict_file(run.student, "run", asked, out, dr.load_run(tmp_path / "run").config.runtime.progress) == (2, 0)
    with out.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [row["question"] for row in found] == ["Say one, 2 times.", "Say four, 1 times."]
    assert all(row["confidence"] == "" for row in found)
    again = run_small(tmp_path / "again", *own, store=tmp_path / "store")
    assert all(stage["cached"] for stage in again["stages"].values())  # type: ignore[union-attr, index, call-overload]


def test_another_scorer_asks_nothing_and_trains_nothing_again(rows: Path, tmp_path: Path) -> None:
    own = (*OWN, f"task.folder={rows}", "objective=label_only")
    first = run_small(tmp_path / "f1", *own, store=tmp_path / "store")
    other = [word.replace("token_f1", "rouge_l") for word in own]
    second = run_small(tmp_path / "rouge", *other, store=tmp_path / "store")
    stages = second["stages"]
    assert isinstance(stages, dict)
    cached = {name: made["cached"] for name, made in stages.items()}  # type: ignore[call-overload, index]
    assert all(cached[name] for name in cached if not name.startswith("evaluate"))
    assert not cached["evaluate/generated_answer"]
    assert first["scores"] != {}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("objective=choice_distillation", "weighs the choices of a question"),
        ("objective=mixkd", "weighs the choices of a question"),
        (
            "objective=preference",
            r"chain_of_thought\.wrong=keep, or, for objective=preference, objective\.pairs=sample",
        ),
        ("objective=counterfactual", "argues for a wrong choice; use objective=rationale_answer"),
        ("objective=multitask_counterfactual", "use objective=multitask"),
        ("evaluation=[generated_answer,letter_likelihood]", "scores the letters of choices"),
        ("evaluation=[generated_answer,choice_likelihood]", "evaluation=\\[generated_answer\\]"),
        ("evaluation=[generated_answer,calibration]", "probabilities of choices"),
        ("student=choice_scorer", "a student that writes, such as student=t5_small"),
        ("generation=chain_of_thought", "shows solved questions with choices"),
        ("generation=everything", "shows solved questions with choices"),
    ],
)
def test_what_needs_choices_is_refused_before_anything_is_asked(
    rows: Path, tmp_path: Path, override: str, message: str
) -> None:
    own = (*OWN, f"task.folder={rows}", "objective=multitask")
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path / "store", *own, override)
    assert not (tmp_path / "store").exists()
