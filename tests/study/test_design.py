"""The design of a study, and its questionnaire in a real browser."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from distillrun.cli import main
from distillrun.errors import ConfigError
from distillrun.study.design import Request, design
from distillrun.study.plan import plan
from distillrun.study.source import read_source
from distillrun.study.texts import read_texts
from tests.browser import CHROMIUM, Browser

STUDENTS = ["one", "two", "three", "four"]
QUESTIONS = [f"q{n}" for n in range(40)]
NAMED = ("plausibility", "understandability", "completeness", "satisfaction", "contrastiveness")


def write_run(folder: Path, name: str, questions: int = 30, task: str = "everyday", silent: bool = False) -> Path:
    """Write what a study needs of a run folder: answers and explanations, each of them naming its student."""
    (folder / name).mkdir(parents=True)
    rows: list[dict[str, Any]] = [
        {
            "evaluator": "generated_answer",
            "id": f"{task}/{n}",
            "question": f"Question </script> {n}?",
            "choices": ["bank", "river"],
            "answer": 0,
            "rationale": "" if silent else f"Because of <b>{n}</b> & {'very ' * n}much.",
            "choice": n % 2,
            "right": n % 2 == 0,
        }
        for n in range(questions)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (folder / name / "predictions.jsonl").write_text(lines + "\n", encoding="utf-8")
    result = {"status": "done", "scores": {}, "selected": {"task": task}, "command": ["distillrun"]}
    (folder / name / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return folder / name


def request(folder: Path, *runs: str, **changes: Any) -> Request:
    usual: dict[str, Any] = {
        "runs": runs,
        "raters": 4,
        "per_rater": 4,
        "questions": None,
        "only_right": False,
        "attention_checks": 1,
        "demographics": ["age"],
        "consent": None,
        "texts": None,
        "seed": 0,
        "out": folder / "study",
    }
    return Request(**{**usual, **changes})


def made(folder: Path, **changes: Any) -> Path:
    runs = [str(write_run(folder, name)) for name in ("alpha", "beta")]
    design(request(folder, *runs, **changes))
    return folder / "study"


def test_every_rater_sees_no_question_twice_and_the_students_equally_often() -> None:
    for items in plan(STUDENTS, QUESTIONS, 8, 12, None, 0, 5, seed=1):
        assert len({item.question for item in items}) == 12
        assert set(Counter(item.student for item in items).values()) == {3}


def test_a_block_of_raters_sees_every_question_with_every_student_once() -> None:
    raters = plan(STUDENTS, QUESTIONS, 8, 12, 24, 0, 5, seed=1)
    pairs = Counter((item.question, item.student) for items in raters for item in items)
    assert len(pairs) == 24 * 4
    assert set(pairs.values()) == {1}
    # without a number of questions, each explanation is rated about twice
    pairs = Counter(
        (item.question, item.student) for items in plan(STUDENTS, QUESTIONS, 16, 12, None, 0, 5, 1) for item in items
    )
    assert set(pairs.values()) == {2}


def test_a_plan_is_its_seeds_and_codes_tell_nothing() -> None:
    same = [plan(STUDENTS, QUESTIONS, 4, 6, None, 1, 5, seed) for seed in (3, 3, 4)]
    assert same[0] == same[1]
    assert same[0] != same[2]
    codes = [item.code for items in same[0] for item in items]
    assert len(set(codes)) == len(codes) == 4 * 7
    assert all(re.fullmatch(r"x[0-9a-f]{6}", code) for code in codes)
    assert [sum(item.expected > 0 for item in items) for items in same[0]] == [1] * 4
    assert {item.expected for items in same[0] for item in items} == {0, 1, 5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_rater": 41}, "questions are too few for --per-rater 41"),
        ({"wanted": 50}, "--questions 50: the students explained 40 questions in common"),
        ({"raters": 1}, "--raters 1 must be 2 or more"),
        ({"checks": -1}, "--attention-checks -1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, int], message: str) -> None:
    usual = {"raters": 4, "per_rater": 6, "wanted": None, "checks": 0, "points": 5, "seed": 0}
    with pytest.raises(ConfigError, match=message):
        plan(STUDENTS, QUESTIONS, **{**usual, **changes})  # type: ignore[arg-type]


def test_a_questionnaire_tells_nothing_of_the_students(tmp_path: Path) -> None:
    folder = made(tmp_path)
    pages = sorted((folder / "for_raters").glob("*.html"))
    assert [page.name for page in pages] == [f"questionnaire_R0{n}.html" for n in (1, 2, 3, 4)]
    for file in (*pages, folder / "for_raters" / "table.csv"):
        text = file.read_text(encoding="utf-8")
        assert "alpha" not in text
        assert "beta" not in text
        assert str(tmp_path) not in text
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.count("</script>") == 2  # a question cannot end the script that holds it
        assert "http" not in text.replace("http-equiv", "")
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    assert {told.get("model") for told in key["items"].values()} == {"alpha", "beta", None}


def test_the_table_holds_the_same_items_and_empty_ratings(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with (folder / "for_raters" / "table.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    assert {row["item"] for row in rows} == set(key["items"])
    assert all(row[name] == "" for row in rows for name in NAMED)


def test_the_table_filled_in_elsewhere_is_read_back_with_its_key(tmp_path: Path) -> None:
    folder = made(tmp_path)
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    with (folder / "for_raters" / "table.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        told = key["items"][row["item"]]
        row.update(dict.fromkeys(NAMED, str(told.get("check") or {"alpha": 4, "beta": 2}[told["model"]])))
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    given = ["study", "analyse", str(tmp_path / "filled.csv"), "--key", str(folder / "key.json")]
    assert main([*given, "--out", str(tmp_path / "report")]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert (report["ratings"], report["raters"], report["notes"]) == (16, 4, [])
    means = {one["model"]: one["mean"] for one in report["described"] if one["construct"] == "quality"}
    assert means == {"alpha": 4, "beta": 2}


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (["alpha"], "name two runs or more"),
        (["alpha", "alpha"], "two runs are called 'alpha'"),
        (["alpha", "gone"], "gone: there is no such folder"),
        (["alpha", "silent"], "silent explained no answer"),
        (["alpha", "other"], "runs of different tasks cannot be compared"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs: list[str], message: str, tmp_path: Path) -> None:
    write_run(tmp_path, "alpha")
    write_run(tmp_path, "silent", silent=True)
    write_run(tmp_path, "other", task="strategyqa")
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_source([str(tmp_path / run) for run in runs])


def test_only_questions_that_all_answered_rightly_are_used_where_wished(tmp_path: Path) -> None:
    source = read_source([f"a={write_run(tmp_path, 'one')}", f"b={write_run(tmp_path, 'two', questions=9)}"])
    assert list(source.students) == ["a", "b"]
    assert len(source.shared(only_right=False)) == 9
    assert source.shared(only_right=True) == [f"everyday/{n}" for n in (0, 2, 4, 6, 8)]


def test_an_explanation_belongs_to_the_answer_that_it_was_read_with(tmp_path: Path) -> None:
    run = write_run(tmp_path, "one", questions=3)
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    scored = [{**row, "evaluator": "choice_likelihood", "rationale": "", "choice": 1} for row in rows]
    rescored = [{**row, "evaluator": "another", "rationale": "Not this one.", "choice": 1} for row in rows]
    rows[1]["choice"] = None  # unparsed, and therefore not taken from the other rule
    rows[2]["rationale"] = " \x1b[31m"
    lines = "\n".join(json.dumps(row) for row in [*scored, *rows, *rescored])
    (run / "predictions.jsonl").write_text(lines, encoding="utf-8")
    source = read_source([f"a={run}", f"b={write_run(tmp_path, 'two', questions=3)}"])
    assert {name: one.answer for name, one in source.students["a"].items()} == {"everyday/0": "bank"}
    assert source.left_out == {"a": 2, "b": 0}


def test_students_who_were_asked_different_questions_under_one_id_are_refused(tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path, name, questions=3)) for name in ("alpha", "beta")]
    file = tmp_path / "beta" / "predictions.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace(" 1?", " one?"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"different questions as everyday/1: .* 1.* one"):
        read_source(runs)


def test_what_the_user_should_know_of_a_design_is_told(tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path, name)) for name in ("alpha", "beta")]
    file = tmp_path / "beta" / "predictions.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("Because of <b>3</b> & very very very much.", " "))
    told = design(request(tmp_path, *runs, raters=3, per_rater=5))
    assert "3 questionnaires, 5 of 29 questions, 2 students." in told
    assert "blank or no choice could be read: beta 1." in told
    assert "3 raters are not a multiple of 2 students" in told
    assert "--per-rater 5 is not a multiple of 2 students" in told


def test_a_design_that_lacks_explanations_says_so(tmp_path: Path) -> None:
    runs = [str(write_run(tmp_path, name, questions=6)) for name in ("alpha", "beta")]
    file = tmp_path / "beta" / "predictions.jsonl"
    file.write_text(re.sub(r"Because of <b>[2-5]</b>[^\"]*", " ", file.read_text(encoding="utf-8")), encoding="utf-8")
    expected = (
        "only 2 questions were answered and explained by all students, too few for --per-rater 4. Left out, since "
    )
    with pytest.raises(ConfigError, match=re.escape(expected) + r".*: beta 4\."):
        design(request(tmp_path, *runs))


def test_a_second_design_does_not_overwrite_the_key_of_the_first(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["alpha", "beta", "study"]  # nothing half-written beside
    before = (folder / "key.json").read_bytes()
    runs = [str(tmp_path / name) for name in ("alpha", "beta")]
    assert main(["study", "design", *runs, "--raters", "4", "--per-rater", "4", "--out", str(folder)]) == 2
    assert (folder / "key.json").read_bytes() == before


def test_texts_may_be_ones_own(tmp_path: Path) -> None:
    (tmp_path / "consent.txt").write_text("I will be nice.", encoding="utf-8")
    folder = made(tmp_path, consent=tmp_path / "consent.txt")
    assert "I will be nice." in (folder / "for_raters" / "questionnaire_R01.html").read_text(encoding="utf-8")
    (tmp_path / "texts.yaml").write_text("title: x\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"texts\.yaml: language: Field required"):
        read_texts(tmp_path / "texts.yaml")
    with pytest.raises(ConfigError, match="--demographics shoe_size: there is no question for it"):
        design(request(tmp_path / "x", demographics=["shoe_size"]))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("size", [(1100, 900), (390, 800)], ids=["desk", "phone"])
def test_a_rater_fills_it_in_reloads_half_way_and_saves(size: tuple[int, int], tmp_path: Path) -> None:
    folder = made(tmp_path)
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    answers = []
    for rater in ("R01", "R02"):
        with Browser(tmp_path / rater, size) as browser:
            answers.append(filled_in(browser, folder / "for_raters" / f"questionnaire_{rater}.html", key))
    assert (
        main(
            [
                "study",
                "analyse",
                *map(str, answers),
                "--key",
                str(folder / "key.json"),
                "--out",
                str(tmp_path / "report"),
            ]
        )
        == 0
    )
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert (report["ratings"], report["raters"], report["models"]) == (8, 2, ["alpha", "beta"])
    means = {one["model"]: one["mean"] for one in report["described"] if one["construct"] == "plausibility"}
    assert means == {"alpha": 4, "beta": 2}
    edited = json.loads(answers[0].read_text(encoding="utf-8"))
    edited["answers"][0]["plausibility"] = 3
    answers[0].write_text(json.dumps(edited), encoding="utf-8")
    assert main(["study", "analyse", *map(str, answers), "--key", str(folder / "key.json")]) == 2


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_that_keeps_nothing_says_so_and_a_page_reaches_no_network(tmp_path: Path) -> None:
    page = made(tmp_path) / "for_raters" / "questionnaire_R01.html"
    with Browser(tmp_path / "browser") as browser:
        browser.open(page)
        browser.run("ready")
        assert "kept in this browser" in browser.run("document.body.innerText")
        refused = "fetch('data:text/plain,x').then(() => 'reached', () => 'refused')"
        assert browser.run(refused) == "refused"
        for store in ("sessionStorage", "indexedDB"):
            gone = f"Object.defineProperty(window, '{store}', {{ get() {{ throw new Error('no storage'); }} }})"
            browser.tell("Page.addScriptToEvaluateOnNewDocument", source=gone)
        browser.open(page)
        browser.run("ready")
        assert "does not keep your answers" in browser.run("document.querySelector('.bad').textContent")
        browser.run("document.getElementById('agree').click()")
        browser.run("document.getElementById('start').click()")
        browser.run("document.getElementById('next').click()")
        assert browser.run("document.querySelectorAll('fieldset').length") == len(NAMED)


def filled_in(browser: Browser, page: Path, key: dict[str, Any]) -> Path:
    """Fill a questionnaire in, 4 for alpha and 2 for beta, and return the file that it saves."""
    codes = [item["code"] for item in questionnaire(page)["items"]]
    browser.open(page)
    browser.run("ready")
    assert browser.run("document.getElementById('start').disabled")
    assert browser.run("document.getElementById('about-age')") is None  # nothing is asked before consent
    browser.run("document.getElementById('agree').click()")
    browser.run("document.getElementById('start').click()")
    browser.run("age = document.getElementById('about-age'), age.value = '30'")
    browser.run("age.dispatchEvent(new Event('input'))")
    browser.run("document.getElementById('next').click()")
    browser.run("document.getElementById('next').click()")
    assert "rate every statement" in browser.run("document.querySelector('.bad').textContent")
    for place, code in enumerate(codes):
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
        told = key["items"][code]
        point = told.get("check") or {"alpha": 4, "beta": 2}[told["model"]]
        for name in NAMED:
            browser.run(f"document.querySelector('input[name={name}][value=\"{point}\"]').click()")
        if place == 1:  # as in a new tab: what the database holds is all that is left
            browser.run("asked(database.transaction('answers').objectStore('answers').get(slot))")
            browser.run("sessionStorage.clear()")
        if place in (1, 2):
            browser.reload()
            browser.run("ready")
            assert browser.run("document.querySelectorAll('input:checked').length") == len(NAMED)
            assert browser.run("document.querySelector('progress').value") == place + 1
        browser.run("document.getElementById('next').click()")
    assert len(browser.picture()) > 1000
    file = browser.save("#save", f"answers_{page.stem.removeprefix('questionnaire_')}.json")
    copied = json.loads(browser.run("document.querySelector('textarea').value"))
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved["demographics"] == {"age": "30"}
    assert len(saved["answers"]) == len(codes)
    assert {**copied, "saved": None} == {**saved, "saved": None}
    return Path(shutil.copy(file, page.parents[1] / file.name))


def questionnaire(page: Path) -> dict[str, Any]:
    """Return what a questionnaire holds."""
    found = re.search(
        r'<script id="study" type="application/json">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    held: dict[str, Any] = json.loads(found[1])
    return held
