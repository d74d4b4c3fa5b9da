"""Whole runs of a classification: labels learnt from gold, by a fresh encoder and on frozen vectors."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import distillrun as dr
from distillrun.errors import ConfigError
from distillrun.pipeline.predict_file import predict_file
from distillrun.planning.making import make_plan
from tests.end_to_end.runs import composed, run_scored, scored
from tests.loopback import Answer, Loopback, Seen, written
from tests.tiny_checkpoints import write_bert

WORDS = {"arrival": "come", "lost": "gone", "rate": "price"}
PLAIN = ("objective=label_only", "objective.source='{question}'", "objective.target='{answer}'")
EMBEDDED = {"embed/train", "embed/dev", "embed/test"}


def write_texts(folder: Path, labelled: bool = True) -> Path:
    """Write texts whose last word tells the label."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", 48), ("dev", 12), ("test", 12)):
        rows = ["text,label"]
        for n in range(count):
            label, word = list(WORDS.items())[n % 3]
            rows.append(f"customer {n} of {split} says {word},{label if labelled or split != 'train' else ''}")
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    names = [f"{label},about {word}" for label, word in WORDS.items()]
    (folder / "labels.csv").write_text("\n".join(["name,description", *names, ""]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("texts"))


def words_of(texts: Path, *more: str) -> tuple[str, ...]:
    task = ("task=classification", f"task.folder={texts}", "task.labels=labels.csv", "task.files.dev=dev.csv")
    return (*task, "task.limit=null", "evaluation.choice_likelihood.prior=false", *PLAIN, *more)


def probe(texts: Path, encoder: str, *more: str) -> tuple[str, ...]:
    student = ("student=text_classifier", f"student.checkpoint={encoder}", "student.max_tokens=100")
    return words_of(texts, *student, "training.max_steps=40", "training.learning_rate=0.05", *more)


def test_a_fresh_encoder_learns_labels(texts: Path, tmp_path: Path) -> None:
    tiny = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
    words = words_of(texts, *tiny, "training.max_steps=60", "training.examples_per_step=12", "training.warmup_steps=0")
    found: Any = run_scored(tmp_path / "run", *words, "training.learning_rate=0.01", store=tmp_path / "store")
    assert found["scores"]["test/likelihood_sum/accuracy"]["value"] > 0.9
    assert found["scores"]["test/likelihood_sum/accuracy"]["n"] == 12


def test_runs_share_the_vectors_of_a_frozen_encoder(texts: Path, tmp_path: Path) -> None:
    bert, store = write_bert(tmp_path), tmp_path / "store"
    planned = {one.name for one in make_plan(scored(store, *probe(texts, bert))).stages}
    assert {name for name in planned if name.startswith("embed/")} == EMBEDDED
    first: Any = run_scored(tmp_path / "first", *probe(texts, bert), store=store)
    second: Any = run_scored(tmp_path / "second", *probe(texts, bert, "training.seed=1"), store=store)
    again: Any = run_scored(tmp_path / "again", *probe(texts, bert), store=store)
    made = {name: [run["stages"][name]["cached"] for run in (first, second)] for name in planned}
    assert {name for name, cached in made.items() if cached == [False, True]} >= {
        "embed/train",
        "embed/dev",
        "embed/test",
    }
    assert made["train"] == [False, False]
    assert not any(name.startswith("embed/") for name in again["stages"])  # nothing is trained, so nothing is embedded
    assert again["scores"] == first["scores"]
    assert first["student"]["trained_parameters"] == 3 * 32 + 3


def test_a_training_never_sees_the_test_texts(texts: Path, tmp_path: Path) -> None:
    found: Any = run_scored(
        tmp_path / "run", *probe(texts, write_bert(tmp_path), "until=train"), store=tmp_path / "store"
    )
    assert "embed/test" not in found["stages"]


def test_a_task_with_choices_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="student=tiny_text_classifier has an output for each label"):
        scored(tmp_path, "student=tiny_text_classifier", "objective=label_only")


