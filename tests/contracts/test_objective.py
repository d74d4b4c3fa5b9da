"""What every objective must obey; a new one is found by its config."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from distillrun.interfaces import LanguageModel, StudentObjective, Task
from distillrun.records import Example, Rationale, TargetPair, TeacherRecord
from distillrun.tensors import IGNORE, EncodedBatch, StudentOutputs
from distillrun.training.step import count_views
from tests.leaves import EXAMPLE, RECORD, leaf, made, options

OBJECTIVES = options("objective")
STUDENTS = ("tiny_t5", "tiny_qwen")
VARIANTS = [
    *((name, {}) for name in OBJECTIVES),
    ("rationale_answer", {"order": "rationale_first"}),
    ("counterfactual", {"prefix": "encoder"}),
    ("multitask_counterfactual", {"multitask_weight": 0.7, "predict_weight": 0.2, "factual_weight": 0.9}),
]


@cache
def task() -> Task:
    made_task: Task = made("task", "multiple_choice", folder="unused")
    return made_task


@cache
def student(name: str) -> LanguageModel:
    model: LanguageModel = made("student", name, dropout=0.0).build(seed=0)
    model.module.eval()
    return model


def eight_examples() -> list[tuple[Example, TeacherRecord]]:
    """Return examples of unlike length, with rationales of unlike length."""
    rows = []
    for n in range(8):
        example = replace(EXAMPLE, id=f"q{n}", question=EXAMPLE.question + " Think." * n, answer=n % 5)
        texts = [f"It is the {choice}." + " Indeed." * (3 * n + c) for c, choice in enumerate(example.choices)]
        rationales = (
            Rationale(texts[n % 5], "", n % 5, "factual", "initial"),
            Rationale(texts[n % 5], "", n % 5, "factual", "revised"),
            *(Rationale(texts[c], "", c, "counterfactual", "initial") for c in range(5) if c != n % 5),
        )
        rows.append((example, TeacherRecord(example.id, rationales, {})))
    return rows


def pairs_of(objective: StudentObjective) -> list[list[TargetPair]]:
    return [list(objective.targets(example, record, task(), seed=7)) for example, record in eight_examples()]


def counted_loss(
    objective: StudentObjective, model: LanguageModel, groups: Sequence[Sequence[TargetPair]]
) -> tuple[float, list[torch.Tensor]]:
    """Return the step's loss and gradients, with one forward and backward for each group."""
    pairs = [pair for group in groups for pair in group]
    counts = count_views(pairs, [learnt for _, _, learnt in model.lengths(pairs)])
    model.module.zero_grad()
    total = 0.0
    for group in groups:
        loss = objective.loss(model.forward(model.encode(list(group), [0] * len(group))), counts).total
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total, [weight.grad.clone() for weight in model.module.parameters() if weight.grad is not None]


