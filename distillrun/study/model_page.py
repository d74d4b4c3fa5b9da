"""The sections of a study's page that rest on models of quality."""

from collections.abc import Sequence

from distillrun.report.comparison.words import p_phrase, p_text, shown
from distillrun.report.page.block import Block, Paragraph, Section, Table
from distillrun.statistics.linear import Coefficient, LinearFit
from distillrun.statistics.mixed import JointTest, MixedFit
from distillrun.study.analysis import Analysis
from distillrun.study.models import QualityModel
from distillrun.study.next_study import NextStudy
from distillrun.study.predictors import MODEL
from distillrun.text.display import NOTHING

GROUPINGS = {"rater": "raters", "item": "explanations"}
"""What a mixed model may have intercepts for, in words."""

LISTED = 20
"""How many outlying rows are named."""


def model_sections(made: Analysis, leading: str) -> list[Section]:
    """Return what quality depends on, what that becomes once raters and items are known, and what a next study needs.

    Args:
        made: the analysis.
        leading: none or iqr: which fit stands first; both are there.
    """
    return [
        Section("What quality depends on", _linear(made, leading)),
        Section("Raters rate more than once", _nested(made)),
        Section("The next study", _next(made.next_study)),
    ]


def known_groups(fit: MixedFit) -> list[str]:
    """Return what a fit has intercepts for, in words."""
    return [GROUPINGS[name] for name in fit.variances]


def joint_phrase(joint: JointTest) -> str:
    """Return a test of all levels at once."""
    return f"F({joint.df}, {joint.residual_df:.1f}) = {joint.statistic:.3f}, {p_phrase(joint.p)}"


def _linear(made: Analysis, leading: str) -> list[Block]:
    rule = "beyond its model's quartiles by more than 1.5 interquartile ranges"
    text = "Ordinary least squares of quality; each level against the reference, which has no row of its own."
    blocks: list[Block] = [Paragraph(text)]
    if made.outlying:
        more = f" and {len(made.outlying) - LISTED} more" if len(made.outlying) > LISTED else ""
        listed = ", ".join(made.outlying[:LISTED])
        blocks.append(Paragraph(f"{len(made.outlying)} rows have a quality {rule}: {listed}{more}."))
    else:
        blocks.append(Paragraph(f"No row has a quality {rule}."))
    for one in made.quality:
        blocks += _quality_model(one, leading)
    return blocks


def _quality_model(one: QualityModel, leading: str) -> list[Block]:
    fits = [("All rows", one.name, one.whole), ("Without outlying rows", f"{one.name}_kept", one.kept)]
    if leading == "iqr" and one.kept is not None:
        fits.reverse()
    blocks: list[Block] = [Paragraph(f"Quality on {', '.join(one.predictors)}:")]
    blocks += [Paragraph(f"{note[0].upper()}{note[1:]}.", "bad") for note in one.notes]
    for title, name, fit in fits:
        if fit is not None:
            blocks += [Paragraph(f"{title}: {_whole_fit(fit)}."), _coefficients(fit.coefficients, name)]
    if one.turned:
        blocks.append(Paragraph(f"Significant in one of the two fits only: {', '.join(one.turned)}.", "bad"))
    return blocks


def _whole_fit(fit: LinearFit) -> str:
    head = f"n = {fit.n}, R² = {fit.r_squared:.4f}, adjusted R² = {fit.adjusted_r_squared:.4f}"
    return f"{head}, F({fit.df}, {fit.residual_df}) = {fit.f:.3f}, {p_phrase(fit.p)}"


def _coefficients(found: Sequence[Coefficient], name: str) -> Table:
    rows = [
        (
            one.name,
            shown(one.estimate, 4),
            shown(one.error, 4),
            shown(one.statistic),
            f"{one.df:.1f}",
            p_text(one.p),
            f"{shown(one.low)} to {shown(one.high)}",
        )
        for one in found
    ]
    columns = ("coefficient", "estimate", "se", "t", "df", "p", "95 % interval")
    return Table(columns, rows, frozenset(range(1, 7)), name=name)


def _nested(made: Analysis) -> list[Block]:
    text = (
        "Ratings by one rater are correlated, and so are those of one explanation. The tests above ignore that; "
        "the models below take it into account."
    )
    blocks: list[Block] = [Paragraph(text)]
    if made.mixed is None:
        blocks.append(Paragraph(f"No mixed model was fitted: {made.unmixed}.", "bad"))
    else:
        blocks += _mixed(made.mixed)
    return [*blocks, *_friedman(made)]


def _mixed(fit: MixedFit) -> list[Block]:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in fit.shares.items())
    groups = " and ".join(known_groups(fit))
    text = f"Linear mixed model of quality with intercepts for {groups} (REML), n = {fit.n}; t and F with "
    text += "Satterthwaite's degrees of freedom, as in R's lme4 and lmerTest. "
    text += f"Share of the variance: {shares}. All models at once: {joint_phrase(fit.joint[MODEL])}."
    blocks: list[Block] = [Paragraph(text)]
    blocks += [
        Paragraph(f"No {told} with two ratings are known, so the model has no intercepts for {told}.")
        for name, told in GROUPINGS.items()
        if name not in fit.variances
    ]
    if fit.note:
        blocks.append(Paragraph(f"Note: {fit.note}.", "plain" if fit.converged else "bad"))
    return [*blocks, _coefficients(fit.coefficients, "mixed_model")]


def _friedman(made: Analysis) -> list[Block]:
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
    if not rows:
        return [Paragraph(f"{made.complete_raters} raters rated every model, too few for Friedman's test.")]
    text = f"Friedman's test on the means of the {made.complete_raters} raters who rated every model; W is Kendall's."
    return [Paragraph(text), Table(("construct", "χ²", "df", "p", "W"), rows, frozenset({1, 2, 3, 4}), name="friedman")]


def _next(made: NextStudy) -> list[Block]:
    if not made.wanted:
        return [Paragraph("There are too few ratings, or they do not vary, so nothing can be estimated.")]
    rows = [
        (one.what, shown(one.difference), f"{one.power:.0%}", NOTHING if one.raters is None else f"{one.raters:,}")
        for one in made.wanted
    ]
    text = (
        f"Power now: how likely {made.raters} raters are to find a difference in quality between two models, at 5 % "
        "over all pairs together. Raters needed: for a power of 80 %. Both assume that each rates "
        f"{made.per_model} explanation{'s' if made.per_model > 1 else ''} of each model and that each explanation is "
        f"rated {made.per_item:.1f} times, as here. The variance of a rating, {made.variance:.3f}, is from "
        f"{made.basis}. Plan with a difference that would matter to you: the power for the difference as seen adds "
        "nothing to its p."
    )
    columns = ("difference", "points", "power now", "raters needed")
    return [Paragraph(text), Table(columns, rows, frozenset({1, 2, 3}), name="power")]
