"""How answers in free form are written, and read back out of a text."""

import re
from collections.abc import Sequence
from dataclasses import replace

from distillrun.errors import ConfigError
from distillrun.interfaces import AnswerScorer
from distillrun.records import Answer, FreeAnswer
from distillrun.text.template import Template


class FreeAnswerText:
    """The wording of answers.

    Args:
        template: how an answer is written: `{answer}`.
        markers: what an answer follows in a text that holds more. Of the first one that stands in the text, the last
            place counts.
        scorer: reads the answer out of what follows, and grades it.

    Raises:
        ConfigError: the template is malformed or writes no answer, or a marker is blank.
    """

    def __init__(self, template: str, markers: Sequence[str], scorer: AnswerScorer) -> None:
        self._template, self._scorer = Template(template, {"answer"}, "task.answer_template"), scorer
        if "{answer}" not in template:
            raise ConfigError(f"task.answer_template={template!r} writes no answer; put {{answer}} into it")
        if isinstance(markers, str) or not all(marker.strip() for marker in markers):
            raise ConfigError(f"task.answer_markers={markers!r} must be a list of texts, none of them blank")
        self.markers = tuple(markers)
        self._patterns = [_pattern(marker) for marker in markers]

    def written(self, answer: Answer) -> str:
        """Return an answer as it is written. Raises ValueError for a choice, of which there are none."""
        if not isinstance(answer, FreeAnswer):
            raise ValueError(f"answer {answer} is the place of a choice, and questions of task=free_form have none")
        return self._template.render({"answer": answer.text})

    def read(self, text: str, gold: Answer | None) -> FreeAnswer | None:
        """Return the answer that a text gives, graded where the right one is known; None = unparsed."""
        found = self._scorer.read(text, self._marked(text))
        if found is None:
            return None
        answer = FreeAnswer(found, self._scorer.key(found))
        if not isinstance(gold, FreeAnswer) or gold.right is None:  # a label of the teacher's is nothing to grade by
            return answer
        grade = self._scorer.grade(found, (gold.text, *gold.accepted))
        return replace(answer, score=grade.score, right=grade.right)

    def reference(self, accepted: Sequence[str], where: str) -> FreeAnswer:
        """Return the right answer, with the others that are accepted.

        Raises:
            ConfigError: the scorer cannot compare with one of them, or does not read the answer as it is written.
        """
        for text in accepted:
            if (problem := self._scorer.check(text)) is not None:
                raise ConfigError(
                    f"{where}: {text!r:.80} cannot be a reference answer: {problem}; correct it, see "
                    "task.fields.reference, or choose another scorer: scorer@task.scorer=normalised_match"
                )
        first = self._scorer.read(accepted[0], None) or accepted[0]
        right = FreeAnswer(first, self._scorer.key(first), 1.0, True, tuple(accepted[1:]))
        written = self.written(right)
        again = self.read(written, right)
        if again is None or not again.right:
            got = "no answer" if again is None else f"{again.text!r:.80}"
            raise ConfigError(
                f"{where}: the right answer would be written {written!r:.80}, in which the scorer reads {got}; "
                "change task.answer_template, task.answer_markers or the scorer, so that it is read as it is written"
            )
        return right

    def _marked(self, text: str) -> str | None:
        """Return what follows the marker of the answer; None where there is none, or nothing follows it."""
        for pattern in self._patterns:
            places = [match.end() for match in pattern.finditer(text)]
            if places and text[places[-1] :].strip():
                return text[places[-1] :]
        return None


def _pattern(marker: str) -> re.Pattern[str]:
    """Return a pattern of a marker: literal words, whatever their case and the blanks between them."""
    words = r"\s+".join(map(re.escape, marker.split()))
    before = r"(?<!\w)" if marker.strip()[:1].isalnum() else ""
    after = r"(?!\w)" if marker.strip()[-1:].isalnum() else ""
    return re.compile(before + words + after + r"\s*:?", re.IGNORECASE)
