"""All labels that apply to a text, as a teacher names them without reasoning, and how often its samples name each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of
from distillrun.interfaces import AnyTeacher, GenerationContext, LabelSetTask, Tag, Task
from distillrun.records import Completion, Example, Failure, Prompt, Request, Sampling, TeacherRecord, place, reading
from distillrun.text.refusal import refusal
from distillrun.text.template import Template

STEP = "label_sets"
STEPS = f"generation.steps.{STEP}"


@dataclass(frozen=True)
class LabelSets(MayHaveOwnTeacher):
    """The labels that more than half of a teacher's samples name, and of each label the share of samples that do.

    Agreement is the share of the samples that name exactly these labels. Samples that cannot be read, or that were cut
    off, have no vote.

    Args:
        prompt: its `ask` has the fields {question} and {none}; no demonstrations.
        none_reply: what the teacher writes where no label applies.
        sampling: how to draw; `samples` answers for each text.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: labels of language models: Wang et al. 2021, https://arxiv.org/abs/2108.13487; a vote for each label by
    itself: binary relevance, Tsoumakas & Katakis 2007, https://doi.org/10.4018/jdwm.2007070101.
    """

    prompt: FewShotPrompt
    none_reply: str
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset[str]()
    makes = frozenset({"answers", "label_shares"})
    label_sets = "only"

    def __post_init__(self) -> None:
        _ = self._ask
        must_serve(self.teacher, self.abilities)
        if not reading(self.none_reply):
            raise ConfigError(f"{STEPS}.none_reply is empty; write a word such as none")
        if self.prompt.demos:
            raise ConfigError(f"{STEPS}.prompt.demos={self.prompt.demos}: demonstrations have one label; set it to 0")
        if self.sampling.samples > 1 and self.sampling.temperature == 0:
            raise ConfigError(
                f"{STEPS}.sampling.samples={self.sampling.samples} with temperature=0 would be the "
                "same answer again and again; set sampling.temperature above 0, such as 0.7"
            )

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "none"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        task = context.task
        prompts = [self._prompt(example, task) for example in examples]
        answers = context.complete(prompts, self.sampling, self.teacher, _refused)
        for example, completions in zip(examples, answers, strict=True):
            yield self._record(example, completions, task)

    def _prompt(self, example: Example, task: Task) -> Prompt:
        asked = self._ask.render({"question": task.question(example), "none": self.none_reply})
        return Prompt(chat(self.prompt.instruction, [], asked), Request("answer", example))

    def _record(self, example: Example, completions: Sequence[Completion], task: Task) -> TeacherRecord:
        said = [(one, self._read(one, example, task)) for one in completions]
        failures = failures_of(STEP, completions)
        failures += tuple(
            Failure(STEP, "cut off" if one.finish_reason == "length" else "unparsed", one.text[:200])
            for one, labels in said
            if labels is None and not one.reason
        )
        sets = [labels for _, labels in said if labels is not None]
        if not sets:
            return TeacherRecord(example.id, (), {}, failures=failures)
        counts = Counter(label for labels in sets for label in labels)
        shares = tuple(counts[place] / len(sets) for place in range(len(example.choices)))
        voted = tuple(place for place, share in enumerate(shares) if share > 0.5)
        agreement = sets.count(voted) / len(sets)
        return TeacherRecord(
            example.id, (), {}, None, agreement or None, failures=failures, answers=voted, label_shares=shares
        )

    def _read(self, completion: Completion, example: Example, task: Task) -> tuple[int, ...] | None:
        """Return the labels that a completion names; None where it cannot be used.

        Of one that was cut off, nothing is: labels may be missing.
        """
        if completion.reason or completion.finish_reason == "length":
            return None
        if isinstance(task, LabelSetTask):
            labels = task.parse_labels(completion.text, example)
        else:  # of a question with one answer
            choice = task.parse(completion.text, example)
            labels = None if choice is None else (place(choice),)
        bare = reading(completion.text).strip(" .!\"'`*")
        return () if labels is None and bare == reading(self.none_reply) else labels


def _refused(index: int, text: str) -> str | None:
    """Return why a completion is not an answer; what cannot be read is counted, and not drawn again. A `Refuse`."""
    return refusal(text)
