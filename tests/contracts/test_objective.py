"""What every objective must obey; a new one is found by its config."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distillrun.interfaces import (
    ActiveObjective,
    ObjectiveContext,
    StudentObjective,
    Task,
    TextObjective,
    TokenLossObjective,
)
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, EncodedBatch, StudentOutputs
from distillrun.records import Example, Rationale, Requirements, TargetPair, TeacherRecord, TrainingItem
from distillrun.training.step import StepGradient, count_views
from distillrun.training.supervision import LiveSupervision
from tests.leaves import EXAMPLE, RECORD, leaf, made, options

OBJECTIVES = options("objective")
STUDENTS = ("tiny_t5", "tiny_qwen")
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in OBJECTIVES),
    ("rationale_answer", {"order": "rationale_first"}),
    ("counterfactual", {"prefix": "encoder"}),
    ("counterfactual", {"choice": "first"}),
    ("multitask_counterfactual", {"choice": "first_wrong", "rationale": "revised", "factual_rationale": "initial"}),
    ("multitask_counterfactual", {"multitask_weight": 0.7, "predict_weight": 0.2, "factual_weight": 0.9}),
    ("forward_kl", {"temperature": 2.0, "top_k": None}),
    ("forward_kl", {"top_k": 3}),
    ("reverse_kl", {"top_k": 3, "cross_entropy_weight": 0.0}),
    ("forward_kl", {"texts": leaf("objective", "multitask")}),
    ("jensen_shannon", {"normalise": True, "beta": 0.0}),
    ("hidden_state", {"distance": "mse", "layers": "last"}),
    ("mutual_information", {"variant": "paper_code"}),
    ("preference", {"form": "simpo", "pairs": "revision"}),
    ("preference", {"form": "length_normalised"}),
    ("preference", {"pairs": "sample"}),
    ("minillm", {"teacher_share": 0.0, "length_normalised": False}),
    ("forward_kl", {"top_k": 3, "texts": leaf("objective", "unlikelihood", texts=leaf("objective", "multitask"))}),
    ("universal_logit", {"texts": leaf("objective", "focal")}),
]
TEXT_VARIANTS = [
    (name, changes)
    for name, changes in VARIANTS
    if isinstance(made_one := made("objective", name, **changes), TextObjective)
    and not isinstance(made_one, TokenLossObjective)
]
STOPPED = ("adaptive_kl", "taid", "mutual_information", "dual_space", "minillm")
"""Their gradient is not that of their value, since parts of it are held fast; each has tests of its own."""


@cache
def task() -> Task:
    made_task: Task = made("task", "multiple_choice", folder="unused")
    return made_task


@cache
def student(name: str) -> TransformerModel:
    model: TransformerModel = made("student", name, dropout=0.0).build(seed=0)
    model.module.eval()
    return model


@cache
def teacher() -> TransformerModel:
    """A larger model than the student, of another architecture than one of them."""
    model: TransformerModel = made("student", "tiny_qwen", width=96, layers=3).build(seed=1)
    model.module.eval().requires_grad_(False)
    return model


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads that share a busy core make a tiny model 50 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def eight_examples() -> list[tuple[Example, TeacherRecord]]:
    """Return examples of unlike length, with rationales of unlike length."""
    rows = []
    for n in range(8):
        example = replace(EXAMPLE, id=f"q{n}", question=EXAMPLE.question + " Think." * n, answer=n % 5)
        texts = [f"It is the {choice}." + " Indeed." * (n + c) for c, choice in enumerate(example.choices)]
        rationales = (
            Rationale(texts[n % 5], "", n % 5, "factual", "initial"),
            Rationale(texts[n % 5] + " Revised.", "", n % 5, "factual", "revised"),
            *(Rationale(texts[c], "", c, "counterfactual", "initial") for c in range(5) if c != n % 5),
        )
        scores = tuple(torch.tensor([0.1 * n, 1.0, 2.0, 0.5, 0.0]).log_softmax(0).tolist())
        rows.append((example, TeacherRecord(example.id, rationales, {}, choice_log_probs=scores)))
    return rows


def visits() -> list[TrainingItem]:
    return [TrainingItem(example, record, 7 + n) for n, (example, record) in enumerate(eight_examples())]


def pairs_of(objective: StudentObjective) -> list[list[TargetPair]]:
    return [list(objective.targets(one.example, one.record, task(), one.seed)) for one in visits()]


class Step:
    """An objective at work on a student, as the trainer has it."""

    def __init__(self, name: str, changes: dict[str, Any], architecture: str) -> None:
        self.model = student(architecture)
        self.teacher = teacher().frozen(self.model.device)
        self.objective: StudentObjective = made("objective", name, **_short(name, changes))
        self.own = nn.ModuleDict()
        self.supervision = None
        requirements = Requirements()
        if isinstance(self.objective, ActiveObjective):
            torch.manual_seed(0)
            requirements = self.objective.requirements
            if requirements.teacher == "reference":
                self.teacher = made("student", architecture, dropout=0.0).build(seed=2).frozen(self.model.device)
            self.objective.start(ObjectiveContext(self.model, self.teacher, task(), 10, 10_000))
            self.own = self.objective.modules()
            if requirements.teacher != "none":
                self.supervision = LiveSupervision(self.model, self.teacher, self.objective)

    def gradient(self, tokens: int) -> tuple[float, list[torch.Tensor]]:
        """Return the loss of a step in micro-batches of so many tokens, and its gradients."""
        modules = nn.ModuleList([self.model.module, self.own])
        modules.zero_grad()
        step = StepGradient(
            self.model,
            self.objective,
            task(),
            tokens,
            False,
            self.supervision,
            lambda loss: loss.backward(),  # type: ignore[no-untyped-call]
        )
        taken = step.take(3, visits())
        if isinstance(self.objective, ActiveObjective):
            self.objective.end_step()
        return taken.loss, [weight.grad.clone() for weight in modules.parameters() if weight.grad is not None]


def _short(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes, with sampled targets of a few tokens."""
    return {**({"max_new_tokens": 5} if "max_new_tokens" in leaf("objective", name) else {}), **changes}


