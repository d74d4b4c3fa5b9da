"""The analysis of a study as a page."""

from collections.abc import Sequence

from distillrun.comparison.words import ALPHA, p_phrase, p_text, shown
from distillrun.report.block import Block, Code, Figure, Page, Paragraph, Section, Table
from distillrun.report.cell_chart import Bar, grouped_bars
from distillrun.report.text import NOTHING
from distillrun.statistics.linear import Coefficient
from distillrun.study.analysis import Analysis, ConstructTest, Described
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
            Section("Quality, with the length of the explanation", _linear(made, leading)),
            Section("Raters rate more than once", _nested(made)),
            Section("The next study", _next(made)),
            Section("Assumptions", _assumptions(made)),
        ],
        wide=True,
    )


def _summary(made: Analysis) -> str:
    found = [test.construct for test in made.tests if test.kruskal.p < ALPHA]
    if not found:
        return "On no construct is a difference between the models shown."
    return f"The models differ in {', '.join(found)}."


def _described(made: Analysis) -> list[Block]:
    groups: dict[str, list[Bar]] = {}
    for one in made.described:
        groups.setdefault(one.construct, []).append(Bar(one.model, one.mean, one.mean - one.se, one.mean + one.se, ()))
    drawn = grouped_bars(list(groups.items()), "")
    columns = ("construct", "model", "n", "mean", "se", "sd", "median")
    rows = [(one.construct, one.model, str(one.n), *_numbers(one)) for one in made.described]
    caption = "Mean ratings, from 1 (strongly disagree) to 5 (strongly agree); whiskers are standard errors."
    alpha = f"Quality is the mean of the constructs; Cronbach's alpha = {shown(made.alpha)}."
    return [
        Figure(drawn, caption, Table((), ()), name="ratings"),
        Table(columns, rows, frozenset(range(2, 7)), name="descriptives"),
        Paragraph(alpha),
    ]


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
    text = "Kruskal and Wallis's test on the ranks of all ratings, taken for independent; η² = (H − k + 1) / (n − k)."
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
        "rating of the first is above one of the second, a tie being half: 0.5 is no difference (Vargha and Delaney)."
    )
    columns = ("construct", "pair", "z", "p", "p adjusted", "A", "size")
    return [Paragraph(text), Table(columns, rows, frozenset({2, 3, 4, 5}), name="dunn")]


def _size(a: float) -> str:
    return next((word for least, word in SIZES if max(a, 1 - a) >= least), "negligible")


def _linear(made: Analysis, leading: str) -> list[Block]:
    text = "Ordinary least squares of quality; each model against the reference, which has no row of its own."
    blocks: list[Block] = [Paragraph(text)]
    fits = [("all rows", "linear", made.linear), ("without outlying rows", "linear_kept", made.linear_kept)]
    if leading == "iqr":
        fits.reverse()
    for title, name, fit in fits:
        if fit is None:
            if name in made.failed:
                blocks.append(Paragraph(f"With {title}, there is no fit: {made.failed[name]}.", "bad"))
            continue
        whole = f"F({fit.df}, {fit.residual_df}) = {fit.f:.3f}, {p_phrase(fit.p)}, R² = {fit.r_squared:.4f}"
        blocks += [
            Paragraph(f"{title.capitalize()}, n = {fit.n}: {whole}."),
            _coefficients(fit.coefficients, "t", name),
        ]
    rule = "beyond its model's quartiles by more than 1.5 interquartile ranges"
    if made.outlying:
        blocks.append(Paragraph(f"{len(made.outlying)} rows lie {rule}: {', '.join(made.outlying[:20])}."))
    else:
        blocks.append(Paragraph(f"No row lies {rule}."))
    return blocks


def _coefficients(found: Sequence[Coefficient], statistic: str, name: str) -> Table:
    rows = [
        (
            one.name,
            shown(one.estimate, 4),
            shown(one.error, 4),
            shown(one.statistic),
            p_text(one.p),
            f"{shown(one.low)} to {shown(one.high)}",
        )
        for one in found
    ]
    columns = ("", "estimate", "se", statistic, "p", "95 % interval")
    return Table(columns, rows, frozenset(range(1, 6)), name=name)


def _nested(made: Analysis) -> list[Block]:
    text = (
        "Ratings of one rater are alike, and so are those of one explanation. The tests above take no notice of that; "
        "these do."
    )
    blocks: list[Block] = [Paragraph(text)]
    if made.mixed is None:
        blocks.append(Paragraph(f"There is no mixed model: {made.failed.get('mixed', 'it was not fitted')}.", "bad"))
    else:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in made.mixed.shares.items())
        note = f" Note: {made.mixed.note}." if made.mixed.note else ""
        blocks += [
            Paragraph(
                f"Linear mixed model of quality (REML), n = {made.mixed.n}. Share of the variance: {shares}.{note}"
            ),
            _coefficients(made.mixed.coefficients, "z", "mixed_model"),
        ]
    rows = [
        (
            test.construct,
            shown(test.friedman.statistic),
            str(test.friedman.df),
            p_text(test.friedman.p),
            shown(test.friedman.effect),
        )
        for test in made.tests
        if test.friedman is not None
    ]
    if rows:
        intro = (
            f"Friedman's test on the means of the {made.complete_raters} raters who rated every model; W is Kendall's."
        )
        table = Table(("construct", "χ²", "df", "p", "W"), rows, frozenset({1, 2, 3, 4}), name="friedman")
        blocks += [Paragraph(intro), table]
    else:
        blocks.append(Paragraph(f"{made.complete_raters} raters rated every model, too few for Friedman's test."))
    return blocks


def _next(made: Analysis) -> list[Block]:
    if not made.next_study:
        return [Paragraph("The ratings do not vary, so that nothing can be estimated.")]
    rows = [
        (one.what, shown(one.difference), f"{one.power:.0%}", NOTHING if one.raters is None else f"{one.raters:,}")
        for one in made.next_study
    ]
    text = (
        "How likely this study finds a difference in quality between two models at 5 % over all pairs together, and "
        "how many raters a next one needs to find it in four of five cases, with as many ratings of each "
        "model by each."
    )
    columns = ("difference", "points", "power now", "raters needed")
    return [Paragraph(text), Table(columns, rows, frozenset({1, 2, 3}), name="power")]


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
            f"Points from 1 to {POINTS} are never normal; with many ratings, that hurts the linear models little."
        ),
        Table(("construct", "Levene's F", "df", "p"), spread, frozenset({1, 2, 3}), name="levene"),
        Table(("construct", "model", "Shapiro and Wilk's W", "p"), normal, frozenset({2, 3}), name="shapiro"),
    ]
