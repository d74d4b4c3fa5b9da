"""`distillrun init`: a user's files become an experiment that reads them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from distillrun.cli import main
from distillrun.config.build import build
from distillrun.config.compose import config_of
from distillrun.interfaces import FreeFormTask, RationaleTask, Task
from distillrun.records import FreeAnswer, Split, is_right, place

TICKETS = [
    ("the screen stays black", "hardware"),
    ("I forgot my password", "account"),
    ("it shows error 5", "software"),
]
MANY = [(f"{text}, and that is case {number}", team) for number in range(8) for text, team in TICKETS]


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()


def csv(name: str, rows: Sequence[tuple[str, ...]], header: str, separator: str = ",") -> None:
    lines = [separator.join(f'"{cell}"' for cell in row) for row in rows]
    Path("data", name).write_text("\n".join([header.replace(",", separator), *lines, ""]), encoding="utf-8")


def jsonl(name: str, rows: Sequence[Mapping[str, object]]) -> None:
    Path("data", name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def written(*words: str) -> Task:
    """Return the task of the experiment that init writes for some words, composed as a run composes it."""
    assert main(["init", *words, "--name", "mine"]) == 0
    task: Task = build(config_of(["experiment=mine"], config_dir="my_conf").task, "task")
    assert not task.check()
    return task


def sizes(task: Task) -> dict[Split, int]:
    splits: tuple[Split, ...] = ("train", "dev", "test")
    return {split: len(task.examples(split)) for split in splits}


def refused(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["init", *words]) == 2
    assert not Path("my_conf").exists(), "nothing is written where nothing fits"
    return capfd.readouterr().err


def test_one_file_of_labelled_texts_is_cut_into_three_splits(capfd: pytest.CaptureFixture[str]) -> None:
    csv("tickets.csv", MANY, "ticket,team", ";")
    task = written("data/tickets.csv")
    assert sizes(task) == {"train": 17, "dev": 2, "test": 5}
    assert {one.question for split in ("train", "dev", "test") for one in task.examples(split)} == {t for t, _ in MANY}
    told = capfd.readouterr().out
    assert "task=classification: ticket holds texts" in told
    assert "labels: 3 different ones" in told
    assert "a student reads: the screen stays black" in told
    assert "distillrun --config-dir my_conf experiment=mine until=load" in told
    assert main(["--config-dir", "my_conf", "experiment=mine", "until=load", "tracking=jsonl"]) == 0


def test_texts_without_labels_are_labelled_by_the_teacher(capfd: pytest.CaptureFixture[str]) -> None:
    csv("train.csv", [(text,) for text, _ in MANY], "text")
    csv("test.csv", [(f"{text}!", team) for text, team in MANY], "text,label")
    csv("labels.csv", [("hardware", "screens"), ("account", ""), ("software", "")], "name,description")
    task = written("data")
    assert {one.answer for one in task.examples("train")} == {None}
    config = config_of(["experiment=mine"], config_dir="my_conf")
    assert config.task["label_source"] == "teacher"
    assert [*config.generation.steps] == ["label"]
    told = capfd.readouterr().out
    assert "24 of 24 training rows have no label" in told
    assert "24 of 24 test questions are nearly the same" not in told.split("overlap:")[0]
    assert "teacher.budget.usd=1" in told


def test_questions_with_choices_of_their_own_are_multiple_choice(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [
        {
            "qid": f"q{n}",
            "stem": f"What is {n} and {n}?",
            "options": {"text": ["x", str(n)], "label": ["A", "B"]},
            "answerKey": "B",
        }
        for n in range(40)
    ]
    Path("data/train.jsonl").write_text("\n".join(map(json.dumps, rows[:30])), encoding="utf-8")
    Path("data/test.jsonl").write_text("\n".join(map(json.dumps, rows[30:])), encoding="utf-8")
    task = written("data/train.jsonl", "data/test.jsonl")
    (first, *_) = task.examples("test")
    assert (first.id, first.question, first.choices, first.answer) == ("q30", "What is 30 and 30?", ("x", "30"), 1)
    assert "the right answer is always in one place" in capfd.readouterr().out


def test_a_column_for_each_choice_is_found() -> None:
    csv("train.csv", [(f"question {n}", "a", f"{n}", "c", "2") for n in range(12)], "question,opt_a,opt_b,opt_c,answer")
    csv(
        "test.csv",
        [(f"question {n} again", "a", f"{n}", "c", "3") for n in range(4)],
        "question,opt_a,opt_b,opt_c,answer",
    )
    task = written("data/train.csv", "data/test.csv", "task.answer_form=number")
    assert [one.answer for one in task.examples("test")] == [2] * 4


def test_what_the_files_leave_open_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    csv("one.csv", [(*row, "x") for row in MANY[:12]] + [(*row, "y") for row in MANY[12:]], "text,team,floor")
    told = refused(capfd, "data/one.csv")
    assert "the columns team, floor may each be the label; name the one that is with --label" in told
    written("data/one.csv", "--label", "team")


@pytest.mark.parametrize(
    ("name", "rows", "header", "expected"),
    [
        ("train.csv", [("a text of words", ""), ("another text of words", "")], "text,label", "no column holds labels"),
        ("train.csv", [], "text,label", "data/train.csv holds no rows"),
    ],
)
def test_what_fits_no_task_is_refused_with_the_reason(
    name: str, rows: Sequence[tuple[str, ...]], header: str, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    csv(name, rows, header)
    assert expected in refused(capfd, f"data/{name}")


def test_files_whose_names_say_nothing_are_named_by_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    csv("a.csv", MANY[:12], "text,label")
    csv("b.csv", MANY[12:], "text,label")
    assert "write it as train=b.csv" in refused(capfd, "data/a.csv", "data/b.csv")
    assert sizes(written("train=data/a.csv", "test=data/b.csv"))["test"] == 12


def test_an_experiment_is_never_written_over_unasked(capfd: pytest.CaptureFixture[str]) -> None:
    csv("tickets.csv", MANY, "ticket,team")
    written("data/tickets.csv")
    file = Path("my_conf/experiment/mine.yaml")
    file.write_text("mine: 1\n")
    assert main(["init", "data/tickets.csv", "--name", "mine"]) == 2
    assert file.read_text() == "mine: 1\n"
    assert main(["init", "data/tickets.csv", "--name", "mine", "--force"]) == 0
    assert "task:" in file.read_text()


def test_text_of_a_folder_s_name_is_no_reference() -> None:
    Path("data/${oc.env:HOME}").mkdir()
    csv("${oc.env:HOME}/tickets.csv", MANY, "ticket,team")
    assert sizes(written("data/${oc.env:HOME}/tickets.csv"))["test"] == 5


@pytest.mark.realdata
def test_banking77_is_found_as_it_is(shared_data: Path) -> None:
    task = written(str(shared_data / "banking77"))
    assert (sizes(task)["test"], len(task.examples("test")[0].choices)) == (3080, 77)


@pytest.mark.parametrize("name", ["../../victim", "/tmp/victim", ".hidden", "a b", ""])
def test_a_name_never_leaves_the_folder(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    csv("tickets.csv", MANY, "ticket,team")
    assert main(["init", "data/tickets.csv", "--name", name, "--force"]) == (0 if not name else 2)
    assert [path.name for path in Path().rglob("*.yaml")] == ([] if name else ["data.yaml"])


def test_a_name_of_our_own_is_left_to_us(capfd: pytest.CaptureFixture[str]) -> None:
    Path("banking77").mkdir()
    csv("../banking77/tickets.csv", MANY, "ticket,team")
    assert main(["init", "banking77"]) == 0
    assert Path("my_conf/experiment/my_banking77.yaml").is_file()
    assert main(["init", "banking77", "--name", "banking77"]) == 2
    assert "is the name of a shipped experiment" in capfd.readouterr().err


def test_columns_that_are_not_read_are_named_and_a_template_takes_them_in(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [(f"passage {n} is long", f"what is {n}?", "yes" if n % 2 else "no") for n in range(12)]
    csv("train.csv", rows, "notes,question,label")
    written("data/train.csv")
    told = capfd.readouterr().out
    assert "not read: notes" in told
    word = 'task.template="{notes}\\n{question}"'
    assert f"add the word '{word}'" in told
    task = written("data/train.csv", word, "--force")
    questions = {one.question for one in task.examples("train")}
    assert all(re.fullmatch(r"passage (\d+) is long\nwhat is \1\?", question) for question in questions)


def test_shards_and_a_plain_list_of_labels_are_read() -> None:
    for number in (0, 1):
        csv(f"train-0000{number}-of-00002.csv", [(text,) for text, _ in MANY[12 * number :][:12]], "text")
    csv("test.csv", MANY, "text,label")
    Path("data/labels.txt").write_text("hardware,account,software\n", encoding="utf-8")
    task = written("data")
    assert sizes(task) == {"train": 24, "dev": 8, "test": 16}
    assert task.examples("test")[0].choices == ("hardware", "account", "software")


def refusal(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    capfd.readouterr()
    return refused(capfd, *words)


def test_variants_of_a_file_are_not_joined(capfd: pytest.CaptureFixture[str]) -> None:
    csv("train.csv", MANY, "text,label")
    csv("train_small.csv", MANY[:6], "text,label")
    csv("test.csv", MANY[:9], "text,label")
    told = refusal(capfd, "data")
    assert "train.csv and train_small.csv may each be the train rows, and 6 rows of one are also in another" in told
    assert "(train=data/train.csv)" in told
    assert len(written("data", "train=data/train.csv").examples("train")) == 21
    Path("data/train_small.csv").unlink()
    csv("train_v2.csv", MANY[3:], "text,label")
    Path("data/train.csv").rename("data/train_v1.csv")
    assert "21 rows of one are also in another" in refusal_of_two_versions(capfd)


def refusal_of_two_versions(capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert main(["init", "data", "--name", "two"]) == 2
    return capfd.readouterr().err


def test_faults_of_rows_are_listed_and_a_setting_is_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    csv("train.csv", [("" if n < 3 else text, label) for n, (text, label) in enumerate(MANY)], "text,label")
    told = refusal(capfd, "data/train.csv")
    assert "3 rows cannot be read; they are:" in told
    assert told.count("text must hold a text, not ''; fill the cell, or remove the row") == 3
    Path("data/train.csv").write_text("text,label\n" + "größe,a\nkleine,b\n" * 9, encoding="cp1252")
    told = refusal(capfd, "data/train.csv")
    assert "set task.encoding to what it is, such as cp1252" in told
    assert "(a setting of the task is added as a word: task.KEY=VALUE)" in told
    assert {"größe", "kleine"} == {
        one.question for one in written("data/train.csv", "task.encoding=cp1252").examples("train")
    }


def test_what_was_found_is_there_for_programs(capfd: pytest.CaptureFixture[str]) -> None:
    csv("tickets.csv", MANY, "ticket,team")
    assert main(["init", "data/tickets.csv", "--name", "mine", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["task"], told["settings"]["fields"]["text"]) == ("classification", "ticket")
    assert told["written"] == "my_conf/experiment/mine.yaml"
    assert "distillrun --config-dir my_conf experiment=mine until=load" in told["next"]


def test_customers_stay_together_and_solved_rows_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [(text, team if n % 2 else "", f"c{n % 7}") for n, (text, team) in enumerate(MANY)]
    csv("tickets.csv", rows, "ticket,team,customer_id")
    task = written("data/tickets.csv")
    config = config_of(["experiment=mine"], config_dir="my_conf")
    assert config.task["split_by"] == "customer_id"
    of = {text: customer for text, _, customer in rows}
    train, test = ({of[one.question] for one in task.examples(split)} for split in ("train", "test"))
    assert not train & test
    assert config.generation.steps["label"]["prompt"]["demonstrations"] == "rows"
    assert config.generation.steps["label"]["prompt"]["demos"] == 8
    assert config.baselines


@pytest.mark.parametrize(
    ("header", "rows", "told"),
    [
        ("text,label", [(text, "x") for text, _ in MANY], "the only label in label is 'x'"),
        ("the screen stays black,hardware", MANY, "the first line must name the columns, but it looks like a row"),
    ],
)
def test_tables_that_are_not_what_they_seem_are_named(
    header: str, rows: Sequence[tuple[str, ...]], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    csv("train.csv", rows, header)
    assert told in refusal(capfd, "data/train.csv")


def test_one_label_spelt_in_two_ways_is_one() -> None:
    csv(
        "train.csv", [(text, team.upper() if n % 5 == 0 else team) for n, (text, team) in enumerate(MANY)], "text,label"
    )
    assert written("data/train.csv").examples("train")[0].choices == ("account", "hardware", "software")


def test_passages_with_accepted_answers_are_read_as_squad_has_them() -> None:
    """The columns of Hugging Face's copy: https://huggingface.co/datasets/rajpurkar/squad."""
    rows = [
        {
            "id": str(n),
            "title": "Towns",
            "context": f"Town {n} lies on a river.",
            "question": f"Where is town {n}?",
            "answers": {"text": [f"on river {n}", f"river {n}"], "answer_start": [12, 15]},
        }
        for n in range(24)
    ]
    jsonl("train.jsonl", rows)
    task = written("data/train.jsonl")
    (first, *_) = task.examples("train")
    assert isinstance(first.answer, FreeAnswer)
    number = first.answer.text.removeprefix("on river ")
    assert first.answer.accepted == (f"river {number}",)
    assert first.question == f"Town {number} lies on a river.\nWhere is town {number}?"