def fits(name: str, architecture: str) -> bool:
    return not (name == "mixkd" and architecture == "tiny_qwen")


CASES = [(name, changes, one) for name, changes in VARIANTS for one in STUDENTS if fits(name, one)]
EVERY = pytest.mark.parametrize(("name", "changes", "architecture"), CASES)


@EVERY
def test_a_step_is_the_same_however_it_is_split(name: str, changes: dict[str, Any], architecture: str) -> None:
    at_once, gradients = Step(name, changes, architecture).gradient(10**6)
    assert at_once != 0
    assert gradients
    for tokens in (1, 700):
        # an objective may remember its step
        split, split_gradients = Step(name, changes, architecture).gradient(tokens)
        assert split == pytest.approx(at_once, rel=1e-5)
        for one, other in zip(gradients, split_gradients, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=2e-6)


class Outputs:
    """What a student gave for all pairs of a step, one masked column more, with which losses can be tried."""

    def __init__(self, step: Step) -> None:
        objective, model = step.objective, step.model
        pairs = pairs_of(objective)
        if isinstance(objective, ActiveObjective):
            pairs = objective.prepare(3, visits(), pairs)
        rows = [row for row, own in enumerate(pairs) for _ in own]
        self.pairs = [pair for own in pairs for pair in own]
        self.counts = count_views(self.pairs, [learnt for _, _, learnt in model.lengths(self.pairs)])
        hidden = isinstance(objective, ActiveObjective) and objective.requirements.hidden
        with torch.no_grad():
            outputs = model.forward(model.encode(self.pairs, rows), hidden)
        labels = F.pad(outputs.labels, (0, 1), value=IGNORE)
        states = tuple(F.pad(state, (0, 0, 0, 1)) for state in outputs.hidden)
        self.clean = replace(
            outputs, logits=Logits(F.pad(outputs.logits.dense(), (0, 0, 0, 1))), labels=labels, hidden=states
        )
        self.masked = labels == IGNORE
        self._step = step

    def loss(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the loss with other logits and other hidden states."""
        outputs = replace(self.clean, logits=Logits(tensors[0]), hidden=tuple(tensors[1:]))
        if self._step.supervision is not None:
            outputs = self._step.supervision.with_teacher(outputs, self.pairs)
        total: torch.Tensor = self._step.objective.loss(outputs, self.counts).total
        return total


@pytest.mark.parametrize(("name", "changes", "architecture"), [case for case in CASES if case[0] not in STOPPED])
def test_the_gradient_is_the_finite_difference(name: str, changes: dict[str, Any], architecture: str) -> None:
    step = Step(name, changes, architecture)
    step.own.double()
    outputs = Outputs(step)
    if step.supervision is not None:
        step.teacher.module.double()
    tensors = [one.double().requires_grad_() for one in (outputs.clean.logits.states, *outputs.clean.hidden)]
    found = torch.autograd.grad(outputs.loss(tensors), tensors, allow_unused=True)
    generator = torch.Generator().manual_seed(0)
    directions = [torch.randn(one.shape, generator=generator, dtype=one.dtype) for one in tensors]
    slope = sum(float((one * other).sum()) for one, other in zip(found, directions, strict=True) if one is not None)
    ahead, behind = (
        float(outputs.loss([one.detach() + shift * other for one, other in zip(tensors, directions, strict=True)]))
        for shift in (1e-6, -1e-6)
    )
    assert slope != 0
    kinked = name in ("universal_logit", "total_variation")  # absolute values of sorted differences
    assert (ahead - behind) / 2e-6 == pytest.approx(slope, rel=1e-4 if kinked else 1e-6, abs=1e-8)


@pytest.mark.parametrize("architecture", STUDENTS)
@pytest.mark.parametrize(("name", "changes"), TEXT_VARIANTS)
def test_the_loss_is_that_of_hugging_face(name: str, changes: dict[str, Any], architecture: str) -> None:
    objective, model = made("objective", name, **changes), student(architecture)
    whole = [pair for row in pairs_of(objective) for pair in row]
    views = {pair.view for pair in whole}
    weights = objective.weights
    assert views == set(weights)
    expected = sum(
        weights[view] * hugging_face_loss(model, architecture, [pair for pair in whole if pair.view == view])
        for view in views
    )
    assert Step(name, changes, architecture).gradient(10**6)[0] == pytest.approx(expected, rel=1e-5)


def hugging_face_loss(model: TransformerModel, architecture: str, pairs: list[TargetPair]) -> float:
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


@EVERY
def test_what_stands_in_masked_positions_changes_no_bit(name: str, changes: dict[str, Any], architecture: str) -> None:
    outputs = Outputs(Step(name, changes, architecture))
    results = []
    for garbage in (0.0, 1e9, float("nan")):
        tensors = [one.clone() for one in (outputs.clean.logits.states, *outputs.clean.hidden)]
        for tensor in tensors:
            tensor[outputs.masked] = garbage
            tensor.requires_grad_()
        loss = outputs.loss(tensors)
        gradients = [one for one in torch.autograd.grad(loss, tensors, allow_unused=True) if one is not None]
        assert gradients
        assert not any(gradient[outputs.masked].any() for gradient in gradients)
        results.append((loss.item(), [gradient[~outputs.masked] for gradient in gradients]))
    for value, gradients in results[1:]:
        assert value == results[0][0]
        assert all(torch.equal(one, other) for one, other in zip(gradients, results[0][1], strict=True))


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
        if "explain" not in pair.view:
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
    assert reply.rationale == ("A library lends novels." if objective.needs & {"initial", "revised"} else "")


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


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_that_needs_nothing_learns_without_a_record(name: str) -> None:
    objective = made("objective", name)
    if not objective.needs:
        assert objective.targets(EXAMPLE, None, task(), seed=0)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_rows_of_other_views_cost_nothing(name: str) -> None:
    objective = made("objective", name)
    logits = torch.randn(2, 3, 4, requires_grad=True)
    outputs = StudentOutputs(Logits(logits), torch.tensor([[1, 2, IGNORE]] * 2), ("other", "none"), (0, 1))
    assert objective.loss(outputs, {}).total == 0


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if "rationale" in leaf("objective", name)])
def test_the_version_of_the_rationale_is_learnt_everywhere(name: str) -> None:
    objective = made("objective", name, rationale="revised")
    texts = {pair.view: text_of(pair) for pair in objective.targets(EXAMPLE, RECORD, task(), seed=0)}
    for view, text in texts.items():
        if view in ("explain", "factual") or name == "rationale_answer":
            assert "an oven bakes" in text
    assert "revised" in objective.needs
    assert "initial" not in objective.needs
