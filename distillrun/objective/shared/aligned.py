"""The alignment of learnt tokens of student and teacher where their tokenizers differ."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, Count, StudentOutputs
from distillrun.loss.token_alignment import stretches


@dataclass(frozen=True, slots=True)
class Aligned:
    """Stretches of text that both learn, G of them.

    Attributes:
        student, teacher: [G] where each begins, as indices into the N * T positions of either.
        lengths: [G, 2] how many tokens it has on either side.
        weight: [G] what it counts: its tokens of the student times weight / tokens of its view.
    """

    student: Tensor
    teacher: Tensor
    lengths: Tensor
    weight: Tensor


def aligned(outputs: StudentOutputs, counts: Mapping[str, Count], weights: Mapping[str, float]) -> Aligned | None:
    """Return the stretches that student and teacher both learn; None where there is none.

    Args:
        outputs: with those of the teacher.
        counts: of the whole step.
        weights: of the views.
    """
    teacher_outputs = outputs.teacher_outputs
    if teacher_outputs is None:
        return None
    learnt, learnt_by_teacher = (outputs.labels != IGNORE).tolist(), (teacher_outputs.labels != IGNORE).tolist()
    begins: list[tuple[int, int]] = []
    lengths: list[tuple[int, int]] = []
    weight: list[float] = []
    for other, row in enumerate(teacher_outputs.rows):
        view = outputs.views[row]
        share = weights.get(view, 0.0) / counts[view].tokens
        for stretch in stretches(outputs.ends[row], teacher_outputs.ends[other]):
            (left, left_end), (right, right_end) = stretch.left, stretch.right
            if share and all(learnt[row][left:left_end]) and all(learnt_by_teacher[other][right:right_end]):
                begins.append((row * outputs.labels.shape[1] + left, other * teacher_outputs.labels.shape[1] + right))
                lengths.append((left_end - left, right_end - right))
                weight.append(share * (left_end - left))
    if not begins:
        return None
    device = outputs.labels.device
    places = torch.tensor(begins, device=device)
    return Aligned(
        places[:, 0], places[:, 1], torch.tensor(lengths, device=device), torch.tensor(weight, device=device)
    )


def rest_log_probs(logits: Logits, labels: Tensor, begins: Tensor, lengths: Tensor) -> Tensor:
    """Return the log-likelihood in nats of the tokens of each stretch after its first, [G].

    Args:
        logits: [N, T, V].
        labels: [N * T].
        begins: [G] where the stretches begin.
        lengths: [G] their tokens.
    """
    owners = torch.repeat_interleave(torch.arange(len(begins), device=begins.device), lengths - 1)
    firsts = (lengths - 1).cumsum(0) - (lengths - 1)
    steps = torch.arange(len(owners), device=begins.device) - firsts[owners] + 1
    places = begins[owners] + steps
    found = logits.at(places).to(logits.dtype).log_softmax(dim=-1).gather(-1, labels[places][:, None]).squeeze(1)
    return found.new_zeros(len(begins)).index_add(0, owners, found)
