"""The rules of the filter step: pure functions of texts and records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from distillrun.records import Example, Rationale, Record, TeacherRecord, answer_text, is_right
from distillrun.text.rationale_features import has_ended, names, names_another, repeated_share, words
from distillrun.text.refusal import hedges, refusal


@dataclass(frozen=True, slots=True)
class Rules(Record):
    """The rules that are on; None and False are off. They apply in this order.

    Attributes:
        parsed: the teacher's own answer to the question was understood and is right.
        min_agreement: of the teacher's answers, in (0, 1].
        verdict: the teacher judged the rationale to be right.
        min_words, max_words: of the cleaned text.
        ended: not cut off: the text ends with a full stop or the like, and was not stopped by `max_new_tokens`.
        no_refusal: it gives an argument at all.
        no_hedge: it does not deny what it argues for.
        names_choice: it names the choice that it argues for.
        names_other: it names another choice, too.
        max_repetition: share of its word trigrams that occurred before in it, in [0, 1].
        min_log_prob: mean per word, in nats; where the teacher did not tell it, nothing is taken out.
    """

    parsed: bool
    min_agreement: float | None
    verdict: bool
    min_words: int | None
    max_words: int | None
    ended: bool
    no_refusal: bool
    no_hedge: bool
    names_choice: bool
    names_other: bool
    max_repetition: float | None
    min_log_prob: float | None

    @property
    def needs_answers(self) -> bool:
        """True if a rule needs the teacher's own answers."""
        return self.parsed or self.min_agreement is not None


Check = Callable[[Rationale, Example, TeacherRecord], bool]


def checks(rules: Rules) -> Mapping[str, Check]:
    """Return the checks that are on, by name, in their order; each says whether a rationale may stay."""
    agreement, repetition, likely = rules.min_agreement, rules.max_repetition, rules.min_log_prob
    shortest, longest = rules.min_words, rules.max_words
    named: dict[str, tuple[bool, Check]] = {
        "parsed": (rules.parsed, lambda _, example, record: is_right(example, record.answer)),
        "min_agreement": (agreement is not None, lambda _, __, record: (record.agreement or 0) >= (agreement or 0)),
        "verdict": (rules.verdict, lambda one, _, __: one.verdict == "right"),
        "min_words": (shortest is not None, lambda one, _, __: words(one.text) >= (shortest or 0)),
        "max_words": (longest is not None, lambda one, _, __: words(one.text) <= (longest or 0)),
        "ended": (rules.ended, lambda one, _, __: has_ended(one)),
        "no_refusal": (rules.no_refusal, lambda one, _, __: refusal(one.text) is None),
        "no_hedge": (rules.no_hedge, lambda one, _, __: not hedges(one.text)),
        "names_choice": (
            rules.names_choice,
            lambda one, example, _: names(one.text, answer_text(example, one.supports)),
        ),
        "names_other": (rules.names_other, lambda one, example, _: names_another(one, example)),
        "max_repetition": (repetition is not None, lambda one, _, __: repeated_share(one.text) <= (repetition or 0)),
        "min_log_prob": (likely is not None, lambda one, _, __: (per_word(one) or 0) >= (likely or 0)),
    }
    return {name: check for name, (is_on, check) in named.items() if is_on}


def per_word(rationale: Rationale) -> float | None:
    """Return the log-prob per word of the text as it was written, in nats; None where it is not known."""
    if rationale.log_prob is None:
        return None
    return rationale.log_prob / max(1, words(rationale.raw or rationale.text))