def test_instructions_with_and_without_an_input_are_read_as_alpaca_has_them() -> None:
    """The columns of https://github.com/tatsu-lab/stanford_alpaca."""
    rows = [
        {
            "instruction": f"Describe thing {n}.",
            "input": "" if n % 2 else f"It is red, {n}.",
            "output": f"Thing {n} is a red one.",
        }
        for n in range(24)
    ]
    jsonl("train.jsonl", rows)
    found = {one.question.strip() for one in written("data/train.jsonl").examples("train")}
    assert found <= {f"Describe thing {n}." + ("" if n % 2 else f"\nIt is red, {n}.") for n in range(24)}


def test_json_objects_are_the_answers_of_an_extraction(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"mail": f"Please send {n} lamps", "fields": json.dumps({"item": "lamp", "count": n})} for n in range(24)]
    jsonl("train.jsonl", rows)
    written("data/train.jsonl")
    assert "JSON objects (scorer json_fields)" in capfd.readouterr().out
    assert "evaluation: [generated_answer, extraction]" in Path("my_conf/experiment/mine.yaml").read_text()


@pytest.mark.parametrize(
    ("names", "message"),
    [(("NaN", "account"), "the label 'NaN' is how programs write a cell that is missing"), (("0.0", "1.0"), "numbers")],
)
def test_labels_that_may_be_none_are_said(
    names: tuple[str, str], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    csv("train.csv", [(f"it is case {n} of many", names[n % 2]) for n in range(24)], "text,label")
    written("data/train.csv")
    assert message in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": "T", "paragraphs": [{"context": "c", "qas": []}]}, "under paragraphs (context, qas)"),
        ({"messages": [{"role": "user", "content": "Hi you"}]}, "under messages (role, content)"),
    ],
)
def test_rows_within_rows_are_named(row: dict[str, object], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    jsonl("train.jsonl", [row] * 3)
    assert message in refused(capfd, "data/train.jsonl")


def test_texts_that_belong_together_are_read_together() -> None:
    rows = [(f"A man sleeps in bed {n}", f"A man runs {n} miles", "yes" if n % 2 else "no") for n in range(24)]
    csv("train.csv", rows, "premise,hypothesis,label")
    (first, *_) = written("data/train.csv").examples("train")
    assert re.fullmatch(r"A man sleeps in bed (\d+)\nA man runs \1 miles", first.question)


def test_objects_and_an_answer_in_a_column_of_its_own_are_choices() -> None:
    rows: list[dict[str, object]] = [
        {
            "id": f"q{n}",
            "question": {
                "stem": f"What is {n}?",
                "choices": [{"label": "A", "text": "x"}, {"label": "B", "text": f"{n}"}],
            },
            "answerKey": "B",
        }
        for n in range(30)
    ]
    Path("data/train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (first, *_) = written("data/train.jsonl").examples("test")
    assert first.choices[place(first.answer or 0)] == first.question.removeprefix("What is ").removesuffix("?")
    sciq = [(f"What is number {n}?", "a", "b", f"right {n}") for n in range(30)]
    csv("science.csv", sciq, "question,distractor1,distractor2,correct_answer")
    task = written("data/science.csv", "--force")
    assert {len(one.choices) for one in task.examples("train")} == {3}
    assert len({one.answer for one in task.examples("train")}) == 3


@pytest.mark.parametrize("hidden", ["-1", "", None])
def test_a_test_whose_labels_are_hidden_is_not_scored_by(hidden: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    csv("train.csv", [(*row, f"{n % 3}") for n, row in enumerate(MANY)], "text,team,floor")
    csv("dev.csv", [(f"{text}!", team, "1") for text, team in MANY[:9]], "text,team,floor")
    rows = [(f"{text}?", *([] if hidden is None else [hidden]), f"{n % 2}") for n, (text, _) in enumerate(MANY[:6])]
    csv("test.csv", rows, "text,floor" if hidden is None else "text,team,floor")
    task = written("data", *(["--label", "team"] if hidden is not None else []))
    assert sizes(task) == {"train": 21, "dev": 3, "test": 9}
    assert "not read: test.csv, since its rows have no labels to score by; test is dev.csv" in capfd.readouterr().out


def test_letters_in_parentheses_are_answers_and_no_choice_of_their_own() -> None:
    csv("t.csv", [(f"question {n}", "x", "y", f"({'ab'[n % 2]})") for n in range(20)], "question,a,b,answer")
    (first, *_) = written("data/t.csv").examples("train")
    assert first.choices == ("x", "y")


@pytest.mark.parametrize("sign", ["|", ";", None])
def test_texts_with_several_labels_are_found(sign: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    sets = [["account", "hardware"], ["hardware"], ["software", "account"], ["software"]]
    rows = [(text, sets[n % 4]) for n, (text, _) in enumerate(MANY)]
    if sign is None:
        lines = [json.dumps({"text": text, "tags": labels}) for text, labels in rows]
        Path("data/train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    else:
        csv("train.csv", [(text, sign.join(labels)) for text, labels in rows], "text,tags")
    task = written("data/train.csv" if sign else "data/train.jsonl", *([] if sign else ["--label", "tags"]))
    assert task.examples("train")[0].choices == ("account", "hardware", "software")
    assert {one.answers for one in task.examples("train")} == {(0, 1), (1,), (0, 2), (2,)}
    assert "labels: a text has several" in capfd.readouterr().out
    config = config_of(["experiment=mine"], config_dir="my_conf")
    assert [*config.evaluators] == ["label_sets", "multi_label"]


def test_a_comma_inside_a_label_parts_nothing() -> None:
    csv("train.csv", [(text, {"hardware": "screens, disks"}.get(team, team)) for text, team in MANY], "text,team")
    assert written("data/train.csv").examples("train")[0].choices == ("account", "screens, disks", "software")


def test_solutions_with_semicolons_are_no_labels() -> None:
    csv("train.csv", [(f"solve system {n} for x and y", f"x = {n}; y = {n % 5}") for n in range(24)], "question,answer")
    assert isinstance(written("data/train.csv"), FreeFormTask)


def test_answers_that_hardly_repeat_are_free_form(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [(f"What is {n} plus {2 * n}?", str(3 * n)) for n in range(1, 41)]
    csv("sums.csv", rows, "question,answer")
    task = written("data/sums.csv")
    assert isinstance(task, FreeFormTask)
    asked = {one.question: one for split in ("train", "dev", "test") for one in task.examples(split)}
    right = asked["What is 7 plus 14?"]
    assert is_right(right, task.parse("21.0", right))
    assert not is_right(right, task.parse("22", right))
    told = capfd.readouterr().out
    assert "task=free_form: answer holds answers in free form, which are numbers (scorer numeric)" in told
    assert main(["--config-dir", "my_conf", "experiment=mine", "until=load", "tracking=jsonl"]) == 0


def test_reasons_before_a_marker_are_rationales(capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"question": f"{n} and {n}?", "answer": f"{n} and {n} make {2 * n}.\n#### {2 * n}"} for n in range(1, 41)]
    Path("data", "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = written("data/train.jsonl")
    assert isinstance(task, FreeFormTask)
    assert isinstance(task, RationaleTask)
    one = task.examples("train")[0]
    number = int(one.question.split()[0])
    assert task.rationale(one) == f"{number} and {number} make {2 * number}."
    assert is_right(one, task.parse(str(2 * number), one))
    assert "generation: gold_rationale" in Path("my_conf/experiment/mine.yaml").read_text(encoding="utf-8")
