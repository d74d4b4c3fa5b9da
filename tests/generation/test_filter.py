"""Curation: each rule alone, their order, and the share that ranks highest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.generation.recorded import Recorded as RecordedStep
from distillrun.interfaces import Account
from distillrun.records import Failure, Prompt, Rationale, ScoredContinuation, TeacherRecord
from distillrun.teacher.recorded import Recorded
from distillrun.text.rationale_features import repeated_share, runs_on
from tests.asking import Told, context
from tests.end_to_end.runs import experiment
from tests.leaves import EXAMPLE, leaf, made

FINE = Rationale("A library lends novels to people.", "", 1, "factual", "initial", finish_reason="stop", log_prob=-6.0)
RECORD = TeacherRecord("q1", (FINE,), {}, answer=1, agreement=0.6)
OFF = {
    name: None if value is not True and value is not False else False
    for name, value in leaf("generation", "filter")["rules"].items()
}


def step(rules: dict[str, Any] | None = None, **changes: Any) -> Any:
    return made("generation", "filter", rules={**OFF, **(rules or {})}, **changes)


@pytest.mark.parametrize(
    ("rule", "value", "bad"),
    [
        ("min_words", 4, replace(FINE, text="A library lends.")),
        ("max_words", 6, replace(FINE, text="A library lends novels to people often.")),
        ("ended", True, replace(FINE, text="A library lends novels to")),
        ("ended", True, replace(FINE, finish_reason="length")),
        ("no_refusal", True, replace(FINE, text="I'm sorry, but I cannot explain this.")),
        ("no_hedge", True, replace(FINE, text="However, the correct answer is oven, so this is not a good answer.")),
        ("names_choice", True, replace(FINE, text="It lends novels to people, as libraryish places do.")),
        ("names_other", True, FINE),
        ("max_repetition", 0.3, replace(FINE, text="it lends it and it lends it and it lends it and.")),
        ("min_log_prob", -0.9, FINE),
        ("verdict", True, replace(FINE, verdict="uncertain")),
    ],
)
def test_each_rule_takes_out_what_it_names_and_nothing_else(rule: str, value: Any, bad: Rationale) -> None:
    assert step({rule: value}).broken_rule(bad, EXAMPLE, RECORD) == rule
    good = replace(FINE, text="A library lends novels to people.", verdict="right", log_prob=-1.0)
    good = replace(good, text="A library lends, an oven bakes.") if rule == "names_other" else good
    assert step({rule: value}).broken_rule(good, EXAMPLE, RECORD) is None
    assert step().broken_rule(bad, EXAMPLE, RECORD) is None


def test_rules_on_the_teachers_own_answer() -> None:
    assert step({"parsed": True}).broken_rule(FINE, EXAMPLE, replace(RECORD, answer=0)) == "parsed"
    assert step({"parsed": True}).broken_rule(FINE, EXAMPLE, replace(RECORD, answer=None)) == "parsed"
    assert step({"parsed": True}).broken_rule(FINE, EXAMPLE, RECORD) is None
    assert step({"min_agreement": 0.7}).broken_rule(FINE, EXAMPLE, RECORD) == "min_agreement"
    assert step({"min_agreement": 0.6}).broken_rule(FINE, EXAMPLE, RECORD) is None
    assert step({"min_agreement": 0.6}).needs == {"initial", "answers"}
    assert step({"verdict": True}).needs == {"initial", "verdicts"}
    assert step().needs == step().makes == {"initial"}


def filtered(store: Path, rationales: tuple[Rationale, ...], **changes: Any) -> TeacherRecord:
    task = made("task", "multiple_choice", folder="unused")
    asking = context(store, made("teacher", "scripted"), task)
    (record,) = step(**changes).run([EXAMPLE], [replace(RECORD, rationales=rationales)], asking)
    assert isinstance(record, TeacherRecord)
    return record


def test_other_kinds_are_not_touched_and_removals_are_noted(tmp_path: Path) -> None:
    rationales = (FINE, replace(FINE, text="Short."), replace(FINE, version="revised"))
    record = filtered(tmp_path, rationales, rules={"min_words": 3})
    assert record.rationales == (FINE,)
    assert record.failures == (Failure("filter", "min_words", "Short."),)


def test_the_share_that_ranks_highest_is_kept_and_1_keeps_all(tmp_path: Path) -> None:
    rationales = tuple(
        replace(FINE, text=f"Reason number {n} is given here.", log_prob=-n) for n in (3.0, 1.0, 2.0, 4.0)
    )
    assert filtered(tmp_path, rationales, top_share=1.0).rationales == rationales
    assert [one.log_prob for one in filtered(tmp_path, rationales, top_share=0.5).rationales] == [-1.0, -2.0]
    assert len(filtered(tmp_path, rationales, top_share=0.01).rationales) == 1


def test_what_reads_alike_is_ranked_apart(tmp_path: Path) -> None:
    twice = (FINE, FINE, replace(FINE, log_prob=-1.0))
    record = filtered(tmp_path, twice, top_share=0.5)
    assert record.rationales == (FINE, twice[2])
    assert [failure.reason for failure in record.failures] == ["top_share"]


def test_a_share_is_rounded_up_but_not_by_the_error_of_floats(tmp_path: Path) -> None:
    hundred = tuple(replace(FINE, log_prob=-float(number)) for number in range(100))
    assert len(filtered(tmp_path, hundred, top_share=0.07).rationales) == 7  # 0.07 * 100 > 7
    assert len(filtered(tmp_path, hundred, top_share=0.071).rationales) == 8


def test_log_probs_are_of_the_text_as_it_was_written(tmp_path: Path) -> None:
    longer = replace(FINE, raw=f"{FINE.text}\n\nAnd more that cleaning took away.", log_prob=-12.0)
    assert step({"min_log_prob": -1.0}).broken_rule(longer, EXAMPLE, RECORD) is None  # 12 words
    assert step({"min_log_prob": -0.9}).broken_rule(longer, EXAMPLE, RECORD) == "min_log_prob"
    unknown = replace(FINE, log_prob=None)
    assert step({"min_log_prob": -0.9}).broken_rule(unknown, EXAMPLE, RECORD) is None
    assert filtered(tmp_path, (unknown, FINE), top_share=0.5).rationales == (FINE,)


def test_a_rank_by_log_probs_that_nobody_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"top_share=0\.5 ranks by log_prob, but the teacher returned none"):
        filtered(tmp_path, (replace(FINE, log_prob=None),) * 2, top_share=0.5)


def test_stricter_rules_keep_less_and_what_they_keep_is_kept_by_looser_ones(tmp_path: Path) -> None:
    texts = ["A library lends.", "It lends, it lends, it lends, it lends.", "Ovens bake", "A library lends an oven."]
    rationales = tuple(replace(FINE, text=text) for text in texts)
    rules: dict[str, Any] = {}
    before = list(filtered(tmp_path, rationales).rationales)
    for name, value in {"ended": True, "max_repetition": 0.3, "names_other": True, "min_words": 9}.items():
        rules[name] = value
        record = filtered(tmp_path, rationales, rules=rules)
        assert set(record.rationales) < set(before)
        assert len(record.rationales) + len(record.failures) == len(rationales)
        before = list(record.rationales)
    assert before == []


class Likely(Told):
    """Finds texts as likely as it is told: log-prob and tokens of each."""

    can = frozenset({"complete", "score"})

    def __init__(self, name: str, scores: dict[str, tuple[float, int]]) -> None:
        super().__init__("", name=name)
        self._scores = scores
        self.scored: list[Prompt] = []

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        self.scored += prompts
        for index, own in enumerate(continuations):
            yield index, tuple(ScoredContinuation(*self._scores[text.strip()]) for text in own)


def test_difference_prefers_what_only_the_large_model_finds_likely(tmp_path: Path) -> None:
    texts = ("Both find it likely.", "Only the large one does.", "Neither does, in truth.", "Only the small one does.")
    large = Likely("large", dict(zip(texts, [(-4.0, 4), (-5.0, 5), (-20.0, 5), (-25.0, 5)], strict=True)))
    # half as many tokens for the same text: what counts is the text's log-prob, not that of the reference's tokens
    small = Likely("small", dict(zip(texts, [(-4.0, 2), (-25.0, 3), (-20.0, 2), (-5.0, 2)], strict=True)))
    rationales = tuple(replace(FINE, text=text) for text in texts)
    task = made("task", "multiple_choice", folder="unused")

    def best(store: str, share: float) -> list[str]:
        ranking = replace(step(), rank="difference", top_share=share, reference=small)
        assert ranking.asks == ({"score"} if share < 1 else set())
        (record,) = ranking.run(
            [EXAMPLE], [replace(RECORD, rationales=rationales)], context(tmp_path / store, large, task)
        )
        return [one.text for one in record.rationales]

    assert best("a", 0.25) == [texts[1]]  # 4 nats per token; the others 0, 0 and -4
    assert best("b", 0.75) == list(texts[:3])
    assert [prompt.messages for prompt in large.scored] == [prompt.messages for prompt in small.scored]
    assert "library" in large.scored[0].messages[-1].content
    asked = len(large.scored)
    assert best("c", 1.0) == list(texts)
    assert len(large.scored) == asked


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="rank=difference needs a small model"):
        step(rank="difference", top_share=0.5)
    with pytest.raises(ValueError, match="reference of this step is asked to tell how likely a text is"):
        replace(step(), rank="difference", top_share=0.5, reference=Told("", name="small"))
    with pytest.raises(ConfigError, match="top_share=0"):
        step(top_share=0.0)
    with pytest.raises(ConfigError, match=r"rules\.min_wrods"):
        step({"min_wrods": 3})


def test_rules_that_lack_what_they_look_at_are_refused_before_any_work(tmp_path: Path) -> None:
    chosen = ("generation=[few_shot_rationale,filter]", "objective=rationale_answer")
    experiment(tmp_path, *chosen)
    with pytest.raises(ConfigError, match=r"filter needs verdicts, .* put self_evaluation before it"):
        experiment(tmp_path, *chosen, "generation.steps.filter.rules.verdict=true")
    with pytest.raises(ConfigError, match=r"needs the teacher's own answers, .* put chain_of_thought or"):
        experiment(tmp_path, *chosen, "generation.steps.filter.rules.parsed=true")
    judged = ("generation=[few_shot_rationale,self_evaluation,filter]", "objective=rationale_answer")
    experiment(tmp_path, *judged, "generation.steps.filter.rules.verdict=true")


def test_traits_of_texts() -> None:
    assert repeated_share("a b c a b c") == pytest.approx(1 / 4)
    assert repeated_share("a b") == 0
    assert runs_on(replace(FINE, raw="It lends.\n\nAnother paragraph."))
    assert runs_on(replace(FINE, raw="It lends. Question: what else?"))
    assert not runs_on(replace(FINE, raw=" It lends.\n"))


@pytest.mark.realdata
def test_the_papers_data_passes_the_default_rules_but_for_what_is_cut_off(shared_data: Path, tmp_path: Path) -> None:
    task = made("task", "commonsenseqa", folder=str(shared_data / "cqa"))
    outputs = shared_data / "llama2-13b-outputs" / "cqa-train"
    teacher: Recorded = made("teacher", "recorded", folder=str(outputs))
    examples = task.examples("train")
    asking = context(tmp_path, teacher, task)
    blank = [TeacherRecord(example.id, (), {}) for example in examples]
    records = list(RecordedStep(("labeling",)).run(examples, blank, asking))
    done = list(made("generation", "filter").run(examples, records, asking))
    reasons = Counter(failure.reason for record in done for failure in record.failures)
    kept = sum(len(record.rationales) for record in done)
    assert kept + sum(reasons.values()) == 8766
    assert 0.09 < reasons["ended"] / 8766 < 0.11  # a tenth of the published rationales is cut off
