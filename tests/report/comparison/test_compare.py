"""`distillrun report --table`: what is read, what is refused, and the paper's own figures."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from distillrun.cli import main
from distillrun.report.comparison.compare import Observation, compare, without_outliers
from distillrun.report.comparison.words import change_sentences, pooled_sentence

TABLE = """method,size,accuracy,seed
a,9M,0.50,0
a,9M,0.52,1
a,9M,0.54,2
b,9M,0.60,0
b,9M,0.62,1
b,9M,0.64,2
a,10M,0.70,0
a,10M,0.72,1
a,10M,0.74,2
b,10M,0.80,0
b,10M,0.82,1
b,10M,0.84,2
"""

PAPER = (
    *("--value", "test accuracy", "--factors", "model=training_mode+target_rationale", "model_size"),
    *("--drop", "training_mode=task-prefix", "target_rationale=few-shot-revision"),
    *("--drop", "training_mode=counterfactual-prefix", "target_rationale=few-shot-revision"),
    *("--rename", "task-prefix=MT", "counterfactual-prefix=CF", "both=MT+CF"),
    *("few-shot-revision=revised", "few-shot-positive-rationale="),
)
"""The rows and names of the paper's analysis: multitask and counterfactual on revised data dropped."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "runs.csv"
    file.write_text(TABLE)
    return file


def report_of(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())


