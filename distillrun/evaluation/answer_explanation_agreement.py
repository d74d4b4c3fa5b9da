"""Agreement between the answer given after explaining and the answer given directly."""

from typing import ClassVar

from distillrun.evaluation.shared.forced_rationale import choices_after, reasons_first
from distillrun.evaluation.shared.overlap import named
from distillrun.evaluation.shared.share import share
from distillrun.interfaces import MetricContext
from distillrun.records import Example, Json, MetricResult, ResultTable, as_told, is_right, reading, reads_alike


class AnswerExplanationAgreement:
    """The agreement of a student's answer with what it answers, or says, in its explanation.

    A student that reasons first is asked again without a rationale, by the likelihood of the choices. Of a student
    that explains in a text of its own, the explanation answers with the one choice that it names; one that names none,
    or several, implies none.

    Scores: `agreement`, over the questions where both answers are known; `agreement/implied`, on what share of all
    questions they are; `agreement/right` and `/wrong`, where the answer is right or wrong.

    Args:
        of: the evaluator whose answers and explanations are compared.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it looks for choices in explanations; use evaluation=[generated_answer,explanation_text]"
    )

    MEANING: ClassVar[int] = 2  # choices with equal texts are one

    rule = (
        "The answer given with an explanation, compared with the answer given without, or against the one choice "
        "that the explanation names. Explanations that speak for another choice do not explain the answer."
    )
    wants: frozenset[str] = frozenset()

    def __init__(self, of: str) -> None:
        self.of = of

    def measure(self, context: MetricContext) -> MetricResult:
        examples, predictions = context.examples, context.predictions
        how, implied = "the one choice that the explanation names", list[int | None]()
        if reasons_first(context):
            how, implied = "answered again without a rationale", [*choices_after(context, ["" for _ in examples])]
        else:
            implied = [implied_choice(made.rationale, one) for made, one in zip(predictions, examples, strict=True)]
        answers = [made.choice for made in predictions]
        agree = {
            n: reads_alike(examples[n], answer, other)
            for n, (answer, other) in enumerate(zip(answers, implied, strict=True))
            if answer is not None and other is not None
        }
        scores = [share("agreement/implied", [n in agree for n in range(len(examples))])]
        for name, wanted in (("agreement", (True, False)), ("agreement/right", (True,)), ("agreement/wrong", (False,))):
            flags = [same for n, same in agree.items() if is_right(examples[n], answers[n]) in wanted]
            scores += [share(name, flags)] if flags else []
        rows: list[dict[str, Json]] = [
            {"example_id": one.id, "answer": as_told(answer), "implied": other}
            for one, answer, other in zip(examples, answers, implied, strict=True)
        ]
        table = ResultTable(
            "Answers with and without the explanation",
            ("second answer", "known", "agree", "differ"),
            ((how, len(agree), sum(agree.values()), len(agree) - sum(agree.values())),),
        )
        return MetricResult(tuple(scores), (table,), rows=tuple(rows))


def implied_choice(rationale: str, example: Example) -> int | None:
    """Return the one choice that a rationale names, of equal ones the first; None where it names none or several."""
    said = named(rationale, example.choices)
    found = [place for place, choice in enumerate(example.choices) if reading(choice) in said]
    return found[0] if len(said) == 1 else None
