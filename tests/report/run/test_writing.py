import re
from collections import Counter
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.records import Example, Json, Prediction
from distillrun.report.page.block import Code, Page, Paragraph, Section
from distillrun.report.page.html import html
from distillrun.report.page.markdown import markdown
from distillrun.report.run.writing import write_report
from distillrun.text.display import duration, number, percent, plain, size

HOSTILE = (
    "<script>alert(1)</script>\x1b[31mred\x1b[0m \x1b]0;title\x07| [link](javascript:x) `code` \u202eevil & \ud800"
)

RESULT: dict[str, Json] = {
    "status": "done",
    "name": "everyday",
    "command": "distillrun objective=multitask",
    "selected": {"objective": "multitask", "student": "tiny_t5"},
    "scores": {
        "test/accuracy": {"value": 0.5, "n": 200, "low": 0.4314, "high": 0.5686},
        "test/unparsed": {"value": 0.01, "n": 200, "low": 0.0027, "high": 0.0357},
        "test/log_prob": {"value": -1.25, "n": 200, "low": -1.5, "high": -1.0},
    },
    "stages": {
        "load": {"fingerprint": "ab" * 32, "cached": True, "seconds": 0.02},
        "train": {"fingerprint": "cd" * 32, "cached": False, "seconds": 83.2},
    },
    "teacher": {"requests": 3000, "prompt_tokens": 812000, "completion_tokens": 90210, "retries": 0, "usd": 0.0},
    "student": {"parameters": 300000, "bytes": 1200000},
    "training": {"steps": 500, "target_tokens": 41234, "seconds": 83.2, "padding": 1.0712},
    "environment": {"torch": "2.13.0"},
}
METRICS: list[dict[str, Json]] = [
    {"step": 1, "time": 1.0, "train/loss": 2.0, "train/loss/explain": 3.0},
    {"step": 2, "time": 2.0, "train/loss": 1.0, "train/loss/explain": 2.0, "dev/accuracy": 0.25},
]
EXAMPLES: list[dict[str, Json]] = [
    {
        "id": f"q{index}",
        "question": f"Question {index}?",
        "choices": ["sun", "moon", "sea", "sky", f"sand {index}"],
        "answer": 1,
    }
    for index in range(30)
]
PREDICTIONS: list[dict[str, Json]] = [
    {"example_id": f"q{index}", "text": "moon", "rationale": "It is seen at night.", "choice": [1, 0, None][index % 3]}
    for index in range(30)
]
DATA: dict[str, Json] = {"rows": 30, "kinds": {"initial": {"present": 29, "missing": 1}, "revised": {"present": 30}}}
VOID = {"meta"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(
    folder: Path,
    result: dict[str, Json] | None = None,
    metrics: list[dict[str, Json]] | None = None,
    data: dict[str, Json] | None = None,
    config: dict[str, Json] | None = None,
    predictions: list[dict[str, Json]] | None = None,
    examples: list[dict[str, Json]] | None = None,
) -> tuple[str, str]:
    write_report(folder, result or {}, config or {}, metrics or [], predictions or [], examples or [], data or {})
    return (folder / "report.md").read_text("utf-8"), (folder / "report.html").read_text("utf-8")


def full(folder: Path) -> tuple[str, str]:
    return pages(folder, RESULT, METRICS, DATA, {"training": {"seed": 1}}, PREDICTIONS, EXAMPLES)


def test_both_pages_hold_every_section(tmp_path: Path) -> None:
    text, page = full(tmp_path)
    reader = Reader(page)
    assert reader.open == []
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == [
        "What ran",
        "Scores",
        "Learning",
        "Predictions",
        "Choices by position",
        "Data",
        "Stages",
        "Size and cost",
        "Environment",
        "Config",
    ]
    assert reader.tags["h2"] == len(titles)
    assert reader.tags["figure"] == 3
    assert reader.tags["svg"] == 2 * reader.tags["figure"]  # one for telephones
    assert reader.links == [f"#{name}" for name in reader.ids]
    assert len(set(reader.ids)) == len(titles)
    assert reader.tags["article"] == 10
    for shown in ("50.0 %", "43.1 % to 56.9 %", "812,000", "1 min 23 s", "1.2 MB", "1.071", "abababababab…", "reused"):
        assert shown in text
        assert shown in reader.text
    assert "teacher/retries" not in text  # nothing of that kind
    assert "teacher/usd" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md"]


def test_the_settings_that_one_asks_for_first_stand_on_top(tmp_path: Path) -> None:
    config: dict[str, Json] = {
        "training": {"max_steps": 600, "examples_per_step": 32, "learning_rate": 0.003, "seed": 7, "beta1": 0.9}
    }
    data: dict[str, Json] = {"questions": {"train": {"questions": 1200}, "dev": {"questions": 100}}}
    took_part: dict[str, Json] = {"runtime": "default", "student": "tiny_t5", "objective": "cf"}
    result: dict[str, Json] = {**RESULT, "selected": {**took_part, "teacher": "scripted"}, "took_part": took_part}
    text, page = pages(tmp_path, result, METRICS, data, config)
    first = text.split("## What ran", 1)[1].split("##", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in first.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        ["objective", "cf"],
        ["student", "tiny\\_t5"],
        ["training steps", "600, of which 500 were taken"],
        ["examples per step", "32"],
        ["learning rate", "0.003"],
        ["seed", "7"],
        ["questions", "train 1,200, dev 100"],
        ["runtime", "default"],
    ]
    folded = re.findall(r"<details[^>]*>(.*?)</details>", page, re.DOTALL)
    assert len(folded) == 1
    assert "beta1" in folded[0]
    assert "beta1" not in page.replace(folded[0], "")


def test_the_course_of_training_is_drawn(tmp_path: Path) -> None:
    names = ("learning_rate", "gradient_norm", "tokens_per_second", "peak_memory_mib")
    lines: list[dict[str, Json]] = [
        {"step": step, "train/loss": 1.0, **{f"train/{name}": float(step) for name in names}} for step in (10, 20)
    ]
    text, page = pages(tmp_path, metrics=lines)
    tags = Reader(page).tags
    assert tags["figure"] == 1 + len(names)
    assert tags["svg"] == 2 + len(names)  # the course is drawn once, small enough for any screen
    for name in names:
        assert f"| step | train/{name} |".replace("_", "\\_") in text


def test_a_score_that_is_no_share_is_written_as_a_number(tmp_path: Path) -> None:
    text, _ = full(tmp_path)
    assert "| test/log\\_prob | -1.25 | -1.5 to -1 | 200 |" in text


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.43, 0.57, "lies above that"), (0.1, 0.15, "lies below that"), (0.15, 0.3, "nothing better than guessing")],
)
def test_the_page_compares_the_accuracy_with_chance(tmp_path: Path, low: float, high: float, said: str) -> None:
    scores: dict[str, Json] = {"test/accuracy": {"value": (low + high) / 2, "n": 100, "low": low, "high": high}}
    text, page = pages(tmp_path, {"scores": scores}, predictions=PREDICTIONS, examples=EXAMPLES)
    assert f"Guessing would score 20.0 %; the {'whole ' if 'lies' in said else ''}interval" in text
    assert said in text
    assert "stroke-dasharray" in page  # chance


