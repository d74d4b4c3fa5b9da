"""Whole runs of texts with several labels: from gold, from a server's labels and samples, and predictions to a file."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.commands.predict import predict
from distillrun.errors import ConfigError
from distillrun.planning.making import make_plan
from tests.end_to_end.runs import composed, run_scored, scored
from tests.loopback import Answer, Loopback, Seen, written

WORDS = {"arrival": "come", "lost": "gone", "rate": "price"}
TINY = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
FAST = (
    "training.max_steps=90",
    "training.examples_per_step=12",
    "training.learning_rate=0.01",
    "training.warmup_steps=0",
)
PLAIN = ("objective=label_only", "objective.source='{question}'", "objective.target='{answer}'")


def labels_at(n: int) -> list[str]:
    """Return the labels of the n-th text: each of the eight sets in turn, the empty one among them."""
    return [name for place, name in enumerate(WORDS) if n % 8 >> place & 1]


def write_texts(folder: Path, labelled: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", 64), ("dev", 16), ("test", 16)):
        rows = [["text", "label"]]
        for n in range(count):
            words = " ".join(WORDS[name] for name in labels_at(n))
            known = labelled or split != "train"
            rows.append([f"{n} of {split} says {words}", ";".join(labels_at(n)) if known else ""])
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    (folder / "labels.csv").write_text("\n".join(["name", *WORDS, ""]), encoding="utf-8")
    return folder


def words_of(texts: Path, *more: str) -> tuple[str, ...]:
    task = ("task=classification", f"task.folder={texts}", "task.labels=labels.csv", "task.files.dev=dev.csv")
    several = ("task.multi_label=true", "task.label_separator=';'", "task.limit=null")
    return (*task, *several, *TINY, *FAST, *PLAIN, "evaluation=[label_sets,multi_label]", *more)


def value(found: Any, name: str) -> float:
    return float(found["scores"][f"test/{name}"]["value"])


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("learnt")
    words = words_of(write_texts(folder / "texts"), f"paths.run={folder / 'run'}")
    return folder, run_scored(folder / "run", *words, store=folder / "store", page=True)


def test_labels_are_learnt_and_scored_each_by_itself(learnt: tuple[Path, Any]) -> None:
    folder, found = learnt
    assert value(found, "micro_f1") > 0.95
    assert value(found, "label_sets/accuracy") > 0.8
    assert found["scores"]["test/subset_accuracy"]["n"] == 16
    assert "bag_of_words/macro_f1" in " ".join(found["scores"])
    (table,) = found["findings"]["multi_label"]["tables"]
    assert {row[0] for row in table["rows"]} == set(WORDS)
    assert {row[5] for row in table["rows"]} == {8}  # of 16 test texts
    assert "2 right" in found["findings"]["multi_label"]["note"]  # texts without any label
    page = (folder / "run" / "report.md").read_text(encoding="utf-8")
    assert "Labels, worst first" in page
    assert "unparsed" not in page  # no label is an answer


def test_a_file_is_answered_with_lists_of_labels(learnt: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = learnt
    asked, out = folder / "in.csv", folder / "out.csv"
    asked.write_text("text\n900 of all says come price\n901 of all says\n", encoding="utf-8")
    assert predict([str(folder / "run"), "--file", str(asked), "--out", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [set(json.loads(row["prediction"])) for row in rows] == [{"arrival", "rate"}, set()]
    assert [len(json.loads(row["confidence"])) for row in rows] == [2, 0]
    assert predict([str(folder / "run"), "902 of all says gone"]) == 0
    assert "label: lost (" in capsys.readouterr().out


def labeller(seen: Seen) -> Answer:
    """Name the labels of a text as a chat model does; of every eighth text one is left out."""
    asked = seen.prompt.split("Text: ")[1]
    names = [name for name, word in WORDS.items() if word in asked.split("\n")[0]]
    number = int(asked.split()[0])
    return Answer(written("; ".join(names[1:] if number % 8 == 7 else names) or "None."))


@pytest.mark.parametrize("objective", ["label_only", "label_shares"])
def test_texts_without_labels_are_labelled_by_a_server_and_learnt(tmp_path: Path, objective: str) -> None:
    texts = write_texts(tmp_path / "texts", labelled=False)
    asking = ("task.label_source=teacher", "generation=label_sets", f"objective={objective}")
    with Loopback(labeller) as server:
        api = ("teacher=api", f"teacher.base_url={server.url}", "teacher.model=m", "teacher.api_key_env=null")
        words = words_of(texts, *asking, *api)
        planned = {one.name: one.forecast for one in make_plan(scored(tmp_path / "s", *words)).stages}
        foreseen = planned["generate/label_sets"]
        assert foreseen is not None
        assert foreseen.expected.requests == 64
        found: Any = run_scored(tmp_path / "run", *words, store=tmp_path / "store")
        assert len(server.asked) == 64
    assert value(found, "micro_f1") > 0.9
    assert value(found, "bag_of_words/micro_f1") > 0.8


def test_labels_of_a_teacher_are_held_against_known_ones(tmp_path: Path) -> None:
    words = words_of(
        write_texts(tmp_path / "texts"), "task.label_source=teacher", "generation=label_sets", "until=train"
    )
    with Loopback(labeller) as server:
        api = ("teacher=api", f"teacher.base_url={server.url}", "teacher.model=m", "teacher.api_key_env=null")
        found: Any = run_scored(tmp_path / "run", *words, *api, store=tmp_path / "store")
    noise = found["data"]["label noise"]["train"]
    # of eight texts, seven are known to have labels, since blank cells wait for the teacher, and one of these is wrong
    assert (noise["labels of the teacher"], noise["accuracy"]) == (64, pytest.approx(6 / 7, abs=1e-4))
    assert noise["micro-F1"] == pytest.approx(2 * 88 / (88 + 96), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("student=tiny_t5", "needs a student with an output for each label, which student=tiny_t5 does not have"),
        ("objective=choice_distillation", "objective=choice_distillation expects one label for each text"),
        ("evaluation=[choice_likelihood]", "evaluation.choice_likelihood expects one label for each text"),
        (
            "evaluation=[label_sets,calibration]",
            r"evaluation.calibration expects .*evaluation=\[label_sets,multi_label\]",
        ),
        ("generation=label", "generation step label expects one label for each text"),
        ("evaluation.baselines=true", "set evaluation.baselines=false"),
    ],
)
def test_what_takes_a_text_to_have_one_label_is_refused_before_any_cost(
    tmp_path: Path, change: str, message: str
) -> None:
    words = [word for word in words_of(write_texts(tmp_path / "texts")) if word.split("=")[0] != change.split("=")[0]]
    if change == "student=tiny_t5":
        words = [word for word in words if not word.startswith("student.")]
    if change.startswith("objective="):
        words = [word for word in words if not word.startswith("objective.")]
    if change.startswith("generation="):
        words.append("task.label_source=teacher")
    with pytest.raises(ConfigError, match=message):
        scored(tmp_path, *words, change)


def test_what_needs_several_labels_is_refused_where_a_text_has_one(tmp_path: Path) -> None:
    words = [word for word in words_of(write_texts(tmp_path / "texts")) if "multi_label" not in word]
    words = [word for word in words if "separator" not in word]
    with pytest.raises(ConfigError, match=r"objective=label_shares learns from texts that have several labels each"):
        scored(tmp_path, *words, "objective=label_shares", "evaluation=[choice_likelihood]")
    assert composed(*words).task["multi_label"] is False
