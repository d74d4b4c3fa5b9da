"""Students that learn the labels of their teacher, on questions that have none of their own."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.files.jsonl import read_records, write_records
from distillrun.planning.making import make_plan
from distillrun.records import Example, FreeAnswer, TeacherRecord, is_right, place
from distillrun.task.everyday import Everyday
from tests.end_to_end.runs import experiment, run_scored, run_small, student_bytes
from tests.end_to_end.test_classification import WORDS, words_of, write_texts
from tests.leaves import made
from tests.loopback import Answer, Loopback, Seen, written

COUNT = 24
VOTES = "generation.steps.self_consistency.sampling.samples=2"
TEACHER = "task.label_source=teacher"


def everyday(split: Any) -> list[Example]:
    task: Everyday = made("task", "everyday", limit=COUNT)
    return task.examples(split)


def write_files(folder: Path, answers: Sequence[int | FreeAnswer | None]) -> tuple[str, ...]:
    """Write the everyday questions as a user has them, and return the words that read them."""
    folder.mkdir(exist_ok=True)
    for split in ("train", "dev", "test"):
        examples = everyday(split)
        given = answers if split == "train" else [example.answer for example in examples]
        rows = []
        for example, answer in zip(examples, given, strict=True):
            row = {"id": example.id, "question": example.question, "choices": example.choices}
            rows.append(json.dumps(row if answer is None else {**row, "answer": example.choices[place(answer)]}))
        (folder / f"{split}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return "task=multiple_choice", f"task.folder={folder}", "task.files.dev=dev.jsonl"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run whose training file has no answers: its folder and its result."""
    folder = tmp_path_factory.mktemp("labelled")
    words = write_files(folder / "files", [None] * COUNT)
    result = run_small(
        folder / "run", *words, TEACHER, "generation=self_consistency", VOTES, "objective=label_only", "until=train"
    )
    return folder / "run", result


def answers_in(run: Path, step: str) -> dict[str, int | FreeAnswer | None]:
    records = read_records(run / "teacher_data" / step / "records.jsonl", TeacherRecord)
    return {record.example_id: record.answer for record in records}


