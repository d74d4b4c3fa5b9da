"""What the answers of a study say, and which of them count."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.cli import main
from distillrun.errors import ConfigError
from distillrun.statistics.mixed import MixedFit
from distillrun.statistics.power import power
from distillrun.study.analysis import analyse, cronbach_alpha
from distillrun.study.answers import Columns, checksum, read_answers
from distillrun.study.key import Key
from distillrun.study.next_study import next_study
from distillrun.study.ratings import Answer, Rating, Ratings, checked

NAMED = ("plausibility", "understandability", "completeness", "satisfaction", "contrastiveness")
COLUMNS = Columns("rater", "model", "item", NAMED, "rationale_length", (), "attention_check")
EFFECT = {"cf": 0.0, "mt": 0.3, "both": 0.8}


def simulated(raters: int = 24, items: int = 12) -> list[dict[str, Any]]:
    """Return a study in which only contrastiveness differs between models; raters differ by a whole point."""
    draw = np.random.default_rng(1)
    rows = []
    for rater in range(raters):
        level = draw.normal(0, 0.8)
        for item in range(items):
            model = [*EFFECT][(item + rater) % 3]
            for_all = 3 + level + draw.normal(0, 0.3)
            values = {name: for_all + draw.normal(0, 0.5) for name in NAMED}
            values["contrastiveness"] += 1.5 * EFFECT[model]
            rows.append(
                {
                    "rater": f"r{rater}",
                    "model": model,
                    "item": f"{model}/{item}",
                    **{name: int(min(5, max(1, round(value)))) for name, value in values.items()},
                    "rationale_length": 20 + item,
                    "age": 20 + rater,
                }
            )
    return rows


def written(folder: Path, rows: list[dict[str, Any]], name: str = "study.csv") -> Path:
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def ratings(rows: list[dict[str, Any]]) -> Ratings:
    found = [
        Rating(
            str(n),
            row["rater"],
            row["model"],
            row["item"],
            {name: row[name] for name in NAMED},
            row["rationale_length"],
            {},
        )
        for n, row in enumerate(rows)
    ]
    return Ratings(found, NAMED)


def test_what_was_put_in_is_found_and_nothing_else() -> None:
    made = analyse(ratings(simulated()), (), {}, "holm")
    tests = {test.construct: test for test in made.tests}
    assert tests["contrastiveness"].kruskal.p < 1e-4
    assert all(tests[name].kruskal.p > 0.05 for name in NAMED[:4])
    pairs = {(pair.first, pair.second): pair for pair in tests["contrastiveness"].pairs}
    assert pairs["both", "cf"].p_adjusted < 1e-4
    assert pairs["both", "cf"].a < 0.3  # cf is hardly ever above both
    assert made.complete_raters == 24
    agreed = tests["contrastiveness"].friedman
    assert agreed is not None
    assert agreed.p < 1e-6
    assert made.mixed is not None
    assert made.mixed.shares["rater"] > 0.5
    # the raters' own levels are most of the noise: a model that knows them tells the models apart far better
    assert made.mixed.joint["model"].p < 1e-4
    (linear,) = made.quality
    assert linear.whole is not None
    errors = [{one.name: one.error for one in fit.coefficients}["model: cf"] for fit in (linear.whole, made.mixed)]
    assert errors[1] < errors[0] / 1.5
    assert {one.construct for one in made.described} == {*NAMED, "quality"}


def test_quality_is_the_mean_of_the_constructs_and_alpha_that_of_their_sums() -> None:
    rows = simulated(4, 6)
    made = analyse(ratings(rows), (), {"model": "mt"}, "bonferroni")
    own = [np.mean([row[name] for name in NAMED]) for row in rows if row["model"] == "mt"]
    quality = next(one for one in made.described if (one.model, one.construct) == ("mt", "quality"))
    assert quality.mean == pytest.approx(np.mean(own))
    assert quality.se == pytest.approx(np.std(own, ddof=1) / np.sqrt(len(own)))
    assert made.quality[0].whole is not None
    assert [one.name for one in made.quality[0].whole.coefficients] == [
        "(intercept)",
        "model: both",
        "model: cf",
        "rationale_length",
    ]
    assert cronbach_alpha([[1, 1], [2, 2], [4, 4]]) == pytest.approx(1)
    # items (1, 2), (2, 1), (3, 3): variances 1 and 1, of the sums 3: 2 * (1 - 2 / 3)
    assert cronbach_alpha([[1, 2], [2, 1], [3, 3]]) == pytest.approx(2 / 3)


def test_the_command_writes_all_of_it(tmp_path: Path) -> None:
    file = written(tmp_path, simulated())
    assert main(["study", "analyse", str(file), "--reference", "cf", "--demographics", "age", "--outliers", "iqr"]) == 0
    out = tmp_path / "study_report"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["ratings"] == 288
    names = ["(intercept)", "model: both", "model: mt", "rationale_length"]
    for model, expected in zip(report["quality"], (names, [*names, "age"]), strict=True):
        assert [one["name"] for one in model["whole"]["coefficients"]] == expected
    assert report["next_study"]["wanted"][0]["power"] <= 1
    assert (out / "plots" / "ratings.png").read_bytes().startswith(b"\x89PNG")
    assert {file.stem for file in (out / "tables").glob("*.csv")} >= {"descriptives", "kruskal_wallis", "dunn", "power"}
    page = (out / "report.html").read_text(encoding="utf-8")
    for heading in ("Ratings", "Pairs of models", "Raters rate more than once", "The next study"):
        assert heading in page


def test_what_raters_may_leave_out_costs_no_model() -> None:
    rows = simulated()
    told = {
        f"r{n}": {"age": "" if n == 3 else str(20 + n), "gender": ("w", "W", "m", "")[n % 4], "country": "UK"}
        for n in range(24)
    }
    found = [replace(one, about=told[one.rater]) for one in ratings(rows).rows]
    made = analyse(Ratings(found, NAMED), ("age", "gender", "country"), {"gender": "m"}, "holm")
    first, second = made.quality
    assert first.whole is not None
    assert (first.whole.n, first.notes) == (288, [])
    assert second.whole is not None
    assert [one.name for one in second.whole.coefficients][4:] == ["age", "gender: not told", "gender: w"]
    assert second.whole.n == 288 - 12
    assert second.notes == [
        "12 rows without age are left out of this model",
        "country is left out, since it is UK in every row",
    ]


def test_a_length_that_some_rows_lack_is_said_and_one_that_no_row_has_is_not_missed() -> None:
    found = list(ratings(simulated()).rows)
    some = [replace(one, length=None) if place < 5 else one for place, one in enumerate(found)]
    (model,) = analyse(Ratings(some, NAMED), (), {}, "holm").quality
    assert model.whole is not None
    assert model.whole.n == 283
    assert model.notes == ["5 rows without rationale_length are left out of this model"]
    (model,) = analyse(Ratings([replace(one, length=None) for one in found], NAMED), (), {}, "holm").quality
    assert model.whole is not None
    assert (len(model.whole.coefficients), model.notes) == (3, [])


def test_what_the_outlier_rule_turns_is_named(tmp_path: Path) -> None:
    # two models that differ by half a point, but for three ratings of the better one that are all 1
    draw = np.random.default_rng(0)
    rows = [
        {"rater": f"r{n % 10}", "model": "ab"[n % 2], **dict.fromkeys(NAMED, 3 + (n % 2) * int(draw.random() < 0.6))}
        for n in range(60)
    ]
    for n in (1, 21, 41):
        rows[n].update(dict.fromkeys(NAMED, 1))
    made = analyse(ratings([{"item": "", "rationale_length": None, **row} for row in rows]), (), {}, "holm")
    (model,) = made.quality
    assert set(made.outlying) >= {"1", "21", "41"}
    assert model.whole is not None
    assert model.kept is not None
    p = [fit.coefficients[1].p for fit in (model.whole, model.kept)]
    assert p[0] > 0.05 > p[1]
    assert model.turned == ["model: b"]
    assert main(["study", "analyse", str(written(tmp_path, rows)), "--outliers", "iqr"]) == 0
    page = (tmp_path / "study_report" / "report.md").read_text(encoding="utf-8")
    assert page.index("Without outlying rows: n = 57") < page.index("All rows: n = 60")
    assert "Significant in one of the two fits only: model: b." in page


def test_two_raters_who_rate_each_model_once_are_told_what_cannot_be(tmp_path: Path) -> None:
    rows = [{"rater": r, "model": m, **dict.fromkeys(NAMED, 2 + (m == "b"))} for r, m in (("x", "a"), ("y", "b"))]
    assert main(["study", "analyse", str(written(tmp_path, rows))]) == 0
    page = (tmp_path / "study_report" / "report.md").read_text(encoding="utf-8")
    assert "There is no fit of 2 rows: 2 rows are too few for 2 coefficients" in page
    assert "No mixed model was fitted" in page
    assert "too few for Friedman" in page
    assert "There are too few ratings, or they do not vary" in page


def test_the_power_is_that_of_studies_drawn_with_raters_and_explanations_that_vary() -> None:
    draw = np.random.default_rng(5)
    raters, per_model, difference = 16, 4, 0.35
    residual, of_rater, of_item = 0.5, 0.8, 0.3

    def study() -> float:
        """Return the difference of means of a study in which every explanation is rated twice."""
        levels = draw.normal(0, np.sqrt(of_rater), raters)
        means = []
        for shift in (0.0, difference):
            items = np.tile(draw.normal(0, np.sqrt(of_item), raters * per_model // 2), 2)
            noise = draw.normal(0, np.sqrt(residual), raters * per_model)
            means.append(float((shift + np.repeat(levels, per_model) + items + noise).mean()))
        return means[1] - means[0]

    spread = 2 * (residual + 2 * of_item) / (raters * per_model)
    found = [study() for _ in range(4000)]
    assert np.var(found) == pytest.approx(spread, rel=0.08)
    share = np.mean(np.abs(found) > 1.959964 * np.sqrt(spread))
    rows = [
        Rating(
            f"{rater}/{model}/{n}", f"r{rater}", model, f"{model}/{(rater * 4 + n) % 32}", {"x": 3 + n % 2}, None, {}
        )
        for rater in range(raters)
        for model in "ab"
        for n in range(per_model)
    ]
    fit = MixedFit((), {}, len(rows), {"rater": of_rater, "item": of_item}, residual, {}, converged=True)
    told = next_study(rows, ["a", "b"], fit)
    assert (told.raters, told.per_model, told.per_item) == (16, 4, 2)
    assert told.variance == pytest.approx(residual + 2 * of_item)
    assert power(difference, told.variance, told.raters, told.per_model) == pytest.approx(share, abs=0.025)
    # a fit that did not converge is not built on
    assert next_study(rows, ["a", "b"], replace(fit, converged=False)).basis == "the ratings within models"


def test_a_renamed_table_is_read_by_its_columns(tmp_path: Path) -> None:
    rows = [
        {"who": row["rater"], "Student": row["model"], **{name.upper(): row[name] for name in NAMED}}
        for row in simulated()
    ]
    file = written(tmp_path, rows)
    read = read_answers(
        [file], None, Columns("who", "student", "item", NAMED, "rationale_length", (), "attention_check")
    )
    assert len(checked(read.answers, read.constructs, ()).rows) == 288
    assert read.answers[0].length is None
    with pytest.raises(ConfigError, match=r"there is no column 'rater'.*name yours with --rater"):
        read_answers([file], None, COLUMNS)


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (lambda rows: rows[5].update(plausibility=7), "bad-rows", r"csv:7: plausibility='7' is not a whole number"),
        (lambda rows: rows[5].update(completeness=""), "bad-rows", "completeness is missing"),
        (lambda rows: rows[5].update(satisfaction="good"), "bad-rows", "satisfaction='good'"),
        (lambda rows: rows[5].update(satisfaction="3.5"), "bad-rows", r"satisfaction='3\.5'"),
        (lambda rows: rows[5].update(rater=""), "bad-rows", "it names no rater"),
        (lambda rows: rows[5].update(model=""), "bad-rows", "it names no model"),
        (lambda rows: rows.append(rows[5]), "duplicates", r"already rated .*csv:290: r0 rated both/5"),
    ],
)
def test_a_row_that_cannot_count_is_named_and_left_out_only_by_rule(
    change: Callable[[Any], None], rule: Any, message: str, tmp_path: Path
) -> None:
    rows = simulated()
    change(rows)
    read = read_answers([written(tmp_path, rows)], None, COLUMNS)
    with pytest.raises(ConfigError, match=f"{message}.*--drop {rule}"):
        checked(read.answers, NAMED, ())
    found = checked(read.answers, NAMED, (rule,))
    assert len(found.rows) == len(rows) - 1
    assert "left out" in found.notes[0]
    assert main(["study", "analyse", str(tmp_path / "study.csv"), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_raters_who_fail_a_check_are_reported_and_left_out_only_by_rule() -> None:
    def answer(rater: str, model: str, point: int, expected: int = 0) -> Answer:
        return Answer(f"{rater}/{model}", rater, model, model, dict.fromkeys(NAMED, point), None, {}, expected)

    answers = [answer(rater, model, 3) for rater in "abc" for model in ("mt", "cf")]
    answers += [answer("a", "", 5, 5), answer("b", "", 2, 5), answer("c", "", 1, 1)]
    kept = checked(answers, NAMED, ())
    assert len(kept.rows) == 6
    assert (
        "Attention checks failed, by 1 of 3 raters, who are kept: b/: b chose 2 where 5 was asked for" in kept.notes[0]
    )
    left = checked(answers, NAMED, ("failed-checks",))
    assert {row.rater for row in left.rows} == {"a", "c"}


def test_a_table_may_hold_attention_checks_of_its_own(tmp_path: Path) -> None:
    rows = [{**row, "attention_check": ""} for row in simulated()]
    for rater, point in (("r0", 5), ("r1", 4)):
        checks = {"rater": rater, "model": "", "item": "check", "attention_check": 5, "rationale_length": "", "age": ""}
        rows.append({**checks, **dict.fromkeys(NAMED, point)})
    read = read_answers([written(tmp_path, rows)], None, COLUMNS)
    assert len(checked(read.answers, NAMED, ()).rows) == 288
    left = checked(read.answers, NAMED, ("failed-checks",))
    assert len(left.rows) == 288 - 12
    assert "study.csv:291: r1 chose 4 where 5 was asked for" in left.notes[0]
    rows[-1]["attention_check"] = "agree"
    with pytest.raises(ConfigError, match=r"study\.csv:291: attention_check='agree' must be the point"):
        read_answers([written(tmp_path, rows)], None, COLUMNS)


def summary_of(folder: Path, rows: list[dict[str, Any]], *options: str) -> str:
    """Return what the page says first of all, once the command has written it."""
    assert main(["study", "analyse", str(written(folder, rows)), *options]) == 0
    page = (folder / "study_report" / "report.md").read_text(encoding="utf-8")
    return next(line for line in page.splitlines() if line.startswith("**study** — ")).removeprefix("**study** — ")


def test_the_headline_names_what_was_taken_into_account_and_no_more(tmp_path: Path) -> None:
    rows = simulated()
    told = summary_of(tmp_path, rows)
    assert told.startswith("With raters, explanations and rationale\\_length taken into account, quality differs")
    assert re.search(r"\(F\(2, \d+\.\d\) = \d", told)
    nameless = [{name: value for name, value in row.items() if name != "item"} for row in rows]
    read = read_answers([written(tmp_path, nameless)], None, COLUMNS)
    assert "No row names its item" in checked(read.answers, NAMED, ()).notes[0]
    assert summary_of(tmp_path, nameless).startswith("With raters and rationale\\_length taken into account, quality")
    page = (tmp_path / "study_report" / "report.md").read_text(encoding="utf-8")
    assert "No explanations with two ratings are known" in page
    # every rater rates one explanation, which others rate, too
    once = [row for place, row in enumerate(rows) if place % 12 == (place // 12) % 6]
    assert summary_of(tmp_path, once).startswith("With explanations and rationale\\_length taken into account, quality")
    # nothing is rated twice, and nobody rates twice
    alone = [{**row, "item": f"{place}"} for place, row in enumerate(once)]
    assert summary_of(tmp_path, alone).startswith("Treating ratings as independent, the models differ")
    assert "does not account for the correlation of ratings by one rater" in summary_of(tmp_path, alone)


def test_pairs_are_told_against_the_reference(tmp_path: Path) -> None:
    made = analyse(ratings(simulated()), (), {"model": "mt"}, "holm")
    pairs = [(pair.first, pair.second, pair.z > 0, pair.a > 0.5) for pair in made.tests[4].pairs]
    # both is better than mt and cf is worse, whatever the alphabet says
    assert pairs[:2] == [("mt", "both", True, True), ("mt", "cf", False, False)]
    assert [one.what for one in made.next_study.wanted][:2] == ["both − mt, as seen", "cf − mt, as seen"]
    summary_of(tmp_path, simulated(), "--reference", "mt")
    page = (tmp_path / "study_report" / "report.md").read_text(encoding="utf-8")
    assert "both against mt" in page
    assert "cf against mt" in page
    assert "mt against" not in page


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda row: row["model"] == "mt", "one model only, 'mt'"),
        (lambda row: row["rater"] == "r0", "of 1 rater; a study needs two or more"),
    ],
)
def test_too_little_to_compare_is_refused(keep: Callable[[Any], bool], message: str, tmp_path: Path) -> None:
    file = written(tmp_path, [row for row in simulated() if keep(row)])
    read = read_answers([file], None, COLUMNS)
    with pytest.raises(ConfigError, match=message):
        checked(read.answers, read.constructs, ())


def test_a_constant_construct_is_said_to_be_constant(tmp_path: Path) -> None:
    rows = [{**row, "understandability": 5} for row in simulated()]
    assert main(["study", "analyse", str(written(tmp_path, rows))]) == 0
    page = (tmp_path / "study_report" / "report.md").read_text(encoding="utf-8")
    assert "the ratings do not vary" in page


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (["boht"], "--reference boht: no model is called so (did you mean 'both'?); there are both, cf, mt"),
        (["gendre=m"], "--reference gendre=m: there is no gendre; there are model, age"),
        (["age=30"], "--reference age=30: no age is called so; there are numbers only"),
    ],
)
def test_a_wrong_reference_is_named(
    references: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, simulated())
    assert main(["study", "analyse", str(file), "--demographics", "age", "--reference", *references]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("length", ["long", "nan", "-3"])
def test_a_length_that_is_none_is_named_with_its_row(length: str, tmp_path: Path) -> None:
    rows = simulated()
    rows[3]["rationale_length"] = length
    with pytest.raises(ConfigError, match=rf"study\.csv:5: rationale_length='{length}' is not a length"):
        read_answers([written(tmp_path, rows)], None, COLUMNS)


KEY = {
    "format": "distillrun study 1",
    "study": "abc",
    "constructs": ["plausibility"],
    "demographics": ["age"],
    "items": {
        "i1": {"rater": "R01", "model": "mt", "question": "q1", "rationale_length": 4},
        "i2": {"rater": "R01", "model": "cf", "question": "q2", "rationale_length": 5},
    },
}


def sent(folder: Path, **changes: Any) -> Path:
    found: dict[str, Any] = {
        "format": KEY["format"],
        "study": "abc",
        "rater": "R01",
        "demographics": {"age": "30"},
        "answers": [{"item": "i1", "plausibility": 4}, {"item": "i2", "plausibility": 2}],
    }
    found["checksum"] = checksum(found, Key.model_validate_json(json.dumps(KEY)))
    (folder / "key.json").write_text(json.dumps(KEY), encoding="utf-8")
    (folder / "answers_R01.json").write_text(json.dumps({**found, **changes}), encoding="utf-8")
    return folder / "answers_R01.json"


def test_an_answers_file_joins_its_key(tmp_path: Path) -> None:
    read = read_answers([sent(tmp_path)], None, COLUMNS)
    assert [(one.model, one.item, one.given, one.length) for one in read.answers] == [
        ("mt", "mt/q1", {"plausibility": 4}, 4.0),
        ("cf", "cf/q2", {"plausibility": 2}, 5.0),
    ]
    assert read.answers[0].about == {"age": "30"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers": [{"item": "i1", "plausibility": 5}, {"item": "i2", "plausibility": 2}]}, "was edited"),
        ({"rater": "R02"}, "was edited"),
        ({"demographics": {"age": "31"}}, "was edited"),
        ({"answers": []}, "was edited"),
        ({"answers": "none", "checksum": None}, "was edited"),
        ({"demographics": None, "checksum": None}, "was edited"),
        ({"study": "xyz"}, "is from study xyz, and the key from abc"),
    ],
)
def test_an_answers_file_that_was_edited_is_noticed(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        read_answers([sent(tmp_path, **changes)], None, COLUMNS)


def test_a_character_that_a_browser_cut_in_half_counts_as_the_browser_counts_it(tmp_path: Path) -> None:
    whole = {"study": "abc", "rater": "R01", "answers": [], "demographics": {"age": "\ufffd \U0001f642"}}
    cut = {**whole, "demographics": {"age": "\ud83d \ud83d\ude42"}}
    key = Key.model_validate_json(json.dumps(KEY))
    assert checksum(cut, key) == checksum(whole, key)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["study"], None, "study: Input should be a valid string, not None"),
        (["constructs"], ["plausibility", 3], "constructs.1: Input should be a valid string, not 3"),
        (["constructs"], [], "constructs: .* at least 1 item"),
        (["demographics"], {"age": "30"}, "demographics: Input should be a valid .*, not {'age': '30'}"),
        (["items"], [], "items: Input should be an object, not \\[\\]"),
        (["items", "i1"], "R01", "items.i1: "),
        (["items", "i1", "rater"], 1, "items.i1.rater: Input should be a valid string, not 1"),
        (["items", "i2", "model"], "", "items.i2.model: .* at least 1 character"),
        (
            ["items", "i2", "rationale_length"],
            "5",
            "items.i2.rationale_length: Input should be a valid number, not '5'",
        ),
        (["items", "i2", "rationale_length"], -1, "items.i2.rationale_length: .* greater than or equal to 0, not -1"),
        (["items", "i2", "check"], 9, "items.i2.check: Input should be less than or equal to 5, not 9"),
        (["format"], "distillrun study 2", "format: Input should be 'distillrun study 1', not 'distillrun study 2'"),
    ],
)
def test_a_key_with_one_wrong_field_is_refused_by_its_name(
    path: list[str], value: object, message: str, tmp_path: Path
) -> None:
    file = sent(tmp_path)
    (tmp_path / "key.json").write_text(json.dumps(changed(KEY, path, value)), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"--key .*key\.json is not a key of a study: {message}.*the design wrote"):
        read_answers([file], None, COLUMNS)


def changed(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return JSON with what stands at a path replaced, or taken out where the new value is the path itself."""
    if not path:
        return new
    inner = dict(value)
    inner[path[0]] = changed(inner.get(path[0], {}), path[1:], new)
    return {key: one for key, one in inner.items() if one is not GONE}