def test_the_order_of_labels_is_never_shuffled(texts: Path, tmp_path: Path) -> None:
    """A head's outputs are labels by their places, so a shuffled order would teach it at random."""
    assert composed("training=quick").training.shuffle_choices
    bert = write_bert(tmp_path)
    both: list[Any] = [
        run_scored(tmp_path / str(on), *probe(texts, bert, f"training.shuffle_choices={on}"), store=tmp_path / "store")
        for on in (True, False)
    ]
    assert both[0]["scores"] == both[1]["scores"]
    rows = (tmp_path / "True" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {tuple(json.loads(row)["choices"]) for row in rows} == {tuple(WORDS)}


def labeller(seen: Seen) -> Answer:
    """Answer as a chat model does: by name, or by its number in the list; one text of eight is labelled wrongly."""
    listed, asked = seen.prompt.split("\n\nText: ")
    names = [line.split(". ")[1].split(":")[0] for line in listed.splitlines()[1:]]
    number = int(asked.split()[1])
    right = next(label for label, word in WORDS.items() if f"says {word}" in asked)
    place = (names.index(right) + (number % 8 == 7)) % len(names)
    return Answer(written(f"{place + 1}. {names[place]}" if number % 2 else f"Label: {names[place].title()}"))


@pytest.mark.parametrize("objective", ["label_only", "choice_distillation"])
def test_texts_without_labels_are_labelled_by_a_server_and_learnt(tmp_path: Path, objective: str) -> None:
    texts = write_texts(tmp_path / "texts", labelled=False)
    tiny = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
    fast = ("training.max_steps=80", "training.examples_per_step=12", "training.learning_rate=0.01")
    texts_read = "objective" if objective == "label_only" else "objective.texts"
    plain = (f"objective={objective}", f"{texts_read}.source='{{question}}'", f"{texts_read}.target='{{answer}}'")
    words = [word for word in words_of(texts, *tiny, *fast) if not word.startswith("objective")]
    asking = ("task.label_source=teacher", "generation=label", "evaluation=[choice_likelihood,classification]")
    with Loopback(labeller) as server:
        api = ("teacher=api", f"teacher.base_url={server.url}", "teacher.model=m", "teacher.api_key_env=null")
        again = ("evaluation.baselines=true", *api)
        found: Any = run_scored(tmp_path / "run", *words, *plain, *asking, *again, store=tmp_path / "store")
        assert len(server.asked) == 48 + 12  # the training texts, and the test texts for the teacher's own row
    teacher = found["baselines"]["teacher"]["test/accuracy"]
    assert (teacher["value"], teacher["n"]) == (pytest.approx(11 / 12), 12)
    assert found["data"]["the teacher's own answers"]["answered"] == 48
    assert found["scores"]["test/likelihood_sum/accuracy"]["value"] > 0.9  # more often right than its labels are
    tables = {one["title"]: one["rows"] for one in found["findings"]["classification"]["tables"]}
    assert [row[0] for row in tables["Student and baselines"]] == [
        "student",
        "TF-IDF + logistic regression",
        "majority class",
    ]


def test_a_gate_marks_texts_that_have_none_of_the_labels(tmp_path: Path) -> None:
    """Texts out of scope have none of the words that tell a label; predict --file goes by the run's threshold."""
    folder = write_texts(tmp_path / "texts")
    for split, count in (("dev", 12), ("test", 12)):
        with (folder / f"{split}.csv").open("a", encoding="utf-8") as stream:
            stream.writelines(f"zzz {n} qqq of {split},oos\n" for n in range(count))
    tiny = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
    words = words_of(folder, *tiny, "training.max_steps=60", "training.examples_per_step=12", "training.warmup_steps=0")
    gate = ("task.out_of_scope=oos", "evaluation=[choice_likelihood,out_of_scope]", "training.learning_rate=0.01")
    found: Any = run_scored(tmp_path / "run", *words, *gate, store=tmp_path / "store")
    scores = {name: score["value"] for name, score in found["scores"].items()}
    run, out = dr.load_run(tmp_path / "run"), tmp_path / "out.csv"
    asked = folder / "test.csv"
    assert predict_file(run.student, "run", asked, out, run.config.runtime.progress) == (24, 0)
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    marked = [row["out_of_scope"] == "yes" for row in rows]
    assert {row["out_of_scope"] for row in rows} <= {"yes", "no"}
    strange = [row["label"] == "oos" for row in rows]
    recall = sum(flag for flag, is_strange in zip(marked, strange, strict=True) if is_strange) / sum(strange)
    assert recall == pytest.approx(scores["test/out_of_scope_recall"])
    assert scores["test/out_of_scope_auroc"] > 0.5
    kept = sum(not flag for flag, is_strange in zip(marked, strange, strict=True) if not is_strange)
    right = sum(
        row["prediction"] == row["label"] and not flag
        for row, flag, is_strange in zip(rows, marked, strange, strict=True)
        if not is_strange
    )
    assert kept > 0
    assert right / 12 == pytest.approx(scores["test/in_scope_accuracy"])