def test_a_student_of_the_teachers_labels_is_the_one_that_a_file_with_these_labels_makes(
    labelled: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run, _ = labelled
    given = answers_in(run, "self_consistency")
    words = write_files(tmp_path / "files", [given[example.id] for example in everyday("train")])
    run_small(tmp_path / "run", *words, "generation=[]", "objective=label_only", "until=train")
    assert any(given[one.id] != one.answer for one in everyday("train")), "a teacher without faults shows nothing"
    assert student_bytes(tmp_path / "run") == student_bytes(run)


def test_gold_that_is_there_is_shown_to_nobody(labelled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    run, result = labelled
    words = write_files(tmp_path / "files", [example.answer for example in everyday("train")])
    with_gold: Any = run_small(
        tmp_path / "run", *words, TEACHER, "generation=self_consistency", VOTES, "objective=label_only", "until=train"
    )
    for stage in ("load/train", "generate/self_consistency", "train"):
        assert with_gold["stages"][stage]["fingerprint"] == result["stages"][stage]["fingerprint"]
    assert student_bytes(tmp_path / "run") == student_bytes(run)
    assert "accuracy" not in result["data"]["label noise"]["train"]
    right = [is_right(one, answers_in(run, "self_consistency")[one.id]) for one in everyday("train")]
    told = with_gold["data"]["label noise"]["train"]
    assert (told["accuracy"], told["accuracy, n"]) == (round(sum(right) / COUNT, 4), COUNT)


def test_labels_are_the_teachers_only_where_they_are_missing(tmp_path: Path) -> None:
    known = [one.answer if place % 2 else None for place, one in enumerate(everyday("train"))]
    words = write_files(tmp_path / "files", known)
    source = "task.label_source=teacher_where_missing"
    asked = ("generation=self_consistency", VOTES, "objective=label_only", "until=train")
    result: Any = run_small(tmp_path / "run", *words, source, *asked)
    given = answers_in(tmp_path / "run", "self_consistency")
    meant = [given[one.id] if answer is None else answer for one, answer in zip(everyday("train"), known, strict=True)]
    words = write_files(tmp_path / "meant", meant)
    run_small(tmp_path / "again", *words, "generation=[]", "objective=label_only", "until=train")
    assert student_bytes(tmp_path / "again") == student_bytes(tmp_path / "run")
    assert result["data"]["label noise"]["train"]["accuracy, n"] == COUNT // 2


NOISY = 6
"""Of the labels, how many the recorded teacher below gets wrong; those it is less sure of."""


def test_the_noise_table_tells_the_noise_that_was_put_in(tmp_path: Path) -> None:
    examples = everyday("train")
    records = []
    for row, example in enumerate(examples):
        assert example.answer is not None
        is_wrong = row < NOISY
        answer = (place(example.answer) + is_wrong) % len(example.choices)
        records.append(TeacherRecord(example.id, (), {}, answer, 0.6 if is_wrong else 1.0))
    (tmp_path / "said").mkdir()
    write_records(tmp_path / "said" / "records.jsonl", records)
    words = ("teacher=recorded", f"teacher.folder={tmp_path / 'said'}", TEACHER, "objective=label_only")
    result: Any = run_small(tmp_path / "run", *words, "generation=recorded", "until=generate", page=True)
    noise = result["data"]["label noise"]
    assert noise["train"]["accuracy"] == (COUNT - NOISY) / COUNT
    assert noise["train, agreement 0.4-0.6"]["accuracy"] == 0
    assert noise["train, agreement 0.8-1"]["accuracy"] == 1
    page = next((tmp_path / "run").rglob("*.html")).read_text(encoding="utf-8")
    assert re.search(r"The teacher.{1,6}s labels", page)
    assert re.search(r"(?s)train, agreement 0\.4-0\.6<.{1,300}>0\.0 %<", page)
    filtered: Any = run_small(
        tmp_path / "filtered",
        *words,
        "generation=[recorded,label_filter]",
        "generation.steps.label_filter.min_agreement=0.8",
        "until=train",
    )
    assert filtered["data"]["label noise"]["train"]["kept by filters"] == COUNT - NOISY
    assert filtered["data"]["training examples left out for lack of a rationale"] == NOISY


WAYS = {
    "sequence_level": ("self_consistency",),
    "multitask": ("chain_of_thought",),
    "rationale_answer": ("choice_scores", "few_shot_rationale"),
    "choice_distillation": ("choice_scores",),
    "counterfactual": ("self_consistency", "few_shot_rationale", "counterfactual"),
}


@pytest.mark.parametrize("objective", WAYS)
def test_every_kind_of_objective_learns_without_labels(objective: str, tmp_path: Path) -> None:
    result: Any = run_small(
        tmp_path / "run",
        TEACHER,
        f"objective={objective}",
        f"generation=[{','.join(WAYS[objective])}]",
        "until=train",
        "training.max_steps=1",
        "training.eval_every=0",
    )
    assert result["status"] == "done"
    assert list(result["stages"])[3:] == [*(f"generate/{name}" for name in WAYS[objective]), "train"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert any(line.get("train/loss", 0) > 0 for line in lines)


def test_a_step_that_is_told_answers_is_told_the_teachers_own(tmp_path: Path) -> None:
    generation = "generation=[self_consistency,few_shot_rationale,counterfactual]"
    run_small(tmp_path / "run", TEACHER, "objective=counterfactual", generation, VOTES, "until=generate")
    said = answers_in(tmp_path / "run", "self_consistency")
    for step in ("few_shot_rationale", "counterfactual"):
        for record in read_records(tmp_path / "run" / "teacher_data" / step / "records.jsonl", TeacherRecord):
            argued = {rationale.supports for rationale in record.rationales}
            label = said[record.example_id]
            assert label is not None
            assert argued == ({label} if step == "few_shot_rationale" else set(range(5)) - {label})


REFUSED = {
    "no step answers": (
        ("generation=everything",),
        "no generation step makes answers of its own; put self_consistency",
    ),
    "a step is told too early": (
        ("generation=[few_shot_rationale,counterfactual,choice_scores]", "objective=counterfactual"),
        "generation step few_shot_rationale is told the right answers.*put self_consistency",
    ),
    "recordings hold none": (
        ("generation=recorded", "teacher=recorded", "teacher.folder=SAID"),
        "give recordings that hold them",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_lacks_labels_is_refused_before_anything_is_asked(case: str, tmp_path: Path) -> None:
    words, message = REFUSED[case]
    example = everyday("train")[0]
    row = {
        "id": example.id,
        "question": example.question,
        "choices": example.choices,
        "initial": "So.",
        "revised": "So.",
    }
    (tmp_path / "said.jsonl").write_text(json.dumps({**row, **{f"rationale_{n}": "So." for n in range(1, 6)}}))
    filled = [word.replace("SAID", str(tmp_path / "said.jsonl")) for word in words]
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path / "store", TEACHER, *filled)


def test_a_plan_counts_what_the_labels_cost(tmp_path: Path) -> None:
    generation = "generation=[self_consistency,few_shot_rationale]"
    words = (TEACHER, generation, VOTES, "objective=rationale_answer", "until=train")
    planned = make_plan(experiment(tmp_path / "store", *words))
    asked = {one.name: one.forecast.most.requests for one in planned.stages if one.forecast}
    assert asked["generate/self_consistency"] >= 2 * COUNT
    assert asked["generate/few_shot_rationale"] >= COUNT
    run_small(tmp_path / "run", *words, store=tmp_path / "store")
    again = make_plan(experiment(tmp_path / "store", *words))
    assert again.total().most.requests == 0


def test_the_teacher_answers_the_test_questions_as_it_labels_the_training_ones(tmp_path: Path) -> None:
    words = (TEACHER, "generation=self_consistency", VOTES, "objective=label_only", "evaluation.baselines=true")
    result: Any = run_small(tmp_path / "run", *words)
    noise, teacher = result["data"]["label noise"], result["baselines"]["teacher"]
    assert noise["test"]["accuracy"] == round(teacher["test/accuracy"]["value"], 4)
    assert "reference/self_consistency" in result["stages"]


def test_labels_that_cannot_be_read_stop_the_run(tmp_path: Path) -> None:
    """A teacher that never names a choice leaves nothing to learn: that is said, not counted as done."""
    with Loopback(lambda seen: Answer(written("It depends on whom you ask."))) as server:
        api = ("teacher=api", f"teacher.base_url={server.url}", "teacher.model=m", "teacher.api_key_env=null")
        words = (TEACHER, "generation=chain_of_thought", "objective=label_only", "generation.max_failed_share=1")
        with pytest.raises(ConfigError, match=f"made nothing that can be used: of {COUNT} questions"):
            run_small(tmp_path / "run", *api, *words)
    assert len(server.asked) == COUNT


def test_a_classifier_learns_texts_without_labels_from_a_server_with_noise(tmp_path: Path) -> None:
    """A server that errs on every eighth text: that is the noise that is told, of training texts and of test texts."""
    texts = write_texts(tmp_path / "texts", labelled=False)

    def answer(seen: Seen) -> Answer:
        customer = re.search(r"customer (\d+) of \w+ says (\w+)", seen.prompt)
        assert customer, seen.prompt
        right = [*WORDS.values()].index(customer[2])
        return Answer(written([*WORDS][(right + (int(customer[1]) % 8 == 0)) % len(WORDS)]))

    with Loopback(answer) as server:
        api = ("teacher=api", f"teacher.base_url={server.url}", "teacher.model=m", "teacher.api_key_env=null")
        tiny = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
        words = words_of(texts, TEACHER, *api, *tiny, "generation=label", "evaluation.baselines=true")
        result: Any = run_scored(tmp_path / "run", *words, store=tmp_path / "store")
    noise = result["data"]["label noise"]
    assert noise["train"]["labels of the teacher"] == 48
    assert "accuracy" not in noise["train"], "the training file tells no label"
    assert (noise["test"]["accuracy"], noise["test"]["accuracy, n"]) == (round(10 / 12, 4), 12)
    assert result["data"]["training examples left out for lack of a rationale"] == 0
