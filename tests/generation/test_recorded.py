"""Stored teacher output joins its task by id; what is missing, empty, doubled or foreign is counted or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.files.jsonl import write_records
from distillrun.generation.recorded import Recorded as RecordedStep
from distillrun.interfaces import GenerationStep, RecordedTeacher, Teacher
from distillrun.records import Example, Rationale, TeacherRecord, place
from distillrun.task.commonsenseqa import CommonsenseQA
from distillrun.teacher.recorded import Recorded
from tests import leaves
from tests.asking import Told, context

FIELDS = {
    "id": "id",
    "question": "question",
    "choices": "choices",
    "initial": "few_shot_positive_rationale",
    "revised": "few_shot_revision",
    "by_choice": "counterfactual_prompt_answer_{number}_rationale",
}
TEXTS: dict[str, Any] = {
    "question_template": "{question} {choices}",
    "choice_template": "({letter}) {choice}",
    "choice_separator": " ",
    "answer_template": "{choice}",
}
CHOICES = ["zoo", "lake", "sea", "Lake"]


def task(folder: Path, **changes: Any) -> CommonsenseQA:
    settings = {
        "hub_name": "",
        "revision": "",
        "dev_share": 0.1,
        "split_seed": 0,
        "limit": None,
        "on_overlap": "report",
        "overlap_threshold": 0.8,
        "duplicates": None,
        **TEXTS,
        **changes,
    }
    return CommonsenseQA(folder=str(folder), **settings)


def teacher(folder: Any, max_missing_share: float = 0.0, **fields: str | None) -> Recorded:
    where = {split: str(path) for split, path in folder.items()} if isinstance(folder, dict) else str(folder)
    return Recorded(where, {**FIELDS, **fields}, max_missing_share)


def question(number: int) -> dict[str, Any]:
    return {"id": f"q{number}", "question": f"Where is {number}?", "choices": CHOICES, "answer": "lake"}


def said(number: int, **changes: Any) -> dict[str, Any]:
    argued = {f"counterfactual_prompt_answer_{n}_rationale": f"It is {n}." for n in range(1, 5)}
    first = {"few_shot_positive_rationale": "\nWater.\n\nQuestion: next?", "few_shot_revision": "More water."}
    return {**question(number), **argued, **first, **changes}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def cqa(tmp_path: Path) -> CommonsenseQA:
    """Nine questions of train, one of dev, two of test."""
    write(tmp_path / "cqa" / "train.jsonl", [question(n) for n in range(10)])
    write(tmp_path / "cqa" / "validation.jsonl", [question(n) for n in (10, 11)])
    return task(tmp_path / "cqa")


def test_columns_become_rationales_for_the_choice_that_they_argue_for(tmp_path: Path, cqa: CommonsenseQA) -> None:
    made = teacher(write(tmp_path / "said.jsonl", [said(n) for n in range(12)]))
    assert isinstance(made, RecordedTeacher)
    assert not isinstance(made, Teacher)
    assert made.makes == {"initial", "revised", "counterfactual"}
    assert made.check(cqa) == []
    records = list(made.recall(cqa.examples("test")))
    assert [record.example_id for record in records] == ["q10", "q11"]
    assert records[0].rationales == (
        Rationale("Water.", "\nWater.\n\nQuestion: next?", 1, "factual", "initial"),
        Rationale("More water.", "More water.", 1, "factual", "revised"),
        Rationale("It is 1.", "It is 1.", 0, "counterfactual", "initial"),
        Rationale("It is 3.", "It is 3.", 2, "counterfactual", "initial"),
    )  # the fourth choice repeats the right one: an argument for it is no counterfactual one


def test_the_right_choice_of_a_table_by_choice_is_the_initial_rationale(tmp_path: Path, cqa: CommonsenseQA) -> None:
    made = teacher(write(tmp_path / "said.jsonl", [said(n) for n in range(12)]), initial=None, revised=None)
    assert made.makes == {"initial", "counterfactual"}
    record = next(made.recall(cqa.examples("test")))
    assert record.rationales[0] == Rationale("It is 2.", "It is 2.", 1, "factual", "initial")
    assert [rationale.supports for rationale in record.rationales] == [1, 0, 2]


def test_missing_empty_and_duplicate_rows_are_counted(tmp_path: Path, cqa: CommonsenseQA) -> None:
    rows = [
        *(said(n) for n in range(2, 10)),
        said(2, few_shot_revision="other"),
        said(0, few_shot_revision=" ", few_shot_positive_rationale=None),
        said(77),
    ]
    rows[0]["counterfactual_prompt_answer_1_rationale"] = "Question: another?"
    made = teacher(write(tmp_path / "said.jsonl", rows), max_missing_share=0.1)
    examples = [*cqa.examples("train"), *cqa.examples("dev")]
    assert made.counts(examples) == {
        "rows": 11,
        "duplicate rows": 1,
        "joined": 9,
        "missing": 1,
        "of another question": 0,
        "without any rationale": 0,
        "initial rationales": 9,
        "revised rationales": 8,
        "counterfactual rationales": 17,
        "initial: empty": 1,
        "revised: empty": 1,
        "counterfactual: nothing left by cleaning": 1,
    }
    found = {record.example_id: record for record in made.recall(examples)}
    assert found["q1"] == TeacherRecord("q1", (), {})
    assert found["q2"].rationales[1].text == "More water."
    # without a revision, and with the argument for the right choice in place of the empty initial rationale
    assert [rationale.text for rationale in found["q0"].rationales] == ["It is 2.", "It is 1.", "It is 3."]
    with pytest.raises(ConfigError, match=r"is missing rows of this task.*1 have no row.*max_missing_share=0\.1000"):
        list(teacher(tmp_path / "said.jsonl").recall(examples))


@pytest.mark.parametrize(
    "change", [{"question": "Who?"}, {"choices": ["zoo", "sea", "lake", "Lake"]}, {"choices": CHOICES[:3]}]
)
def test_rows_of_another_question_or_order_of_choices_are_refused(
    tmp_path: Path, cqa: CommonsenseQA, change: dict[str, Any]
) -> None:
    path = write(tmp_path / "said.jsonl", [said(n, **change) for n in range(12)])
    with pytest.raises(ConfigError, match=r"said\.jsonl belongs to another task: of 2 examples 0 .* and 2 have one of"):
        list(teacher(path).recall(cqa.examples("test")))
    assert len(list(teacher(path, question=None, choices=None).recall(cqa.examples("test")))) == 2


def test_rows_of_another_task_with_the_same_ids_are_refused_before_work(tmp_path: Path, cqa: CommonsenseQA) -> None:
    foreign = write(tmp_path / "said.jsonl", [said(n, question="Who?") for n in range(12)])
    assert "12 of its 12 rows have an id of this task, all with another question" in teacher(foreign).check(cqa)[0]
    one_of_ours = write(tmp_path / "said.jsonl", [*(said(n, question="Who?") for n in range(11)), said(11)])
    assert teacher(one_of_ours).check(cqa) == []


def test_a_folder_without_rows_is_said_to_be_empty(tmp_path: Path, cqa: CommonsenseQA) -> None:
    assert "holds no rows" in teacher(write(tmp_path / "said.jsonl", [])).check(cqa)[0]


def test_blank_rationales_of_own_records_are_counted_as_empty(tmp_path: Path, cqa: CommonsenseQA) -> None:
    texts = {"q10": "Water.", "q11": " "}
    records = [
        TeacherRecord(name, (Rationale(text, text, 1, "factual", "initial"),), {}) for name, text in texts.items()
    ]
    write_records(tmp_path / "own.jsonl", records)
    made = teacher(tmp_path / "own.jsonl")
    counts = made.counts(cqa.examples("test"))
    assert (counts["initial rationales"], counts["initial: empty"], counts["without any rationale"]) == (1, 1, 1)
    assert [len(record.rationales) for record in made.recall(cqa.examples("test"))] == [1, 0]
    assert made.makes == {"initial"}
    write_records(tmp_path / "own.jsonl", records[1:])
    assert teacher(tmp_path / "own.jsonl").makes == frozenset()


def test_case_and_punctuation_make_no_other_question(tmp_path: Path, cqa: CommonsenseQA) -> None:
    changes = {"question": "where is 10", "choices": ["Zoo.", "lake", "SEA", "lake"]}
    rows = [said(10, **changes), said(11)]
    assert len(list(teacher(write(tmp_path / "said.jsonl", rows)).recall(cqa.examples("test")))) == 2


def test_the_projects_own_records_need_no_columns(tmp_path: Path, cqa: CommonsenseQA) -> None:
    examples = cqa.examples("test")
    rationale = Rationale("Water.", "Water!", 1, "factual", "initial")
    records = [TeacherRecord(example.id, (rationale,), {"critique": "short"}) for example in examples]
    folder = tmp_path / "artifact"
    folder.mkdir()
    write_records(folder / "records.jsonl", records)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    made = teacher({"test": folder})
    assert made.makes == {"initial"}
    assert made.check(cqa) == []
    assert list(made.recall(examples)) == records
    foreign = [Example(example.id, "?", ("x", "y"), 0) for example in examples]
    with pytest.raises(ConfigError, match="belongs to another task"):
        list(made.recall(foreign))


def test_a_folder_of_another_task_is_a_problem_before_any_work(tmp_path: Path, cqa: CommonsenseQA) -> None:
    train = write(tmp_path / "train_said.jsonl", [said(n) for n in range(10)])
    strange = write(tmp_path / "strange.jsonl", [said(n) for n in range(100, 103)])
    assert teacher({"train": train}).check(cqa) == []
    assert "belongs to another task: none of its 3 rows" in teacher(strange).check(cqa)[0]
    assert "none of its 10 rows" in teacher({"test": train}).check(cqa)[0]
    assert "did you mean 'strange.jsonl'" in teacher(tmp_path / "stranger.jsonl").check(cqa)[0]
    assert "teacher.folder is not set" in Recorded(None, FIELDS, 0.0).check(cqa)[0]
    assert teacher(train).check(task(tmp_path / "none")) == []  # the task reports it


def test_wrong_columns_are_named(tmp_path: Path, cqa: CommonsenseQA) -> None:
    path = write(tmp_path / "said.jsonl", [said(n) for n in range(12)])
    complaint = teacher(path, revised="few_shot_revison").check(cqa)[0]
    assert "no column 'few_shot_revison' (did you mean 'few_shot_revision'?), see teacher.fields.revised" in complaint
    with pytest.raises(ConfigError, match=r"no column 'counter_\d', see teacher\.fields\.by_choice"):
        list(teacher(path, by_choice="counter_{number}").recall(cqa.examples("test")))
    for fields in ({"by_choice": "counter"}, {"by_choice": "{number.real}"}, {"id": None}, {"revized": "x"}):
        with pytest.raises(ConfigError, match=r"teacher\.fields"):
            teacher(path, **fields)
    with pytest.raises(ConfigError, match=r"teacher\.folder\.validation is not a split"):
        teacher({"validation": path})
    with pytest.raises(ConfigError, match=r"teacher\.max_missing_share=1\.5"):
        teacher(path, max_missing_share=1.5)


def test_identity_follows_contents_and_columns(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name / "said.jsonl", [said(1)]) for name in ("one", "two"))
    assert teacher(one.parent).identity() == teacher(two.parent).identity()
    assert teacher(one, revised=None).identity() != teacher(one).identity()
    write(two, [said(2)])
    assert teacher(one.parent).identity() != teacher(two.parent).identity()


def test_the_step_replays_and_refuses_a_teacher_without_recordings(tmp_path: Path, cqa: CommonsenseQA) -> None:
    step = RecordedStep(("labeling",))
    assert isinstance(step, GenerationStep)
    assert step.needs == step.makes == frozenset()
    examples = cqa.examples("test")
    blank = [TeacherRecord(example.id, (), {}) for example in examples]
    made: Any = teacher(write(tmp_path / "said.jsonl", [said(n) for n in range(12)]))
    assert list(step.run(examples, blank, context(tmp_path, made, cqa))) == list(made.recall(examples))
    with pytest.raises(ConfigError, match="choose teacher=recorded"):
        list(step.run(examples, blank, context(tmp_path, Told("hello"), cqa)))


@pytest.mark.realdata
def test_every_real_record_joins_and_is_clean(shared_data: Path) -> None:
    made = task(shared_data / "cqa")
    outputs = shared_data / "llama2-13b-outputs"
    replay = teacher({"train": outputs / "cqa-train", "test": outputs / "cqa-validation"})
    assert replay.check(made) == []
    train = [*made.examples("train"), *made.examples("dev")]
    for examples, revised, left, empty in ((train, 9736, 562, 7), (made.examples("test"), 1219, 79, 0)):
        counts = replay.counts(examples)
        assert counts["joined"] == counts["initial rationales"] == len(examples)
        assert counts["duplicate rows"] == counts["missing"] == counts["of another question"] == 0
        assert counts["revised rationales"] == revised
        assert counts["counterfactual: nothing left by cleaning"] == left
        assert counts.get("counterfactual: empty", 0) == empty
        records = list(replay.recall(examples))
        assert [record.example_id for record in records] == [example.id for example in examples]
        for rationale in (rationale for record in records for rationale in record.rationales):
            assert rationale.text
            assert "Question:" not in rationale.text
            assert "\n" not in rationale.text


@pytest.mark.realdata
def test_strategyqa_replays_through_the_same_teacher(shared_data: Path) -> None:
    outputs = shared_data / "llama2-13b-outputs"
    strategyqa = leaves.made(
        "task",
        "multiple_choice",
        folder=str(outputs),
        files={"train": "strategyqa-train", "dev": None, "test": "strategyqa-test"},
        fields={"id": "qid", "question": "question", "choices": None, "answer": "answer"},
        choices=["yes", "no"],
        answer_form="boolean",
    )
    replay = teacher(outputs / "strategyqa-train", id="qid", choices=None)
    assert replay.check(strategyqa) == []
    records = list(replay.recall(strategyqa.examples("train")))
    assert {len(record.rationales) for record in records} == {3}
    cqa_replay = teacher(outputs / "cqa-validation")
    assert "belongs to another task" in cqa_replay.check(strategyqa)[0]
    # "the answer is yes" stands in arguments for yes alone: the columns are in the order of the choices
    claims = [
        ("yes", "no")[place(rationale.supports)]
        for record in records
        for rationale in record.rationales
        if rationale.kind == "counterfactual" and rationale.text.startswith("The answer is yes")
    ]
    assert claims
    assert set(claims) == {"yes"}
