"""Curation: each rule alone, their order, and the share that ranks highest."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.generation.recorded import Recorded as RecordedStep
from distillrun.records import Failure, Rationale, ScoredContinuation, TeacherRecord
from distillrun.teacher.recorded import Recorded
from distillrun.traits import repeated_share, runs_on
from tests.asking import context
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


def test_difference_prefers_what_only_the_large_model_finds_likely(tmp_path: Path) -> None:
    examples = made("task", "everyday", limit=1).examples("train")
    gold = examples[0].answer
    texts = ["Somehow it is so.", f"It is {examples[0].choices[gold]}.", "Nobody knows why that is."]
    rationales = tuple(Rationale(text, "", gold, "factual", "initial") for text in texts)
    careful, hasty = (made("teacher", "scripted", flawed_share=share) for share in (0.0, 0.9))

    def constant(prompts: Any, continuations: Any, account: Any) -> Any:
        for index, own in enumerate(continuations):
            yield index, tuple(ScoredContinuation(-1.0, 1) for _ in own)

    hasty.score = constant
    ranking = step(rank="difference", top_share=0.34, reference=leaf("teacher", "scripted"))
    object.__setattr__(ranking, "reference", hasty)
    assert ranking.asks == {"score"}
    asking = context(tmp_path, careful, made("task", "everyday"))
    (record,) = ranking.run(examples, [TeacherRecord(examples[0].id, rationales, {})], asking)
    values = {}
    for text in texts:
        reasoner = careful._reasoner
        fact = careful._fact(examples[0])
        scored = reasoner.text_score(fact, examples[0], gold, f" {text}")
        values[text] = scored.log_prob / scored.tokens
    best = sorted(texts, key=lambda text: (-values[text], texts.index(text)))[:2]
    assert [one.text for one in record.rationales] == [text for text in texts if text in best]


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="rank=difference needs a small model"):
        step(rank="difference", top_share=0.5)
    with pytest.raises(ConfigError, match="top_share=0"):
        step(top_share=0.0)
    with pytest.raises(ConfigError, match=r"rules\.min_wrods"):
        step({"min_wrods": 3})


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
