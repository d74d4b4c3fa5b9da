"""The letter of each choice scored after a prompt that lists them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from distillrun.evaluation.shared.likelihood_rule import scored_prediction, scores_by_rule, summed
from distillrun.interfaces import ChoiceModel, LanguageModel, StudentObjective, Task
from distillrun.records import Example, Json, Prediction, Score, Segment, TargetPair
from distillrun.text.template import Template


class LetterLikelihood:
    """The choice whose letter is the likeliest, as in lm-evaluation-harness's `commonsense_qa`.

    The prompt is the same for all students, whatever they were trained on: comparable with published numbers of base
    models, and unkind to a student that never saw letters. Scores: `letter/accuracy`, and `letter/ties`.

    Args:
        prompt: fields {question} and {choices}.
        choice: how a choice is listed; fields {letter} and {choice}.
        choice_separator: between two of them.
        answer: what is scored; field {letter}.
        separator: what a decoder-only student of plain texts reads between the two; None = its own separator. A
            chat student's reply begins with the letter, and an encoder-decoder reads them apart.

    Source: MMLU's prompt, Hendrycks et al. 2020, https://arxiv.org/abs/2009.03300; lm-evaluation-harness.
    """

    CHOICES_ONLY: ClassVar[str] = "it scores the letters of choices; use evaluation=[generated_answer]"

    MEANING: ClassVar[int] = 3  # 2: choices with equal texts are one; 3: of a long prompt the question alone is cut

    rule = (
        "The choices are listed with letters, and the likeliest letter after the prompt is the answer: the rule of "
        "lm-evaluation-harness's commonsense_qa."
    )
    reads_texts = False

    ADDED: ClassVar[Mapping[str, Json]] = {"separator": None}

    def __init__(
        self, prompt: str, choice: str, choice_separator: str, answer: str, separator: str | None = None
    ) -> None:
        self._prompt = Template(prompt, {"question", "choices"}, "evaluation.letter_likelihood.prompt")
        self._choice = Template(choice, {"letter", "choice"}, "evaluation.letter_likelihood.choice")
        self._choice_separator = choice_separator
        self.separator = separator
        self._answer = Template(answer, {"letter"}, "evaluation.letter_likelihood.answer")

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]:
        sources = [self._source(example) for example in examples]
        answers = [[(Segment(text),) for text in self.answers(example)] for example in examples]
        if self.separator is not None and isinstance(student, LanguageModel):
            student = student.separated(self.separator)
        scored = student.score(sources, answers, tokens_per_batch)
        return [
            scored_prediction(example, [letter(place) for place in range(len(example.choices))], scores)
            for example, scores in zip(examples, scored, strict=True)
        ]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        return scores_by_rule({"letter": summed}, predictions, examples)

    def asked(self, example: Example) -> TargetPair:
        """Return the prompt of a question and its longest answer, to find out whether they are too long."""
        return TargetPair(self._source(example), (Segment(max(self.answers(example), key=len)),), "letter")

    def source(self, example: Example) -> str:
        """Return the prompt of a question as text."""
        return "".join(segment.text for segment in self._source(example))

    def _source(self, example: Example) -> tuple[Segment, ...]:
        listed = [
            self._choice.render({"letter": letter(place), "choice": text}) for place, text in enumerate(example.choices)
        ]
        choices = self._choice_separator.join(listed)
        return self._prompt.segments({"question": example.question.strip(), "choices": choices})

    def answers(self, example: Example) -> list[str]:
        """Return what is scored for each choice."""
        return [self._answer.render({"letter": letter(place)}) for place in range(len(example.choices))]


def letter(place: int) -> str:
    """Return the capital letter of a choice."""
    return chr(ord("A") + place)
