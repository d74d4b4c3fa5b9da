"""The analysis of a study as a page."""

from collections.abc import Sequence

from distillrun.report.comparison.words import ALPHA, p_text, shown
from distillrun.report.page.block import Block, Code, Figure, Page, Paragraph, Section, Table
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.study.analysis import QUALITY, Analysis, ConstructTest, Described
from distillrun.study.model_page import joint_phrase, known_groups, model_sections
from distillrun.study.predictors import MODEL
from distillrun.study.ratings import Ratings
from distillrun.study.texts import POINTS

SIZES = ((0.71, "large"), (0.64, "medium"), (0.56, "small"))
"""Of Vargha and Delaney's A, or of 1 - A."""


def study_page(ratings: Ratings, made: Analysis, leading: str, correction: str, command: str) -> Page:
    """Return the page.

    Args:
        ratings: what was analysed.
        made: its analysis.
        leading: none or iqr: which linear model leads; both are there.
        correction: of Dunn's pairs.
        command: what made the page, to repeat it.
    """
    raters = len({row.rater for row in ratings.rows})
    head = f"{len(ratings.rows):,} ratings of {len(ratings.models)} models by {raters} raters."
    blocks: list[Block] = [Paragraph(head), *(Paragraph(note, "bad") for note in ratings.notes), Code(command)]
    return Page(
        "How people rate the explanations",
        "study",
        "plain",
        _summary(made),
        [
            Section("What was analysed", blocks),
            Section("Ratings", _described(made)),
            Section("Are the models rated alike?", _alike(made.tests)),
            Section("Pairs of models", _pairs(made.tests, correction)),
            *model_sections(made, leading),
            Section("Assumptions", _assumptions(made)),
        ],
        wide=True,
    )


def _summary(made: Analysis) -> str:
    found = [test.construct for test in made.tests if test.kruskal.p < ALPHA]
    plain = (
        f"the models differ in {', '.join(found)}"
        if found
        else "no difference between the models is shown on any construct"
    )
    plain = f"Treating ratings as independent, {plain} (Kruskal-Wallis)."
    if made.mixed is None or not made.mixed.converged:
        return f"{plain} This does not account for the correlation of ratings by one rater."
    joint = made.mixed.joint[MODEL]
    says = "differs between the models" if joint.p < ALPHA else "shows no difference between the models"
    *known, last = [*known_groups(made.mixed), *(one for one in made.quality[0].predictors if one != MODEL)]
    given = f"{', '.join(known)} and {last}" if known else last
    return f"With {given} taken into account, quality {says} ({joint_phrase(joint)}). {plain}"


def _described(made: Analysis) -> list[Block]:
    columns = ("construct", "model", "n", "mean", "se", "sd", "median")
    rows = [(one.construct, one.model, str(one.n), *_numbers(one)) for one in made.described]
    alpha = f"Quality is the mean of the constructs; Cronbach's alpha = {shown(made.alpha)}."
    constructs = [one for one in made.described if one.construct != QUALITY]
    return [
        _bars(constructs, "ratings"),
        _bars([one for one in made.described if one.construct == QUALITY], QUALITY),
        Table(columns, rows, frozenset(range(2, 7)), name="descriptives"),
        Paragraph(alpha),
    ]


def _bars(described: Sequence[Described], name: str) -> Figure:
    groups: dict[str, list[Bar]] = {}
    for one in described:
        groups.setdefault(one.construct, []).append(Bar(one.model, one.mean, one.mean - one.se, one.mean + one.se, ()))
    scale = f"from 1 (strongly disagree) to {POINTS} (strongly agree)"
    caption = f"Mean {name}, {scale}; whiskers are standard errors, treating ratings as independent."
    return Figure(CellChart(list(groups.items()), "", scale=(1, POINTS)).draw, caption, Table((), ()), name=name)


def _numbers(one: Described) -> tuple[str, ...]:
    return tuple(shown(value) for value in (one.mean, one.se, one.sd, one.median))


def _alike(tests: Sequence[ConstructTest]) -> list[Block]:
    rows = [
        (
            test.construct,
            shown(test.kruskal.statistic),
            str(test.kruskal.df),
            p_text(test.kruskal.p),
            shown(test.kruskal.effect, 4),
            "the ratings do not vary"
            if test.kruskal.p != test.kruskal.p
            else ("differ" if test.kruskal.p < ALPHA else "no difference shown"),
        )
        for test in tests
    ]
    text = "Kruskal-Wallis test on the ranks of all ratings, treated as independent; η² = (H − k + 1) / (n − k)."
    columns = ("construct", "H", "df", "p", "η²", "the models")
    return [Paragraph(text), Table(columns, rows, frozenset({1, 2, 3, 4}), name="kruskal_wallis")]


def _pairs(tests: Sequence[ConstructTest], correction: str) -> list[Block]:
    rows = [
        (
            test.construct,
            f"{pair.second} against {pair.first}",
            shown(pair.z),
            p_text(pair.p),
            p_text(pair.p_adjusted),
            shown(pair.a),
            _size(pair.a),
        )
        for test in tests
        for pair in test.pairs
    ]
    text = (
        f"Dunn's test of every pair, p adjusted by {correction.capitalize()} within a construct. A is how often a "
        "rating of the first model is above one of the second, ties counting half: 0.5 = no difference (Vargha and "
        "Delaney)."
    )
    columns = ("construct", "pair", "z", "p", "p adjusted", "A", "size")
    return [Paragraph(text), Table(columns, rows, frozenset({2, 3, 4, 5}), name="dunn")]


def _size(a: float) -> str:
    return next((word for least, word in SIZES if max(a, 1 - a) >= least), "negligible")


def _assumptions(made: Analysis) -> list[Block]:
    normal = [
        (one.construct, one.model, shown(one.normality.statistic), p_text(one.normality.p)) for one in made.described
    ]
    spread = [
        (
            test.construct,
            shown(test.spread.statistic),
            ", ".join(f"{df:g}" for df in test.spread.df),
            p_text(test.spread.p),
        )
        for test in made.tests
    ]
    return [
        Paragraph(
            f"Points from 1 to {POINTS} are never normal; with many ratings, that matters little to the linear models."
        ),
        Table(("construct", "Levene's F", "df", "p"), spread, frozenset({1, 2, 3}), name="levene"),
        Table(("construct", "model", "Shapiro and Wilk's W", "p"), normal, frozenset({2, 3}), name="shapiro"),
    ]
