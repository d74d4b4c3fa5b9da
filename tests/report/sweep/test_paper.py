"""The paper's grid: its arms as configs, what its released code does otherwise, and what was published."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from distillrun.config.build import build
from distillrun.config.compose import config_of
from distillrun.config.schema import Keep
from distillrun.config.settings import Config, plain
from distillrun.objective.counterfactual import draw_counterfactual
from distillrun.records import Rationale, TargetPair, TeacherRecord, is_right
from distillrun.report.page.block import Paragraph, Table
from distillrun.report.sweep.grid import grid_of
from distillrun.report.sweep.paper import paper_section
from distillrun.report.sweep.published import PUBLISHED, published
from distillrun.report.sweep.reading import read_sweeps
from distillrun.report.sweep.results import cell_rows
from distillrun.training.step import filled
from tests.end_to_end.runs import run_small
from tests.leaves import EXAMPLE, RECORD, made
from tests.report.sweep.test_page import write_job

ARMS = ("label_only", "mt", "cf", "mt_cf", "mt_revised", "cf_revised", "mt_cf_revised")


def composed(experiment: str) -> Config:
    return config_of([f"experiment={experiment}"])


def differences(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return {} if one == other else {path: (one, other)}
    return {
        key: value
        for name in {*one, *other}
        for key, value in differences(one.get(name), other.get(name), f"{path}.{name}".lstrip(".")).items()
    }


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_has_the_papers_settings(arm: str) -> None:
    config = composed(f"paper/{arm}")
    training = config.training
    assert (training.max_steps, training.examples_per_step, training.learning_rate) == (5000, 64, 5e-5)
    assert training.keep is Keep.last  # encoder_decoder_training.py:65 saves no checkpoint and loads no best one
    assert config.student["checkpoint"] == "google/t5-v1_1-base"
    assert config.selected["teacher"] == "recorded"
    assert config.objective.get("prefix", "encoder") == "encoder"
    assert config.objective.get("rationale", "") == (
        "revised" if "revised" in arm else "" if arm == "label_only" else "initial"
    )


def test_the_size_may_be_chosen_beside_the_arm() -> None:
    config = config_of(["experiment=paper/mt", "student=t5_large"])
    assert config.student["checkpoint"] == "google/t5-v1_1-large"
    assert config.student["max_target_tokens"] == 300


def test_as_published_differs_from_its_arm_in_what_the_code_does_otherwise_and_nothing_else() -> None:
    found = {
        arm: differences(plain(composed(f"paper/{arm}")), plain(composed(f"as_published/{arm}"))) for arm in ARMS[1:]
    }
    question = ("{question} {choices}", "Question: {question}\nChoices: {choices}")
    common = {"training.learn_padding": (False, True), "task.question_template": question}
    blank = {name: (f"[{name}] {{question}}", f"[{name}] {{question}} ") for name in ("predict", "explain", "factual")}
    stray = "[counterfactual] {question}\\Rationale: {rationale} "
    texts = ("[counterfactual] {question} Rationale: {rationale}", stray)
    views = {f"{name}_source": blank[name] for name in ("predict", "explain")}
    wrong = {"factual_source": blank["factual"], "encoder_source": texts}

    def keys(section: str, values: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
        return {f"{section}.{name}": value for name, value in values.items()}

    first = {"objective.choice": ("drawn", "first"), **keys("objective", wrong)}
    both = {"objective.choice": ("drawn", "first_wrong")}
    both |= keys("objective.multitask", views) | keys("objective.counterfactual", wrong)
    assert found["mt"] == found["mt_revised"] == common | keys("objective", views)
    assert found["cf"] == found["cf_revised"] == common | first
    assert found["mt_cf"] == common | both
    assert found["mt_cf_revised"] == common | both | {"objective.factual_rationale": (None, "initial")}


@pytest.mark.realdata
@pytest.mark.parametrize("arm", ["mt", "cf", "mt_cf"])
def test_as_published_reads_what_the_released_code_reads(arm: str, shared_data: Path) -> None:
    """The texts are the f-strings of its cqa.py (DanielHendriks/llm-distillation, c31e830, lines 310 to 356)."""
    config = composed(f"as_published/{arm}")
    task = build({**config.task, "folder": str(shared_data / "cqa")}, "task")
    objective = build(config.objective, "objective")
    rationales = [Rationale(f"For {n}.", f"For {n}.", n, "counterfactual", "initial") for n in range(5)]
    examples = task.examples("train")
    assert len(examples) == 8766
    for example in examples:
        own = [replace(one, kind="factual") if one.supports == example.answer else one for one in rationales]
        record = TeacherRecord(example.id, tuple(own), {})
        listed = " ".join(f"({letter}) {choice}" for letter, choice in zip("abcde", example.choices, strict=True))
        asked = f"Question: {example.question}\nChoices: {listed}"
        expected = {view: f"[{view}] {asked} " for view in ("predict", "explain", "factual")}
        for pair in objective.targets(example, record, task, seed=0):
            source, target = ("".join(one.text for one in some) for some in (pair.source, pair.target))
            if pair.view == "counterfactual":
                wrong = [n for n in range(5) if not is_right(example, n)]  # none that repeats the right one
                chosen = 0 if arm == "cf" else wrong[0]
                assert source == f"[counterfactual] {asked}\\Rationale: For {chosen}. "
                assert target == f"[counterfactual] So the answer is {example.choices[chosen]}."
            else:
                assert source == expected[pair.view]
            if pair.view == "predict":
                assert target == f"[answer] The answer is {example.choices[example.answer or 0]}"


def test_the_first_choice_is_taken_right_or_wrong_or_the_first_wrong_one() -> None:
    task = made("task", "multiple_choice", folder="unused")

    def learnt(choice: str, answer: int) -> str:
        rationales = [
            Rationale(f"for {n}", "", n, "factual" if n == answer else "counterfactual", "initial")
            for n in (3, 2, 1, 0)
        ]
        example, record = replace(EXAMPLE, answer=answer), replace(RECORD, rationales=tuple(rationales))
        pairs = made("objective", "counterfactual", choice=choice).targets(example, record, task, seed=5)
        return "".join(segment.text for segment in pairs[1].target)

    first, second = EXAMPLE.choices[:2]
    assert learnt("first", 2) == f"[counterfactual] Answer: for 0 So the answer is {first}."
    assert learnt("first", 0) == f"[counterfactual] Answer: for 0 So the answer is {first}."
    assert learnt("first_wrong", 0) == f"[counterfactual] Answer: for 1 So the answer is {second}."
    assert learnt("first_wrong", 2) == f"[counterfactual] Answer: for 0 So the answer is {first}."
    assert draw_counterfactual(EXAMPLE, RECORD, 5) is not None
    with pytest.raises(ValueError, match=r"objective\.choice='last' is unknown; choose drawn, first_wrong, first"):
        made("objective", "counterfactual", choice="last")


def test_the_factual_view_may_learn_another_version() -> None:
    task = made("task", "multiple_choice", folder="unused")
    objective = made("objective", "multitask_counterfactual", rationale="revised", factual_rationale="initial")
    assert objective.needs == {"initial", "revised", "counterfactual"}
    texts = {
        pair.view: "".join(one.text for one in pair.target) for pair in objective.targets(EXAMPLE, RECORD, task, 0)
    }
    version = {one.version: one.text for one in RECORD.rationales if one.kind == "factual"}
    assert version["revised"] in texts["explain"]
    assert version["initial"] in texts["factual"]


def test_pads_fill_a_view_up_to_its_longest_target_and_are_learnt() -> None:
    pairs = [TargetPair((), (), view) for view in ("predict", "explain", "predict", "explain")]
    assert [pair.padding for pair in filled(pairs, [3, 40, 5, 90])] == [2, 50, 0, 0]


@pytest.mark.parametrize("student", ["tiny_t5", "tiny_qwen"])
def test_a_padded_target_ends_as_before_and_goes_on_with_pads(student: str) -> None:
    model = made("student", student).build(seed=0)
    task = made("task", "multiple_choice", folder="unused")
    (pair,) = made("objective", "label_only").targets(EXAMPLE, None, task, 0)
    plain_one, long_one = (model.encode([one], [0]) for one in (pair, replace(pair, padding=3)))
    pad = model.text.tokenizer.pad_token_id
    assert long_one.labels.tolist()[0] == [*plain_one.labels.tolist()[0], pad, pad, pad]
    assert model.lengths([replace(pair, padding=3)])[0][1] == model.lengths([pair])[0][1] + 3


@pytest.mark.parametrize(("kept", "tested"), [("last", "last"), ("best", "best on dev")])
def test_the_page_says_which_step_stands_beside_the_published_figures(kept: str, tested: str, tmp_path: Path) -> None:
    for number in range(2):
        settings = {"experiment": "paper/mt", "student": "t5_base", "training.seed": number, "training.keep": kept}
        write_job(tmp_path / "sweep", number, settings, right=12)
    grid = grid_of(read_sweeps([tmp_path / "sweep"]).jobs)
    section = paper_section(grid, cell_rows(grid))
    assert section is not None
    intro, *notes, table = section.blocks
    assert isinstance(intro, Paragraph)
    assert isinstance(table, Table)
    assert "each tested after its last step" in intro.text
    # t(.975, 5) = 2.570582, for only the published runs scatter: 2.570582 x 5.59 / sqrt(6) = 5.8664
    assert table.rows == [
        (
            *("paper/mt", "t5_base", tested, "60.00", "0.00", "2", "62.09 ± 5.59 (6)", "75.56 ± 0.77 (5)"),
            *("-2.09", "-7.96 to +3.78"),
        )
    ]
    said = [note.text for note in notes if isinstance(note, Paragraph)]
    assert [text.startswith("Students of “best on dev” (training.keep=best)") for text in said] == [True] * (
        kept == "best"
    )


@pytest.mark.realdata
def test_the_published_figures_are_those_of_the_papers_own_table(shared_data: Path) -> None:
    modes = {"task-prefix": "mt", "counterfactual-prefix": "cf", "both": "mt_cf"}
    with (shared_data / "experiment.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    cells: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        arm = modes[row["training_mode"]] + ("_revised" if row["target_rationale"] == "few-shot-revision" else "")
        cells.setdefault((arm, row["model_size"]), []).append(100 * float(row["test accuracy"]))
    assert len(PUBLISHED) == len(cells) == 12
    for (arm, size), values in cells.items():
        found = published(arm, size)
        assert found is not None
        assert (found.mean, found.sd, found.n) == (round(fmean(values), 2), round(stdev(values), 2), len(values))


@pytest.mark.realdata
def test_the_released_code_is_told_apart_by_what_it_learns(shared_data: Path, tmp_path: Path) -> None:
    tokens: Counter[bool] = Counter()
    for pads in (False, True):
        result: Any = run_small(
            tmp_path / f"run_{pads}",
            "experiment=as_published/mt_cf_revised",
            f"task.folder={shared_data / 'cqa'}",
            f"teacher.folder={shared_data / 'llama2-13b-outputs' / 'cqa-train'}",
            "student=tiny_t5",
            "student.max_source_tokens=512",
            "task.limit=16",
            "training.max_steps=2",
            "training.dev_new_tokens=8",
            "evaluation.generated_answer.answer_tokens=8",
            "evaluation.generated_answer.explanation_tokens=8",
            f"training.learn_padding={str(pads).lower()}",
        )
        assert result["status"] == "done"
        tokens[pads] = result["training"]["target_tokens"]
    assert tokens[True] > 1.2 * tokens[False]
