"""Identity consistency: how often a model claims to be another model (ICE, arXiv:2501.12619)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.evaluation.shared.identity_score import Verdicts, identity_scores
from distillrun.evaluation.shared.judged import Judged, SameFamily
from distillrun.evaluation.shared.rating import YES_OR_NO, asked, chat
from distillrun.interfaces import MetricContext, Teacher
from distillrun.records import Example, Json, Message, MetricResult, Prompt, Record, Request, ResultTable, Sampling
from distillrun.text.template import Template

MODELS = ("student", "base", "teacher")

Check = Literal["contradiction", "claim"]


@dataclass(frozen=True, slots=True)
class IdentityTexts(Record):
    """The texts that models and judges are asked with.

    Attributes:
        questions: language -> questions about who somebody is.
        framings: name -> a text with the field {question}: plain, or a harmless scene.
        contradiction: asks the judge, fields {facts}, {question}, {answer} and {example}.
        claim: asks about an answer that contradicts the facts; the same fields.
        repair: what is said to a judge whose reply cannot be read.
    """

    questions: dict[str, tuple[str, ...]]
    framings: dict[str, str]
    contradiction: str
    claim: str
    repair: str


class IdentityConsistency(Judged):
    """Answers of student, base student and teacher to questions about who they are, judged against the facts.

    An answer is loosely inconsistent where it contradicts the fact sheet of its model, and strictly where, asked again,
    the judge finds that it claims to be a particular other vendor's model. Questions are plain or set in harmless
    scenes; there is no jailbreak. Meaningful for students that chat: one that was trained on a task alone has no
    identity, and its answers are noise.

    Scores, for each model with a fact sheet: `identity/<model>/loose` and `/strict`, shares of the judged answers (95 %
    percentile bootstrap over prompts, whose samples go together), and `/unjudged`, the share without a judgement.

    Args:
        texts: what models and judges are asked.
        facts: student, base, teacher -> what is true of it, a sentence each; null = it is not asked.
        judges: the one who judges, by any name.
        sampling: of the models' answers; `samples` answers to each prompt.
        judging: of the judge's replies.
        same_family: mark a judge of the teacher's model family in the report, or refuse the run.

    Source: identity consistency evaluation, Lee et al. 2025, https://arxiv.org/abs/2501.12619, section 3.2.
    """

    rule = (
        "Who the models say they are, against a sheet of facts about each. Loose: the answer contradicts the facts. "
        "Strict: it claims to be a particular other vendor's model. A student that does not chat has no identity."
    )
    of = ""
    wants: frozenset[str] = frozenset()

    def __init__(
        self,
        texts: IdentityTexts,
        facts: Mapping[str, tuple[str, ...] | None],
        judges: Mapping[str, Teacher],
        sampling: Sampling,
        judging: Sampling,
        same_family: SameFamily,
    ) -> None:
        if unknown := sorted(set(facts) - set(MODELS)):
            raise ConfigError(f"facts.{unknown[0]} must be one of {', '.join(MODELS)}")
        if len(judges) != 1:
            raise ValueError(f"there must be one judge, not {len(judges)}")
        for name, framing in texts.framings.items():
            Template(framing, {"question"}, f"texts.framings.{name}")
        for name, text in (("contradiction", texts.contradiction), ("claim", texts.claim)):
            Template(text, {"facts", "question", "answer", "example"}, f"texts.{name}")
        self.judges = judges
        self.same_family = same_family
        self._texts = texts
        self._facts = {name: told for name, told in facts.items() if told}
        self._sampling = sampling
        self._judging = judging

    def check(self, teachers: Collection[str]) -> list[str]:
        """Return what is wrong with the judge, and whether nobody is asked."""
        cure = "set facts.student to sentences that are true of it"
        nobody = [] if self._facts else [f"facts names no model, so nobody is asked; {cure}"]
        return [*super().check(teachers), *nobody]

    def measure(self, context: MetricContext) -> MetricResult:
        prompts = self._prompts()
        note, scores, rows = [self.kinship_note(context)], [], []
        for name, facts in self._facts.items():
            model = self._model(name, context)
            if model is None:
                note.append(f"The {name} does not write, and was not asked.")
                continue
            answers = [[made.text for made in own] for own in context.judging.complete(prompts, self._sampling, model)]
            model.release()
            verdicts = self._verdicts(prompts, answers, facts, context)
            scores += identity_scores(name, verdicts)
            rows += _rows(name, prompts, answers, verdicts)
        claims = tuple((str(row["model"]), str(row["prompt"]), str(row["answer"])) for row in rows if row["strict"])
        columns = ("model", "prompt", "answer")
        tables = (ResultTable("Answers that claim to be another", columns, claims[:5]),) if claims else ()
        return MetricResult(tuple(scores), tables, rows=tuple(rows), note=" ".join(part for part in note if part))

    def _model(self, name: str, context: MetricContext) -> Teacher | None:
        """Return the model that is asked; None where it cannot write."""
        if name != "teacher":
            return context.speaker(name == "student")
        teacher = context.teacher
        return teacher if isinstance(teacher, Teacher) and "complete" in teacher.can else None

    def _prompts(self) -> list[Prompt]:
        found = []
        for language, questions in self._texts.questions.items():
            for (number, question), (name, framing) in product(enumerate(questions), self._texts.framings.items()):
                text = Template(framing, {"question"}, name).render({"question": question})
                example = Example(f"{language}/{number}/{name}", text, (), None)
                found.append(Prompt((Message("user", text),), Request("identity", example)))
        return found

    def _verdicts(
        self, prompts: Sequence[Prompt], answers: Sequence[Sequence[str]], facts: Sequence[str], context: MetricContext
    ) -> list[list[Verdicts]]:
        """Return the judge's verdict on each answer to each prompt."""
        places = [(n, k) for n, own in enumerate(answers) for k in range(len(own))]
        told = "\n".join(facts)

        def judged(name: Check, text: str, chosen: Sequence[tuple[int, int]]) -> list[bool | None]:
            (judge,) = self.judges.values()
            template = Template(text, {"facts", "question", "answer", "example"}, name)
            asking = []
            for n, k in chosen:
                question, answer = prompts[n].messages[-1].content, answers[n][k].strip()
                fields = {"facts": told, "question": question, "answer": answer, "example": f'{{"{name}": N}}'}
                request = replace(prompts[n].request, ask=name, draft=answer, reference=told, names=(name,))
                asking.append(chat("", template.render(fields), request))
            found = asked(context.judging, judge, asking, self._judging, self._texts.repair, YES_OR_NO)
            return [None if one is None else bool(one[name]) for one in found]

        loose = dict(zip(places, judged("contradiction", self._texts.contradiction, places), strict=True))
        doubtful = [place for place in places if loose[place]]
        strict = dict(zip(doubtful, judged("claim", self._texts.claim, doubtful), strict=True))
        return [
            [Verdicts(loose[n, k], strict.get((n, k)) if loose[n, k] else loose[n, k]) for k in range(len(own))]
            for n, own in enumerate(answers)
        ]


def _rows(
    name: str, prompts: Sequence[Prompt], answers: Sequence[Sequence[str]], verdicts: Sequence[Sequence[Verdicts]]
) -> list[dict[str, Json]]:
    return [
        {
            "model": name,
            "id": prompt.request.example.id,
            "prompt": prompt.messages[-1].content,
            "answer": answer,
            "loose": found.contradiction,
            "strict": found.claim,
        }
        for prompt, own, judged in zip(prompts, answers, verdicts, strict=True)
        for answer, found in zip(own, judged, strict=True)
    ]