def test_a_run_that_ended_early_has_a_page(tmp_path: Path) -> None:
    stopped: dict[str, Json] = {"status": "done", "stages": {"load": {}}}
    for result in ({}, stopped):
        text, page = pages(tmp_path, result)
        assert "no scores" in text
        assert Reader(page).open == []
    text, _ = pages(tmp_path, {"status": "failed", "error": "RuntimeError: boom"})
    assert "RuntimeError: boom" in text


def test_the_command_can_be_copied_into_a_shell(tmp_path: Path) -> None:
    text, _ = pages(tmp_path, {"command": ["distillrun", "teacher.folder={train: my data}"]})
    assert "distillrun 'teacher.folder={train: my data}'" in text


def test_an_address_in_a_text_does_not_become_a_link() -> None:
    text = markdown(Page("t", "done", "good", "see https://evil.example and WWW.evil.example, me@evil.example", []))
    assert r"see https:\//evil.example and WWW\.evil.example, me\@evil.example" in text


def test_values_of_the_wrong_kind_do_not_stop_the_page(tmp_path: Path) -> None:
    odd: dict[str, Json] = {"scores": {"x": None, "y": {"value": "?"}}, "stages": {"a": 3}, "teacher": [], "student": 1}
    lines: list[dict[str, Json]] = [{"step": None, "train/loss": 1.0}, {"train/loss": "high"}]
    answered: list[dict[str, Json]] = [{"example_id": "q0", "choice": 99}, {"example_id": 7}, {}]
    _, page = pages(tmp_path, odd, lines, {"a": []}, {}, answered, EXAMPLES)
    assert Reader(page).open == []