@pytest.mark.parametrize("architecture", STUDENTS)
@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_a_step_is_the_same_however_it_is_split(name: str, changes: dict[str, Any], architecture: str) -> None:
    objective, model = made("objective", name, **changes), student(architecture)
    rows = pairs_of(objective)
    whole = [pair for row in rows for pair in row]
    at_once, gradients = counted_loss(objective, model, [whole])
    for groups in ([[pair] for pair in whole], [whole[:3], whole[3:]], rows):
        split, split_gradients = counted_loss(objective, model, groups)
        assert split == pytest.approx(at_once, rel=1e-5)
        for one, other in zip(gradients, split_gradients, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", STUDENTS)
@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_the_loss_is_that_of_hugging_face(name: str, changes: dict[str, Any], architecture: str) -> None:
    objective, model = made("objective", name, **changes), student(architecture)
    whole = [pair for row in pairs_of(objective) for pair in row]
    views = {pair.view for pair in whole}
    weights = getattr(objective, "weights", {"predict": 1.0})
    assert views == set(weights)
    expected = sum(
        weights[view] * hugging_face_loss(model, architecture, [pair for pair in whole if pair.view == view])
        for view in views
    )
    assert counted_loss(objective, model, [whole])[0] == pytest.approx(expected, rel=1e-5)


def hugging_face_loss(model: LanguageModel, architecture: str, pairs: list[TargetPair]) -> float:
    """Return the mean loss per learnt token that transformers itself computes, one pair at a time."""
    total, tokens = 0.0, 0
    for pair in pairs:
        batch = model.encode([pair], [0])
        learnt = int((batch.labels != IGNORE).sum())
        if architecture == "tiny_t5":
            # given labels alone, T5 makes its own decoder inputs; a prefix that is read must be passed on
            loss = model.module(**batch.inputs, labels=batch.labels).loss
        else:
            ids = batch.inputs["input_ids"]
            width = batch.labels.shape[1]
            stream = torch.cat([ids, ids[:, :1]], dim=1)  # the last target token is predicted, never read
            labels = torch.full_like(stream, IGNORE)
            labels[:, -width:] = batch.labels
            loss = model.module(input_ids=stream, labels=labels).loss
        total += loss.item() * learnt
        tokens += learnt
    return total / tokens


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_what_stands_in_masked_positions_changes_no_bit(name: str, changes: dict[str, Any]) -> None:
    objective, model = made("objective", name, **changes), student("tiny_t5")
    whole = [pair for row in pairs_of(objective) for pair in row]
    counts = count_views(whole, [learnt for _, _, learnt in model.lengths(whole)])
    batch = model.encode(whole, [0] * len(whole))
    clean = model.forward(batch)
    masked = clean.labels == IGNORE
    assert masked.any()
    results = []
    for garbage in (0.0, 1e9, float("nan")):
        logits = clean.logits.detach().clone()
        logits[masked] = garbage
        logits.requires_grad_()
        outputs = StudentOutputs(logits, clean.labels, clean.views, clean.rows)
        loss = objective.loss(outputs, counts).total
        loss.backward()
        assert logits.grad is not None
        assert not logits.grad[masked].any()
        results.append((loss.item(), logits.grad[~masked].clone()))
    assert results[0][0] == results[1][0] == results[2][0]
    assert torch.equal(results[0][1], results[1][1])
    assert torch.equal(results[0][1], results[2][1])


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_the_gradient_is_the_finite_difference(name: str, changes: dict[str, Any]) -> None:
    objective = made("objective", name, **changes)
    views = tuple(sorted(getattr(objective, "weights", {"predict": 1.0})))
    labels = torch.tensor([[1, 3, IGNORE]] * len(views))
    counts = count_views([TargetPair((), (), view) for view in views], [2] * len(views))
    logits = torch.randn(len(views), 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(values: torch.Tensor) -> torch.Tensor:
        outputs = StudentOutputs(values, labels, views, tuple(range(len(views))))
        total: torch.Tensor = objective.loss(outputs, counts).total
        return total

    assert torch.autograd.gradcheck(loss, logits.requires_grad_())


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("architecture", STUDENTS)
def test_truncation_never_eats_the_answer(name: str, architecture: str) -> None:
    objective = made("objective", name)
    model = made("student", architecture, max_source_tokens=96, max_target_tokens=48).build(seed=0)
    long = " ".join(["because"] * 500)
    record = replace(RECORD, rationales=tuple(replace(made_one, text=long) for made_one in RECORD.rationales))
    for pair in objective.targets(EXAMPLE, record, task(), seed=0):
        batch: EncodedBatch = model.encode([pair], [0])
        learnt = batch.labels[batch.labels != IGNORE].tolist()
        written = model.text.tokenizer.decode(learnt)
        if pair.view != "explain":
            answers = [choice for choice in EXAMPLE.choices if choice in written]
            assert answers, written
        assert batch.labels.shape[1] <= 48


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_learnt_can_be_read_back(name: str) -> None:
    objective = made("objective", name)
    by_view = {pair.view: pair for pair in objective.targets(EXAMPLE, RECORD, task(), seed=0)}
    query = objective.query(EXAMPLE, task())
    asked = next(pair for pair in by_view.values() if pair.source == query.answer)
    explained = next((pair for pair in by_view.values() if pair.source == query.explain), None)
    reply = objective.read(text_of(asked), text_of(explained) if explained else None)
    assert task().parse(reply.answer, EXAMPLE) == 1
    assert reply.rationale == ("A library lends novels." if objective.needs else "")


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_a_scored_answer_is_what_the_student_learns_to_write(name: str, changes: dict[str, Any]) -> None:
    objective = made("objective", name, **changes)
    query = objective.query(EXAMPLE, task())
    pairs = objective.targets(EXAMPLE, RECORD, task(), seed=0)
    target = next(text_of(pair) for pair in pairs if pair.source == query.answer)
    scored = objective.continuation(EXAMPLE, 1, task(), "A library lends novels.")
    assert target.startswith("".join(segment.text for segment in scored))
    assert not any(segment.learn for segment in scored if "lends" in segment.text)


def text_of(pair: TargetPair) -> str:
    return "".join(segment.text for segment in pair.target)


def test_objectives_without_a_rationale_ask_no_teacher() -> None:
    assert {name for name in OBJECTIVES if not made("objective", name).needs} == {"label_only"}


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if "rationale" in leaf("objective", name)])
def test_the_version_of_the_rationale_is_learnt_everywhere(name: str) -> None:
    objective = made("objective", name, rationale="revised")
    texts = {pair.view: text_of(pair) for pair in objective.targets(EXAMPLE, RECORD, task(), seed=0)}
    for view, text in texts.items():
        if view in ("explain", "factual") or name == "rationale_answer":
            assert "an oven bakes" in text
    assert "revised" in objective.needs
    assert "initial" not in objective.needs
