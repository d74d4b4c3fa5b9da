"""A teacher beside a student of its vocabulary: each reads in its own format, and both predict the same tokens."""

from pathlib import Path
from typing import Any

import pytest
import torch

from distillrun.language_model.aligned import aligned
from distillrun.language_model.limits import Limits
from distillrun.language_model.load import load_model
from distillrun.loss.tensors import IGNORE
from distillrun.records import Segment, TargetPair
from tests.chat_models import write_chat

PAIR = TargetPair(
    (Segment("Where do fish live?"),), (Segment("[answer] ", learn=False), Segment("The sea.")), "predict"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat(tmp_path_factory.mktemp("chat"))


def model(folder: Path, chat: Any, separator: str = "\n") -> Any:
    loaded = load_model(folder, Limits(128, 32, separator), chat=chat)
    loaded.module.eval()
    return loaded


def test_labels_are_the_students_and_the_source_is_the_teachers_own(folder: Path) -> None:
    student, teacher = model(folder, "never"), model(folder, "always")
    assert student.text.eos != teacher.text.eos
    beside = aligned(teacher, student)
    own, read = student.encode([PAIR], [0]), beside.encode([PAIR], [0])
    assert torch.equal(own.labels, read.labels)
    assert own.labels[own.labels != IGNORE][-1] == student.text.tokenizer.eos_token_id
    template = "<|im_start|>user\nWhere do fish live?<|im_end|>\n<|im_start|>assistant\n[answer] The sea."
    assert student.text.tokenizer.decode(read.inputs["input_ids"][0]).endswith(template)


def test_what_the_teacher_expects_of_its_end_is_what_it_expects_of_the_students(folder: Path) -> None:
    student, teacher = model(folder, "never"), model(folder, "always")
    whole = teacher.text.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Where do fish live?"}, {"role": "assistant", "content": "[answer] The sea."}],
        tokenize=True,
    )["input_ids"]
    end = whole.index(teacher.text.eos, len(whole) - 3)  # the last turn's
    with torch.no_grad():
        expected = teacher.module(torch.tensor([whole])).logits[0, end - 1].log_softmax(-1)
        beside = aligned(teacher, student)
        found = beside.forward(beside.encode([PAIR], [0]))
    last = found.logits.dense().detach()[0, -1].log_softmax(-1)
    ends = student.text.eos, teacher.text.eos
    assert last[ends[0]] == pytest.approx(expected[ends[1]].item(), abs=1e-5)
    assert last[ends[1]] == pytest.approx(expected[ends[0]].item(), abs=1e-5)
    others = [token for token in range(len(expected)) if token not in ends]
    torch.testing.assert_close(last[others], expected[others], atol=1e-5, rtol=0)