def test_no_text_becomes_markup_or_reaches_a_terminal(tmp_path: Path) -> None:
    scores: dict[str, Json] = {f"test/accuracy/{HOSTILE}": {"value": 0.5, "n": 2, "low": 0.1, "high": 0.9}}
    stages: dict[str, Json] = {HOSTILE: {"fingerprint": HOSTILE, "cached": True, "seconds": 1}}
    text, page = pages(
        tmp_path,
        {
            "status": HOSTILE,
            "name": HOSTILE,
            "command": HOSTILE,
            "error": HOSTILE,
            "scores": scores,
            "stages": stages,
            "selected": {HOSTILE: HOSTILE},
            "environment": {HOSTILE: HOSTILE},
        },
        [{"step": 1, f"train/loss/{HOSTILE}": 1.0}],
        {HOSTILE: HOSTILE, "table": {HOSTILE: {HOSTILE: HOSTILE}}},
        {"task": {"folder": HOSTILE}},
        [{"example_id": "q", "text": HOSTILE, "rationale": HOSTILE, "choice": 0}],
        [{"id": "q", "question": HOSTILE, "choices": [HOSTILE, HOSTILE], "answer": 0}],
    )
    reader = Reader(page)
    assert "script" not in reader.tags
    assert "alert(1)" in reader.text
    assert not any(name.startswith("on") or name == "src" for name in reader.attributes)
    assert all(re.fullmatch(r"#[a-z-]+", link) for link in reader.links)  # to sections of the page alone
    fenced = re.sub(r"^```\n.*?\n```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in fenced
    assert not re.search(r"(?<!\\)\]\(", fenced)
    for written in (text, page):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", written)


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    _, page = full(tmp_path)
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|<iframe", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


@given(st.text())
def test_any_text_stays_text(text: str) -> None:
    page = html(Page(text, text, "plain", text, [Section(text, [Paragraph(text), Code(text)])]))
    assert set(Reader(page).tags) == {
        *("html", "head", "meta", "title", "style", "body"),
        *("header", "h1", "span", "p", "main", "section", "h2", "pre", "code"),
    }


def test_a_fence_is_longer_than_any_run_of_backticks_in_it() -> None:
    text = markdown(Page("t", "done", "good", "", [Section("Config", [Code("a ```` b")])]))
    assert "`````\na ```` b\n`````" in text


def test_the_shown_predictions_are_spaced_over_all_of_them(tmp_path: Path) -> None:
    text, _ = full(tmp_path)
    shown = [int(found) for found in re.findall(r"^\*\*Question (\d+)\?\*\*", text, re.MULTILINE)]
    assert shown == [round(index * 29 / 9) for index in range(10)]
    assert "- moon ← right one, answered" in text
    assert "**Question 3?** (right)" in text
    assert "**Question 10?** (wrong)" in text
    assert "**Question 29?** (unparsed)" in text


def test_choices_are_counted_by_position(tmp_path: Path) -> None:
    text, _ = full(tmp_path)
    assert "| right one is a | 0 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "| right one is b | 10 | 10 | 0 | 0 | 0 | 10 |" in text
    assert "| all | 10 | 10 | 0 | 0 | 0 | 10 |" in text


def test_records_that_never_were_a_file_are_read_too(tmp_path: Path) -> None:
    example = Example("q0", "Where?", ("sun", "moon"), 1)
    write_report(tmp_path, {}, {}, [], [asdict(Prediction("q0", "moon", "", 1))], [asdict(example)], {})
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "- moon ← right one, answered" in text


def test_the_data_card_is_a_table_where_counts_are_nested(tmp_path: Path) -> None:
    text, _ = full(tmp_path)
    assert "| rows | 30 |" in text
    assert "| kinds | initial | revised |" in text
    assert "| present | 29 | 30 |" in text
    assert "| missing | 1 | – |" in text


def test_a_loss_that_was_not_finite_is_said(tmp_path: Path) -> None:
    lines: list[dict[str, Json]] = [{"step": 1, "train/loss": 2.0}, {"step": 2, "train/loss": None}]
    text, _ = pages(tmp_path, metrics=lines)
    assert "train/loss was not a finite number at 1 of the logged steps, first at step 2." in text


def test_plain_text_keeps_what_a_reader_needs() -> None:
    assert plain("a\tb\nc é 日本 😀") == "a\tb\nc é 日本 😀"
    assert plain("\x1b[1;31mred\x1b[0m\x1b]8;;http://x\x1b\\link\x9b2J\x00\x07\r\n") == "redlink\n"
    assert plain("left\u202eright\u2028next") == "leftright\nnext"


@given(st.text())
def test_plain_text_holds_no_control_character(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", plain(text))


def test_quantities_carry_their_units() -> None:
    assert [percent(0.123), percent(float("nan"))] == ["12.3 %", "–"]
    assert [duration(5), duration(83.2), duration(7260), duration(None)] == ["5.0 s", "1 min 23 s", "2 h 1 min", "–"]
    assert [size(12), size(1_500_000), size(2_000_000_000), size(None)] == ["12 bytes", "1.5 MB", "2.0 GB", "–"]
    assert [number(1234567), number(0.00012345), number(True), number(None)] == ["1,234,567", "0.0001234", "yes", "–"]


def test_a_measure_shows_its_scores_in_its_own_section(tmp_path: Path) -> None:
    scores: dict[str, Json] = {
        "test/accuracy": {"value": 0.5, "n": 30, "low": 0.4, "high": 0.6, "unit": "share"},
        "test/judge/quality": {"value": 3.2, "n": 30, "low": 3.0, "high": 3.4, "unit": "of 5"},
    }
    findings: dict[str, Json] = {
        "judge": {"scores": ["test/judge/quality"], "note": "The judge is of the family.", "tables": [], "curves": []}
    }
    result: dict[str, Json] = {**RESULT, "scores": scores, "findings": findings, "rules": {"judge": "Judges rate."}}
    write_report(tmp_path, result, {}, [], PREDICTIONS, EXAMPLES, {})
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    first, own = text.split("## Judge", 1)
    assert "test/accuracy" in first.split("## Scores", 1)[1]
    assert "test/judge/quality" not in first
    assert "test/judge/quality" in own
    assert "The judge is of the family." in own


def test_shares_in_a_measures_table_are_in_percent_and_say_so_in_the_columns_head(tmp_path: Path) -> None:
    table: dict[str, Json] = {
        "title": "Rounds",
        "columns": ["round", "questions", "accuracy", "drop", "rating"],
        "rows": [["first", 8, 0.3125, None, 3.25], ["second", 8, 1, -0.0625, 0.5]],
        "shares": ["accuracy", "drop"],
    }
    findings: dict[str, Json] = {"m": {"scores": [], "tables": [table], "curves": []}}
    write_report(tmp_path, {**RESULT, "findings": findings}, {}, [], PREDICTIONS, EXAMPLES, {})
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| round | questions | accuracy, % | drop, % | rating |" in text
    assert "| first | 8 | 31.2 | – | 3.250 |" in text
    assert "| second | 8 | 100.0 | -6.2 | 0.500 |" in text


def test_labels_that_all_questions_share_make_a_confusion_matrix(tmp_path: Path) -> None:
    labels: list[dict[str, Json]] = [
        {**example, "choices": ["card_lost", "card_late"], "answer": n % 2} for n, example in enumerate(EXAMPLES)
    ]
    text, _ = pages(tmp_path, RESULT, examples=labels, predictions=PREDICTIONS)
    assert "Choices by position" not in text
    rows = text.split("## Confusion matrix", 1)[1].splitlines()
    assert "|  | answered card\\_lost | answered card\\_late | unparsed |" in rows
    # of the 15 questions at even places, 0, 6, ... are answered with the second label, and 4, 10, ... with the first
    assert "| right one is card\\_lost | 5 | 5 | 5 |" in rows


def test_a_run_without_test_accuracy_is_named_by_another_accuracy_of_the_test(tmp_path: Path) -> None:
    accuracy: dict[str, Json] = {"value": 0.9, "n": 200, "low": 0.85, "high": 0.94}
    scores: dict[str, Json] = {"dev/accuracy": {**accuracy, "value": 1.0}, "test/likelihood_sum/accuracy": accuracy}
    text, _ = pages(tmp_path, {**RESULT, "scores": scores}, examples=EXAMPLES, predictions=PREDICTIONS)
    assert "test/likelihood\\_sum/accuracy 90.0 % (95 % interval 85.0 % to 94.0 %, n = 200)" in text
    assert "the whole interval of test/likelihood\\_sum/accuracy lies above that" in text


def test_the_page_tells_what_one_letter_would_score(tmp_path: Path) -> None:
    examples: list[dict[str, Json]] = [{**example, "answer": n % 3 and 1} for n, example in enumerate(EXAMPLES)]
    write_report(tmp_path, RESULT, {}, [], PREDICTIONS, examples, {})
    assert "Always choosing the same position would score 66.7 % at most" in (tmp_path / "report.md").read_text(
        encoding="utf-8"
    )


def test_baselines_stand_side_by_side(tmp_path: Path) -> None:
    told: dict[str, Json] = {"test/accuracy": {"value": 0.2, "n": 30, "low": 0.1, "high": 0.3}}
    result: dict[str, Json] = {**RESULT, "baselines": {"untrained": told, "teacher": {}}}
    write_report(tmp_path, result, {}, [], PREDICTIONS, EXAMPLES, {})
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.split("## Baselines", 1)[1].splitlines() if line.startswith("| accuracy")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "accuracy",
        "20.0 % (10.0 % to 30.0 %)",
        "–",
        "50.0 % (43.1 % to 56.9 %)",
    ]