GONE = object()
PATHS = [
    [],
    *([key] for key in KEY),
    ["items", "i1"],
    *(["items", "i1", key] for key in ("rater", "model", "question", "rationale_length", "check")),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(path=st.sampled_from(PATHS), value=JSON | st.just(GONE) | st.just(10**400))
def test_a_damaged_key_is_read_or_refused_and_nothing_breaks(
    path: list[str], value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("study")
    file = sent(folder)
    damaged = changed(KEY, path, value)
    (folder / "key.json").write_text("" if damaged is GONE else json.dumps(damaged), encoding="utf-8")
    try:
        read = read_answers([file], None, COLUMNS)
    except ConfigError:
        return
    assert [one.rater for one in read.answers] == ["R01", "R01"]
    assert all(one.length is None or one.length >= 0 for one in read.answers)


@given(data=st.data())
def test_a_key_with_flipped_bytes_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("study")
    file = sent(folder)
    content = bytearray((folder / "key.json").read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "key.json").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(ConfigError):
        read_answers([file], None, COLUMNS)


def test_a_broken_file_a_foreign_one_and_a_missing_key_are_named(tmp_path: Path) -> None:
    file = sent(tmp_path)
    with pytest.raises(ConfigError, match="both from rater R01"):
        read_answers([file, file], None, COLUMNS)
    with pytest.raises(ConfigError, match="is not an answers file of a questionnaire"):
        read_answers([file, written(tmp_path, simulated())], None, COLUMNS)
    file.write_text(file.read_text()[:80], encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a complete answers file"):
        read_answers([file], None, COLUMNS)
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    file = sent(lonely)
    (lonely / "key.json").rename(lonely / "other.json")
    (tmp_path / "key.json").unlink()
    with pytest.raises(ConfigError, match="give it with --key FILE"):
        read_answers([file], None, COLUMNS)
    with pytest.raises(ConfigError, match=r"it is the key\.json that the design wrote"):
        read_answers([file], file, COLUMNS)