def test_a_table_gives_json_markdown_html_and_tables_to_copy(table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--table", str(table), "--value", "accuracy", "--factors", "method", "size"]) == 0
    folder = table.with_name("runs_report")
    made = report_of(folder)
    # means 52 62 72 82, sd 2 each: SS_method 12 x 25 = 300, SS_size 12 x 100 = 1200, residual 8 x 4 = 32 on 8 df
    f = [effect["f"] for effect in made["all"]["variance"]["effects"]]
    assert f == pytest.approx([75, 300, 0], abs=1e-9)
    assert [cell["levels"] for cell in made["all"]["cells"]] == [
        *[["a", "9M"], ["a", "10M"], ["b", "9M"], ["b", "10M"]]
    ]
    told = capfd.readouterr().out
    assert "method: F(1, 8) = 75.000, p < 0.0001, generalised η² = 0.904 (large)" in told
    assert "b − a" in told
    assert "10.0000" in told
    for name in ("report.md", "report.html", "tables/anova.tex", "tables/pairs.csv"):
        assert (folder / name).stat().st_size > 0
    assert r"method & 300 & 1 & 75.000 & $<$ 0.0001 & 0.904 \\" in (folder / "tables" / "anova.tex").read_text()
    assert not list(folder.glob("*.tmp"))


def test_columns_are_joined_rows_chosen_and_levels_renamed(table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = [
        "report",
        "--table",
        str(table),
        "--value",
        "accuracy",
        "--factors",
        "arm=method+size",
        "--drop",
        "method=b",
    ]
    assert main([*words, "size=9M", "--where", "seed=0", "--where", "seed=1", "--rename", "a=plain", "9M="]) == 0
    (folder,) = table.parent.glob("*_report")
    cells = report_of(folder)["all"]["cells"]
    assert [cell["levels"] for cell in cells] == [["b 10M"], ["plain"], ["plain 10M"]]
    assert "6 of 12 rows in 3 cells" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["--value", "acuracy", "--factors", "method"],
            "--value: there is no column 'acuracy' (did you mean 'accuracy'?)",
        ),
        (["--value", "accuracy", "--factors", "x=method+sise"], "there is no column 'sise' (did you mean 'size'?)"),
        (["--value", "method", "--factors", "size"], "runs.csv:2: method='a'"),
        (
            ["--value", "accuracy", "--factors", "method", "--where", "size=9"],
            "--where size=9 matches no row; values",
        ),
        (
            ["--value", "accuracy", "--factors", "method", "--where", "size"],
            "--where size: a condition is COLUMN=VALUE",
        ),
        (["--value", "accuracy", "--factors", "size", "--where", "size=9M"], "factor size has one level only, '9M'"),
        (
            ["--value", "accuracy", "--factors", "size", "--rename", "8M=x"],
            "--rename 8M=x: no factor has the value '8M'",
        ),
        (["--factors", "size"], "--table needs --value COLUMN and --factors COLUMN"),
        (["--value", "accuracy", "--factors", "size", "--chance", "-1"], "--chance -1: the score of guessing"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(
    words: list[str], expected: str, table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--table", str(table), *words]) == 2
    assert expected in capfd.readouterr().err
    assert sorted(path.name for path in table.parent.iterdir()) == ["runs.csv"]


def test_one_run_in_each_cell_has_descriptives_but_no_pairs(table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["--value", "accuracy", "--factors", "seed", "--where", "method=a", "size=9M"]
    assert main(["report", "--table", str(table), *words]) == 0
    assert "There is no analysis of variance: 3 runs are too few for seed" in capfd.readouterr().out


def runs_of(factors: int, seeds: int) -> list[Observation]:
    """Return runs of two levels of each factor, whose values scatter."""
    levels = list(product("ab", repeat=factors))
    return [
        Observation(own, float((7 * place + 3 * seed * seed) % 11), f"{place}/{seed}")
        for place, own in enumerate(levels)
        for seed in range(seeds)
    ]


def test_interactions_that_are_not_tested_are_said_to_be_in_the_residual() -> None:
    said = {
        (factors, seeds): pooled_sentence(compare("xyzw"[:factors], runs_of(factors, seeds)))
        for factors, seeds in ((1, 3), (2, 3), (2, 1), (3, 2), (4, 2), (3, 1))
    }
    assert said[1, 3] == said[2, 3] == ""
    start = "Not tested, and part of the residual: "
    assert said[2, 1].startswith(
        f"{start}the interaction x × y; telling it from the spread of runs takes two runs or more in a cell"
    )
    assert said[3, 2] == f"{start}the interaction x × y × z. Where there is one, F is too small."
    assert said[4, 2].startswith(f"{start}interactions of three factors and more. ")
    # eight runs, one and three and three parameters: one degree of freedom is left, that of the interaction of three
    assert said[3, 1] == said[3, 2]


def test_a_page_of_a_table_says_what_a_row_is(table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--table", str(table), "--value", "accuracy", "--factors", "method", "size", "seed"]) == 0
    told = capfd.readouterr().out
    assert "Each row counts as one run." in told
    assert "part of the residual: the interaction method × size × seed" in told


@pytest.mark.parametrize(
    ("single", "said"),
    [
        ("", "of runs."),
        (
            "c,9M,0.9,0\n",
            "One cell has a single run, and is assumed to have the spread of the others; the data cannot show it.",
        ),
        ("c,9M,0.9,0\nd,9M,0.9,0\n", "2 cells have a single run, and are assumed to have the spread of the others"),
    ],
)
def test_a_cell_of_one_run_is_said_to_borrow_its_spread(
    single: str, said: str, table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table.write_text(TABLE + single)
    assert main(["report", "--table", str(table), "--value", "accuracy", "--factors", "method", "size"]) == 0
    told = " ".join(capfd.readouterr().out.split())
    assert said in told
    assert ("single run" in told) == bool(single)


def test_a_conclusion_that_turns_with_an_outlier_is_said_in_words() -> None:
    steady = [Observation(("a",), value, f"a{value}") for value in (1.0, 1.1, 1.2, 1.3, 1.25, 9.0)]
    other = [Observation(("b",), value, f"b{value}") for value in (2.0, 2.1, 2.2, 2.3, 2.15)]
    rest, gone = without_outliers([*steady, *other])
    assert [one.where for one in gone] == ["a9.0"]
    (effect, pair) = change_sentences(compare(["arm"], [*steady, *other]), compare(["arm"], rest))
    assert effect.startswith("The effect of arm disappears without the outlier rule: F(1, 9) = ")
    assert "with all 11 runs; F(1, 8) = " in effect
    assert pair.startswith("The difference b − a disappears without the outlier rule: ")


@pytest.mark.realdata
def test_the_papers_table_gives_the_figures_of_r(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["report", "--table", str(shared_data / "experiment.csv"), *PAPER, "--outliers", "iqr", "--out", str(out)]
    assert main(words) == 0
    told = (out / "report.md").read_text()
    assert "46 of 69 rows in 8 cells, 39 of them after the outlier rule" in told
    assert "takes out 7 of 46 runs" in told
    assert "Levene (about medians): F(7, 31) = 1.1013, p = 0.3868" in told
    for name, f, eta in (("model", "124.229", "0.923"), ("model × model\\_size", "18.556", "0.642")):
        assert re.search(rf"{re.escape(name)}: F\(3, 31\) = {f}, p &lt; 0.0001, generalised η² = {eta}", told)
    assert "model\\_size: F(1, 31) = 1392.093, p &lt; 0.0001, generalised η² = 0.978" in told
    assert "| 220M | MT − CF | 12.6616 | 10.1316 to 15.1917 | &lt; 0.0001 |" in told
    assert re.search(r"\| 220M \| MT\+CF revised − MT \| -2.4125 \| [^|]* \| 0.0511 \|", told)
    gone = "The interaction model × model\\_size disappears without the outlier rule: F(3, 38) = 0.330, p = 0.8038"
    assert f"{gone} with all 46 runs" in told
