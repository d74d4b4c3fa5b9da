"""The benchmark that ships: true to its base, split as it says, and of no help to somebody who only guesses."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from distillrun.everyday.base import FACTS_FILE, KIND_RELATION, Base, Fact, read_base
from distillrun.everyday.critique import names
from distillrun.everyday.question import example_id, fact_of, make_examples
from distillrun.everyday.rationale import Arguer
from distillrun.everyday.wording import WORDING_FILE, Wording, read_wording
from distillrun.records import Example, Split, place
from distillrun.task.everyday import Everyday

Splits = dict[Split, list[Example]]
BASE, WORDING = read_base(), read_wording()


def everyday(limit: int | None = None, shuffled_labels: bool = False) -> Everyday:
    return Everyday("Question: {question} Choices: {choices}", "{choice}", " | ", "{choice}", 0, limit, shuffled_labels)


def known(example: Example) -> Fact:
    fact = fact_of(example.id, BASE)
    assert fact is not None
    return fact


def right(example: Example) -> str:
    assert example.answer is not None
    return example.choices[place(example.answer)]


@pytest.fixture(scope="module")
def splits() -> Splits:
    return make_examples(BASE, WORDING, seed=0)


def test_the_base_is_large_and_every_thing_has_a_kind() -> None:
    assert len(BASE.kind_of) >= 250
    assert len(BASE.kinds) >= 25
    assert all(BASE.facts[thing, KIND_RELATION].value == kind for thing, kind in BASE.kind_of.items())


def test_a_kinds_facts_hold_for_its_things_unless_they_have_their_own() -> None:
    assert BASE.facts["robin", "has"] == Fact("robin", "has", "feathers", by_kind=True)
    assert BASE.facts["tortoise", "has"] == Fact("tortoise", "has", "a shell", by_kind=False)
    assert BASE.holds("tortoise", "has", "scales")


@pytest.mark.parametrize("file", [FACTS_FILE, WORDING_FILE], ids=lambda file: file.name)
def test_no_key_of_a_file_is_written_twice(file: Path) -> None:
    nodes = [yaml.compose(file.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            counts = Counter(key.value for key, _ in node.value)
            assert max(counts.values(), default=1) == 1, f"line {node.start_mark.line + 1}: {counts.most_common(1)}"
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


def test_every_value_that_rules_out_wrong_choices_is_a_value() -> None:
    content = yaml.safe_load(FACTS_FILE.read_text(encoding="utf-8"))
    for relation, rules in content["relations"].items():
        assert {value for group in rules.get("close", []) for value in group} <= set(BASE.values[relation])
    for kind in BASE.kinds.values():
        alsos = [kind.also, *(thing["also"] for thing in kind.things.values() if "also" in thing)]
        for also in alsos:
            assert isinstance(also, dict)
            assert all(set(values) <= set(BASE.values[relation]) for relation, values in also.items())


def test_every_relation_is_asked_in_at_least_six_ways() -> None:
    assert all(WORDING.phrasings(relation) >= 6 for relation in BASE.values)


@pytest.mark.parametrize(
    ("fact", "phrasing", "question"),
    [
        (BASE.facts["eagle", "eats"], 0, "What does an eagle eat?"),
        (BASE.facts["robin", "found_at"], 3, "A robin is found where?"),
        (BASE.facts["tennis", "needs"], 0, "What does tennis need?"),
        (BASE.facts["tennis", "needs"], 3, "Tennis needs what?"),
    ],
)
def test_a_question_names_its_thing_with_the_right_article(fact: Fact, phrasing: int, question: str) -> None:
    assert WORDING.question(fact, phrasing) == question


def test_there_are_enough_questions_in_every_split_and_group(splits: Splits) -> None:
    assert sum(len(examples) for examples in splits.values()) >= 3000
    groups = {split: Counter(example.group for example in examples) for split, examples in splits.items()}
    assert groups["train"].keys() == {None}
    assert min(groups["test"][group] for group in ("seen", "unseen")) >= 200
    assert min(groups["dev"][group] for group in ("seen", "unseen")) >= 80


def test_ids_are_unique_and_lead_back_to_the_fact(splits: Splits) -> None:
    examples = [example for split in splits.values() for example in split]
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        fact = known(example)
        assert right(example) == fact.value
        assert example.question == WORDING.question(fact, int(example.id.rsplit("/", 1)[1]))


@pytest.mark.parametrize(
    "identifier", ["1afa02df02c908a558b4036e80242fac", "everyday/robin", "everyday/robin/sings/0", ""]
)
def test_an_id_of_another_task_leads_to_no_fact(identifier: str) -> None:
    assert fact_of(identifier, BASE) is None


def test_five_different_choices_and_no_wrong_one_is_true(splits: Splits) -> None:
    for example in (example for split in splits.values() for example in split):
        fact = known(example)
        assert len(set(example.choices)) == 5
        assert [choice for choice in example.choices if BASE.holds(fact.thing, fact.relation, choice)] == [fact.value]
        assert not any(names(choice, fact.value) for choice in example.choices if choice != fact.value)


def test_no_fact_is_in_both_dev_and_test_and_no_question_in_two_splits(splits: Splits) -> None:
    facts = {split: {known(example) for example in examples} for split, examples in splits.items()}
    questions = {split: {example.question for example in examples} for split, examples in splits.items()}
    assert not facts["dev"] & facts["test"]
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not questions[one] & questions[other]  # type: ignore[index]


def test_seen_facts_are_asked_in_training_and_unseen_ones_never(splits: Splits) -> None:
    trained = {known(example) for example in splits["train"]}
    for example in (*splits["dev"], *splits["test"]):
        assert (known(example) in trained) == (example.group == "seen")


def test_an_unseen_fact_follows_from_what_training_rationales_state(splits: Splits) -> None:
    arguer = Arguer(BASE, WORDING)
    stated = {known(example).thing for example in splits["train"]}  # every true rationale says what its thing is
    kinds_with = defaultdict(set)
    for example in splits["train"]:
        fact = known(example)
        if fact.by_kind:
            kinds_with[fact.relation, fact.value].add(BASE.kind_of[fact.thing])
    for example in (*splits["dev"], *splits["test"]):
        if example.group == "unseen":
            fact = known(example)
            assert fact.thing in stated, arguer.membership(fact.thing)
            if fact.relation != KIND_RELATION:
                assert BASE.kind_of[fact.thing] in kinds_with[fact.relation, fact.value]


def test_the_right_choice_takes_each_place_equally_often(splits: Splits) -> None:
    for examples in splits.values():
        places = Counter(example.answer for example in examples)
        assert max(places.values()) - min(places.values()) <= 1


@pytest.mark.parametrize("guess", ["right_share", "right_count", "seldom_offered"])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_guessing_from_how_training_uses_a_text_stays_near_chance(splits: Splits, split: Split, guess: str) -> None:
    offered = Counter(choice for example in splits["train"] for choice in example.choices)
    correct = Counter(right(example) for example in splits["train"])

    def worth(choice: str) -> float:
        if guess == "right_share":
            return correct[choice] / max(offered[choice], 1)
        return correct[choice] if guess == "right_count" else -offered[choice]

    hits = [max(example.choices, key=worth) == right(example) for example in splits[split]]
    assert 0.12 < sum(hits) / len(hits) < 0.28


def test_the_same_seed_makes_the_same_benchmark_and_another_seed_another(splits: Splits) -> None:
    assert make_examples(BASE, WORDING, seed=0) == splits
    assert make_examples(BASE, WORDING, seed=1) != splits


def test_the_task_reads_back_every_answer_that_it_writes(splits: Splits) -> None:
    task = everyday()
    for example in task.examples("test"):
        for choice in range(len(example.choices)):
            assert task.parse(f"[answer] The answer is {task.answer(example, choice)}", example) == choice


def test_a_limit_takes_the_first_examples_of_each_split(splits: Splits) -> None:
    assert everyday(limit=7).examples("dev") == everyday().examples("dev")[:7] == splits["dev"][:7]


def test_a_limit_that_leaves_nothing_is_named() -> None:
    assert everyday().check() == []
    assert "task.limit=0" in everyday(limit=0).check()[0]


def test_shuffled_labels_are_random_in_train_and_true_elsewhere(splits: Splits) -> None:
    task = everyday(shuffled_labels=True)
    assert task.examples("dev") == splits["dev"]
    assert task.examples("test") == splits["test"]
    assert task.examples("train") == task.examples("train")
    kept = _share_right(task.examples("train"))
    assert 0.17 < kept < 0.23
    assert _share_right(splits["train"]) == 1.0


def _share_right(examples: Sequence[Example]) -> float:
    return sum(right(example) == known(example).value for example in examples) / len(examples)


def test_the_source_names_the_base() -> None:
    source = everyday().source()
    assert source["name"] == "everyday"
    assert source["facts"] == read_base().digest


def test_a_thing_of_two_kinds_is_refused() -> None:
    kinds: dict[str, object] = {kind: {"facts": {}, "things": {"bat": {}}} for kind in ("animal", "stick")}
    with pytest.raises(ValueError, match="'bat' twice: as animal and as stick"):
        Base.of({"relations": {KIND_RELATION: {}}, "kinds": kinds}, "")


def test_an_id_is_readable() -> None:
    assert example_id(BASE.facts["fire engine", "colour"], 3) == "everyday/fire_engine/colour/3"


def test_wording_names_every_relation_of_the_base() -> None:
    assert isinstance(WORDING, Wording)
    assert set(yaml.safe_load(WORDING_FILE.read_text(encoding="utf-8"))) == set(BASE.values)


def test_no_thing_is_named_after_its_answer() -> None:
    assert [fact for fact in BASE.facts.values() if names(fact.thing, fact.value)] == []
