"""Statistics as sentences that a reader need not decode."""

from distillrun.report.comparison.compare import Comparison, Family
from distillrun.statistics.anova import Effect
from distillrun.statistics.assumptions import TestResult
from distillrun.statistics.tukey import Difference
from distillrun.text.display import NOTHING

ALPHA = 0.05

SIZES = ((0.14, "large"), (0.06, "medium"), (0.01, "small"))
"""Of eta squared: Cohen 1988."""


def p_text(p: float) -> str:
    """Return a p value with four decimals."""
    if p != p:
        return NOTHING
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def p_phrase(p: float) -> str:
    """Return "p = 0.0123", "p < 0.0001", or that there is no test."""
    return "no test is possible" if p != p else f"p {p_text(p)}" if p < 0.0001 else f"p = {p_text(p)}"


def shown(value: float, digits: int = 3) -> str:
    """Return a number with so many decimals; a dash for nan."""
    return NOTHING if value != value else f"{value:.{digits}f}"


def name_of(effect: Effect) -> str:
    """Return an effect's name: its factor, or its two with a cross."""
    return " × ".join(effect.factors)


def test_phrase(effect: Effect, residual_df: int) -> str:
    """Return F with its degrees of freedom, and p."""
    if effect.f != effect.f:
        return "no test is possible"
    return f"F({effect.df}, {residual_df}) = {effect.f:.3f}, {p_phrase(effect.p)}"


def effect_sentence(effect: Effect, residual_df: int) -> str:
    """Return what an effect says."""
    head = f"{name_of(effect)}: {test_phrase(effect, residual_df)}"
    if effect.f != effect.f:
        return f"{head}: the cells are empty, or their runs are all equal."
    eta = effect.generalised_eta_squared
    size = next((word for least, word in SIZES if eta >= least), "negligible")
    head = f"{head}, generalised η² = {eta:.3f} ({size})"
    if len(effect.factors) == 1:
        says = "its levels differ in their means" if effect.p < ALPHA else "no difference between its levels is shown"
    else:
        one, other = effect.factors
        says = f"the effect of {one} depends on {other}"
        says = says if effect.p < ALPHA else f"nothing shows that the effect of {one} depends on {other}"
    return f"{head}: {says}."


def pooled_sentence(made: Comparison) -> str:
    """Return which interactions are part of the residual; empty where none is, or there is no analysis of variance."""
    order = len(made.factors) if made.variance is None else made.variance.order
    if order == len(made.factors):
        return ""
    what = "interactions of two factors and more" if order == 1 else "interactions of three factors and more"
    what = what if len(made.factors) > order + 1 else f"the interaction {' × '.join(made.factors)}"
    told = f"Not tested, and part of the residual: {what}"
    if order > 1:
        return f"{told}. Where there is one, F is too small."
    return f"{told}; telling it from the spread of runs takes two runs or more in a cell."


def pair_phrase(pair: Difference) -> str:
    """Return a difference, its interval and p."""
    if pair.p != pair.p:
        return shown(pair.difference, 4)
    return f"{pair.difference:.4f} [{pair.low:.4f}, {pair.high:.4f}], {p_phrase(pair.p)}"


def spread_sentence(test: TestResult) -> str:
    """Return what Levene's test says."""
    if test.p != test.p:
        return "Levene's test of equal spread is not possible here."
    says = (
        "no difference in spread is shown" if test.p >= ALPHA else "the cells differ in their spread; read F with care"
    )
    first, second = test.df
    return f"Levene (about medians): F({first:g}, {second:g}) = {test.statistic:.4f}, {p_phrase(test.p)}: {says}."


def change_sentences(whole: Comparison, kept: Comparison) -> list[str]:
    """Return what is significant with all runs or without the outlying ones, but not both.

    A median is never outlying, so that no cell is emptied: both have the same effects and pairs in the same places.
    """
    rest = f"with all {whole.n} runs", f"without the {whole.n - kept.n} outlying ones"
    found: list[tuple[str, float, float, str, str]] = []
    if whole.variance is not None and kept.variance is not None:
        df, kept_df = whole.variance.residual_df, kept.variance.residual_df
        for one, other in zip(whole.variance.effects, kept.variance.effects, strict=False):
            what = f"The {'interaction' if len(one.factors) > 1 else 'effect of'} {name_of(one)}"
            found.append((what, one.p, other.p, test_phrase(one, df), test_phrase(other, kept_df)))
    for family, kept_family in zip(whole.families, kept.families, strict=True):
        at = f" at {within_text(family)}" if family.within else ""
        for pair, same in zip(family.differences, kept_family.differences, strict=True):
            what = f"The difference {pair.second} − {pair.first}{at}"
            found.append((what, pair.p, same.p, pair_phrase(pair), pair_phrase(same)))
    return [
        f"{what} disappears {'without' if kept_p < ALPHA else 'with'} the outlier rule: "
        f"{phrase} {rest[0]}; {kept_phrase} {rest[1]}."
        for what, p, kept_p, phrase, kept_phrase in found
        if (p < ALPHA) != (kept_p < ALPHA)
    ]


def removal_sentence(whole: Comparison, kept: Comparison, turned: int) -> str:
    """Return what the outlier rule does to a table; `turned` is how many conclusions turn with it."""
    gone = whole.n - kept.n
    if not gone:
        return (
            "No run lies beyond its cell's quartiles by more than 1.5 interquartile ranges: the rule changes nothing."
        )
    head = f"The rule of 1.5 interquartile ranges takes out {gone} of {whole.n} runs ({100 * gone / whole.n:.0f} %)."
    if not turned:
        return f"{head} No conclusion changes with it."
    return f"{head} {turned} conclusion{'s change' if turned > 1 else ' changes'} with it:"


def within_text(family: Family) -> str:
    """Return where a family of pairs stands: the levels of the other factors."""
    return ", ".join(family.within)
