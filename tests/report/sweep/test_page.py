"""The page of sweeps: from folders of jobs to tables, tests and plots that say the same."""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from distillrun.cli import main
from distillrun.records import Json
from distillrun.report.page.block import Paragraph
from distillrun.report.sweep.grid import grid_of
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.question_section import question_section
from distillrun.report.sweep.questions import paired
from distillrun.report.sweep.reading import read_sweeps
from distillrun.report.sweep.troubles import flags
from distillrun.report.sweep.writing import page_at_the_end, write_sweep_page

QUESTIONS = 20


def write_job(
    sweep: Path,
    number: int,
    settings: Mapping[str, Any],
    right: int | None = None,
    state: str = "done",
    task: str = "everyday",
    error: str = "",
    folder: str = "",
) -> Path:
    """Write what a job leaves; `right` = how many of the questions it answers, None = it never came so far."""
    place = sweep / (folder or f"{number:03d}_{abs(hash(str(settings))):x}"[:12])
    place.mkdir(parents=True)
    overrides = [f"{key}={value}" for key, value in settings.items()]
    job = {"number": number, "folder": f"/moved/{place.name}", "overrides": overrides, "state": state, "exit_code": 0}
    (place / "job.json").write_text(json.dumps({**job, "seconds": 9.5 + number}))
    config: dict[str, dict[str, Any]] = {
        "task": {"limit": 20},
        "training": {"seed": 0, "learning_rate": 0.001},
        "paths": {"run": str(place)},
    }
    for key, value in settings.items():
        section, _, name = key.partition(".")
        if name:
            config.setdefault(section, {})[name] = value
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    result: dict[str, Any] = {"status": state, "selected": {"task": task}, "environment": {"python": "3.11"}}
    result["selected"] |= {key: value for key, value in settings.items() if "." not in key}
    if error:
        result["error"] = error
    if right is not None:
        share = right / QUESTIONS
        result["scores"] = {
            "test/accuracy": {"value": share, "n": QUESTIONS, "low": max(0, share - 0.2), "high": min(1, share + 0.2)},
            "test/unparsed": {"value": 0.05, "n": QUESTIONS, "low": 0, "high": 0.2},
            "test/rationale_words": {"value": 12.5 + number, "n": QUESTIONS, "low": 11, "high": 15},
        }
        result["teacher"] = {"prompt_tokens": 1000, "completion_tokens": 234, "usd": 0.5}
        result["training"] = {"seconds": 10.0 + number}
        result["student"] = {"parameters": 207808, "bytes": 800000}
        result["stages"] = {"train": {"cached": number % 2 == 1, "made_in_s": 4.0, "seconds": 1}}
        rows = [
            {
                "evaluator": "generated_answer",
                "id": f"q{n}",
                "choices": list("abcde"),
                "answer": n % 5,
                "right": n < right,
            }
            for n in range(QUESTIONS)
        ]
        (place / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        metrics = [{"step": 10, "dev/accuracy": share / 2, "train/loss": 2.0}, {"step": 20, "dev/accuracy": share}]
        (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    (place / "result.json").write_text(json.dumps(result))
    return place


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two objectives, two students, three seeds; one job failed and one never finished."""
    folder = tmp_path / "a_sweep"
    number = 0
    right = {
        ("label_only", "small"): 8,
        ("label_only", "large"): 12,
        ("multitask", "small"): 13,
        ("multitask", "large"): 17,
    }
    for (objective, student), base in right.items():
        for seed in range(3):
            settings = {"objective": objective, "student": student, "training.seed": seed, "runtime.threads": number}
            write_job(folder, number, settings, base + seed % 2)
            number += 1
    settings = {"objective": "multitask", "student": "large", "training.seed": 3}
    write_job(folder, 12, settings, state="failed", error="ValueError: <script>alert(1)</script> no room")
    settings = {"objective": "multitask", "student": "large", "training.seed": 4}
    (write_job(folder, 13, settings, state="running") / "job.json").unlink()
    return folder


class Tables(HTMLParser):
    """The tables of a page, as rows of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._in_cell = True
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] = (self.tables[-1][-1][-1] + data).strip("\n")


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_what_the_page_shows_is_what_the_files_hold(sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["report", str(sweep), "--out", str(out)]) == 0
    jobs, cells = rows_of(out / "results.csv"), rows_of(out / "cells.csv")
    assert len(jobs) == 14
    assert [job["state"] for job in jobs].count("done") == 12
    head, *body = Tables((out / "report.html").read_text()).tables[0]
    assert head[:2] == ["objective", "student"]
    assert [row[0] for row in body[:2]] == ["guessing", "most frequent position"]
    assert body[0][3] == "20.00"
    for shown, cell in zip(body[2:], cells, strict=True):
        assert shown[:2] == [cell["objective"], cell["student"]]
        own = [
            float(job["test/accuracy"])
            for job in jobs
            if [job["objective"], job["student"]] == shown[:2]
            if job["test/accuracy"]
        ]
        assert float(cell["test/accuracy"]) == pytest.approx(fmean(own))
        low, high = shown[4].split(" to ")
        for text, value in (
            (shown[2], float(cell["seeds"])),
            (shown[3], 100 * float(cell["test/accuracy"])),
            (low, 100 * float(cell["test/accuracy/low"])),
            (high, 100 * float(cell["test/accuracy/high"])),
            (shown[5], 100 * max(own)),
            (shown[6], 100 * min(own)),
            (shown[7], 100 * float(cell["test/unparsed"])),
            (
                shown[8].replace(",", ""),
                float(cell["teacher/prompt_tokens"]) + float(cell["teacher/completion_tokens"]),
            ),
            (shown[9], float(cell["teacher/usd"])),
            (shown[10].removesuffix(" s"), float(cell["training/seconds"])),
            (shown[11].replace(",", ""), float(cell["student/parameters"])),
        ):
            assert float(text) == pytest.approx(
                value, abs=0.051 if " s" in shown[10] and text in shown[10] else 0.00501
            )
    assert rows_of(out / "tables" / "main.csv")[2]["accuracy, %"] == body[2][3]


def test_three_seeds_have_the_mean_and_interval_that_one_computes_by_hand(sweep: Path) -> None:
    write_sweep_page([sweep], sweep)
    cell = next(
        row for row in rows_of(sweep / "cells.csv") if (row["objective"], row["student"]) == ("label_only", "small")
    )
    # .40 .45 .40: mean .416667, sd .028868, t(.975, 2) = 4.302653: half-width .071711
    assert float(cell["test/accuracy"]) == pytest.approx(0.416667, abs=1e-6)
    assert float(cell["test/accuracy/low"]) == pytest.approx(0.344956, abs=1e-5)


def test_the_page_tests_says_and_draws(sweep: Path) -> None:
    page = write_sweep_page([sweep], sweep)
    told = (sweep / "report.md").read_text()
    assert page.status == "1 of 14 jobs failed"
    assert re.search(r"objective: F\(1, 8\) = \S+, p &lt; 0.0001", told)
    assert "multitask − label\\_only" in told
    # R's mean squares of seeds and questions: see the tests of cell_difference
    assert re.search(r"multitask − label\\_only \| small \| 25.00 \| -4.38 to 54.38 \| 3 \| 0.0774 \| 0.1549 \|", told)
    assert "0 of 2 pairs of cells differ." in told
    first, highest = page.summary.split(" The highest ")
    assert re.fullmatch(
        r"The best of 4 cells is better than guessing and always choosing the most frequent position: 66\.67 points "
        r"above guessing \(20\.00 %; 95 % interval \+\S+ to \+\S+, p \S \S+\), 66\.67 points above always choosing "
        r"the most frequent position .* Seeds and questions are treated as random samples; p is corrected for the "
        r"choice among 4 cells\.",
        first,
    )
    assert highest == (
        "mean of 4 cells: multitask · large with test/accuracy 86.67 % (95 % interval 79.50 to 93.84, over 3 seeds); "
        "12 runs count. On the same questions, it differs from 0 of 1 cells that it is compared with."
    )
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt; no room" in told
    assert "<script" not in (sweep / "report.html").read_text()
    assert "| train | 6 | 6 | 24.0 s | 24.0 s |" in told
    assert {file.name for file in (sweep / "plots").iterdir()} >= {
        "accuracy.png",
        "accuracy.svg",
        "learning.png",
        "cost.svg",
    }
    assert (sweep / "plots" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert "var(" not in (sweep / "plots" / "accuracy.svg").read_text()
    assert not list(sweep.glob("*.tmp"))
    assert json.loads((sweep / "sweep.json").read_text())["report"]["metric"] == "test/accuracy"


def test_a_sweep_says_first_that_its_best_is_not_better_than_guessing(tmp_path: Path) -> None:
    for number, right in enumerate((2, 3, 2, 4, 3, 4)):
        settings = {"objective": ["label_only", "multitask"][number // 3], "training.seed": number % 3}
        write_job(tmp_path / "low", number, settings, right)
    page = write_sweep_page([tmp_path / "low"], tmp_path / "low")
    assert page.summary.startswith(
        "The best of 2 cells is not shown to be better than guessing and always choosing the most frequent position: "
        "1.67 points below guessing"
    )
    best = json.loads((tmp_path / "low" / "sweep.json").read_text())["report"]["best"]
    assert best["levels"] == ["multitask"]
    assert best["above"]["guessing"]["low"] < -0.016 < best["above"]["guessing"]["high"]


def test_cells_link_the_pages_of_their_runs(sweep: Path, tmp_path: Path) -> None:
    (odd := sweep / "099_#a b:c").mkdir()
    first = sorted(sweep.glob("000_*"))[0]
    for file in first.iterdir():
        (odd / file.name).write_text(file.read_text())
    for file in first.iterdir():
        file.unlink()
    first.rmdir()
    for folder in sweep.iterdir():
        (folder / "report.html").write_text("")
    out = tmp_path / "out" / "deep"
    out.parent.mkdir()
    write_sweep_page([sweep], out)
    page = Tables((out / "report.html").read_text())
    links = [unquote(link) for link in page.links if not link.startswith("#")]
    assert all(":" not in link and "#" not in link for link in page.links if not link.startswith("#"))
    assert {(out / link).resolve() for link in links} == {folder / "report.html" for folder in sweep.iterdir()}
    assert "0 1 2" in [row[-1] for row in page.tables[0]]
    assert "0, 1, 2" in [row["run of seed"] for row in rows_of(out / "tables" / "main.csv")]
    assert "](./../../a_sweep/099_%23a%20b%3Ac/report.html)" in (out / "report.md").read_text()


def test_with_one_seed_the_page_speaks_of_two_runs(tmp_path: Path) -> None:
    for number, (objective, right) in enumerate({"label_only": 3, "multitask": 12, "sequence_level": 11}.items()):
        write_job(tmp_path / "one", number, {"objective": objective, "training.seed": 0}, right)
    write_job(tmp_path / "one", 3, {"objective": "label_only", "training.seed": 1}, 4)
    page = write_sweep_page([tmp_path / "one"], tmp_path / "one")
    told = (tmp_path / "one" / "report.md").read_text()
    # 9 questions that only one answers: p = 2 / 2^9; 10 and 1 of 22 with the two that are added, 9 / 22 +- 1.96 x .1230
    assert re.search(r"multitask − label\\_only \| 45.00 \| 16.81 to 65.01 \| 0 \| 9 : 0 \| 0.0039 \| 0.0117 \|", told)
    assert "compare two runs, not two settings" in told
    assert (
        "2 of 3 pairs of single runs differ. The largest difference: multitask over label\\_only, by 45.00 points."
        in told
    )
    assert "pairs of cells" not in told
    assert "over the questions of one run" in page.summary
    assert page.summary.startswith(
        "The best of 3 cells is better than guessing and always choosing the most frequent position: 40.00 points"
    )
    assert "a single run says nothing about other seeds" in page.summary
    assert page.summary.endswith("2 comparisons with it are of single runs, whose order may change with other seeds.")
    assert "differs from" not in page.summary


def test_pairs_that_are_too_many_are_said_to_be_left_out(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(read_sweeps([sweep]).jobs)
    monkeypatch.setattr("distillrun.report.sweep.questions.MOST_PAIRS", 1)
    section = question_section(grid, paired(grid))
    assert section is not None
    assert [block.text for block in section.blocks if isinstance(block, Paragraph)][-1] == (
        "1 pairs are compared and 1 are left out; report fewer cells at once to see them."
    )


def test_questions_that_a_run_lacks_are_left_out_of_its_pairs(sweep: Path) -> None:
    file = sorted(sweep.glob("*/predictions.jsonl"))[0]
    result = file.with_name("result.json")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    # the first run of label_only answered 15 questions only, 8 of them rightly
    file.write_text("".join(json.dumps(row) + "\n" for row in rows[:15]))
    told = json.loads(result.read_text())
    told["scores"]["test/accuracy"]["value"] = 8 / 15
    result.write_text(json.dumps(told))
    pair, other = paired(grid_of(read_sweeps([sweep]).jobs)).compared
    assert (pair.first[0], pair.second[0], pair.questions, pair.seeds) == ("label_only", "multitask", 15, (3, 3))
    # 8, 9, 8 of 15 against 13, 14, 13
    assert pair.difference[0] == pytest.approx(1 / 3)
    assert other.questions == 20


def test_questions_are_paired_by_their_ids_and_not_by_their_place(sweep: Path) -> None:
    before = write_sweep_page([sweep], sweep)
    for place, file in enumerate(sorted(sweep.glob("*/predictions.jsonl"))):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join([*lines[place:], *lines[:place]]))
    after = write_sweep_page([sweep], sweep)
    sections = [
        next(section for section in page.sections if section.title == "Pairs on the same questions")
        for page in (before, after)
    ]
    assert sections[0] == sections[1]


def test_only_accuracies_collapse(tmp_path: Path) -> None:
    for seed, right in enumerate((12, 13, 5)):
        place = write_job(tmp_path / "sweep", seed, {"objective": "multitask", "training.seed": seed}, right)
        result = json.loads((place / "result.json").read_text())
        result["scores"]["test/unparsed"]["value"] = 0.3 / (seed + 1)
        (place / "result.json").write_text(json.dumps(result))
    jobs = read_sweeps([tmp_path / "sweep"]).jobs
    fell, *guesses = flags(grid_of(jobs), 0.2)
    assert "collapsed: test/accuracy 25.00 %, less than three quarters" in fell
    assert fell.endswith("of what its cell's median run gains over chance.")
    assert len(guesses) == 1
    (fell,) = flags(grid_of(jobs), None)
    assert fell.endswith("of what its cell's median run scores (the score of guessing is not known).")
    # a run of which fewer answers are unparsed has not fallen
    assert flags(grid_of(jobs, "test/unparsed"), None) == []


def test_sweeps_are_joined_and_a_repeated_job_counts_once(sweep: Path, tmp_path: Path) -> None:
    wider = tmp_path / "wider"
    for seed in (0, 3):
        write_job(wider, seed, {"objective": "label_only", "student": "small", "training.seed": seed}, 8 + seed)
    grid = grid_of(read_sweeps([sweep, wider]).jobs)
    assert grid.factors == ("objective", "student")
    assert len(grid.measured["label_only", "small"]) == 4
    assert [job.sweep.name for job in grid.repeated] == ["wider"]


def test_what_differs_without_being_swept_is_a_factor_of_its_own(tmp_path: Path) -> None:
    for name, rate in (("old", 0.001), ("new", 0.01)):
        for seed in range(2):
            place = write_job(tmp_path / name, seed, {"objective": "multitask", "training.seed": seed}, 10 + seed)
            config = yaml.safe_load((place / "config.yaml").read_text())
            config["training"]["learning_rate"] = rate
            (place / "config.yaml").write_text(yaml.safe_dump(config))
    grid = grid_of(read_sweeps([tmp_path / "old", tmp_path / "new"]).jobs)
    assert grid.factors == ("training.learning_rate",)
    assert list(grid.cells) == [("0.001",), ("0.01",)]


def test_two_swept_numbers_make_a_heat_map(tmp_path: Path) -> None:
    number = 0
    for rate in (0.1, 0.01):
        for layers in (4, 2, 10):
            settings = {"training.learning_rate": rate, "student.layers": layers, "training.seed": 0}
            write_job(tmp_path / "grid", number, settings, 10 + number)
            number += 1
    write_sweep_page([tmp_path / "grid"], tmp_path / "grid")
    drawn = (tmp_path / "grid" / "plots" / "heat_map.svg").read_text()
    assert re.findall(r">(2|4|10|0\.01|0\.1)</", drawn) == ["2", "4", "10", "0.01", "0.1"]
    assert "There is no analysis of variance" not in (tmp_path / "grid" / "report.md").read_text()


def test_another_score_may_be_compared(sweep: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "words"
    assert main(["report", str(sweep), "--out", str(out), "--value", "test/rationale_words"]) == 0
    head, *body = Tables((out / "report.html").read_text()).tables[0]
    # 12.5 + the job's number: jobs 0, 1 and 2
    assert (head[3], body[0][3]) == ("rationale_words", "13.5")
    assert "Pairs on the same questions" not in (out / "report.md").read_text()
    assert main(["report", str(sweep), "--out", str(tmp_path / "x"), "--value", "test/acuracy"]) == 2
    assert "no run has the score 'test/acuracy' (did you mean 'test/accuracy'?)" in capfd.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_single_run_and_jobs_without_scores_have_a_page_too(tmp_path: Path) -> None:
    run = write_job(tmp_path, 0, {"objective": "multitask"}, 10)
    write_sweep_page([run], tmp_path)
    assert "All 1 jobs are done." in (tmp_path / "report.md").read_text()
    lost = tmp_path / "lost"
    write_job(lost, 0, {"objective": "multitask"}, state="killed")
    write_sweep_page([lost], lost)
    assert "No job has a score yet." in (lost / "report.md").read_text()
    assert page_at_the_end(lost) == f"report: {lost / 'report.html'}"


def test_a_half_deleted_sweep_says_what_is_gone(sweep: Path) -> None:
    folders = sorted(sweep.iterdir())
    listed = [{"number": n, "folder": str(folder)} for n, folder in enumerate(folders)]
    (sweep / "sweep.json").write_text(json.dumps({"folder": str(sweep), "jobs": [*listed, {"folder": "/x/099_gone"}]}))
    (folders[0] / "result.json").write_text('{"status": "do')
    write_sweep_page([sweep], sweep)
    told = (sweep / "report.md").read_text()
    assert "the folders of 1 jobs are gone: 099\\_gone" in told
    assert re.search(r"done, but their result\.json is missing or damaged: 000", told)
    assert json.loads((sweep / "sweep.json").read_text())["folder"] == str(sweep)


def test_folders_that_cannot_be_compared_are_refused(
    sweep: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_job(tmp_path / "other", 0, {"objective": "multitask"}, 10, task="commonsenseqa")
    (tmp_path / "empty").mkdir()
    for words, expected in (
        ([str(tmp_path / "a_swep")], "there is no such folder (did you mean 'a_sweep'?)"),
        ([str(tmp_path / "empty")], "empty holds no run: no result.json"),
        ([str(sweep), str(tmp_path / "other")], "needs --out DIR"),
        (
            [str(sweep), str(tmp_path / "other"), "--out", "x"],
            "runs of different tasks cannot be compared: everyday (a_swe",
        ),
        ([str(sweep), str(sweep), "--out", "x"], "is named twice"),
        ([str(sweep), "--factors", "objective"], "--factors applies to --table only"),
        ([], "say what to compare"),
    ):
        assert main(["report", *words]) == 2
        assert expected in capfd.readouterr().err
    assert not (tmp_path / "x").exists()
    assert not (sweep / "report.html").exists()


def test_a_share_is_known_by_its_unit_and_not_by_its_size(tmp_path: Path) -> None:
    told: dict[str, Json] = {
        "scores": {
            "test/accuracy": {"value": 0.5, "unit": "share"},
            "test/judge/quality": {"value": 1.0, "unit": "of 5"},
            "test/old": {"value": 0.25},
            "test/words": {"value": 12.0},
        }
    }
    job = SweepJob(tmp_path, tmp_path, {}, told)
    assert [job.is_share(f"test/{name}") for name in ("accuracy", "judge/quality", "old", "words")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_rating_is_drawn_on_its_scale(tmp_path: Path) -> None:
    for seed, quality in enumerate((3.1, 3.4)):
        place = write_job(tmp_path / "rated", seed, {"objective": "multitask", "training.seed": seed}, 10)
        result = json.loads((place / "result.json").read_text())
        result["scores"]["test/judge/quality"] = {"value": quality, "n": 20, "low": 3.0, "high": 3.5, "unit": "of 5"}
        (place / "result.json").write_text(json.dumps(result))
    grid = grid_of(read_sweeps([tmp_path / "rated"]).jobs, "test/judge/quality")
    assert grid.rating_scale == (1, 5)
    assert grid_of(read_sweeps([tmp_path / "rated"]).jobs).rating_scale is None
    write_sweep_page([tmp_path / "rated"], tmp_path / "rated", metric="test/judge/quality")
    drawn = (tmp_path / "rated" / "plots" / "accuracy.svg").read_text()
    assert re.findall(r">(\d)</", drawn) == ["1", "2", "3", "4", "5"]
