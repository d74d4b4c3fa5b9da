"""A teacher that reads what a student of the same vocabulary learns, token by token."""

import logging
from typing import Any

from torch import Tensor, nn

from distillrun.interfaces import LanguageModel
from distillrun.language_model.transformer import TransformerModel

log = logging.getLogger("distillrun")


def aligned(teacher: LanguageModel, student: LanguageModel) -> LanguageModel:
    """Return the teacher with the student's targets behind its own sources; as it is where one of them writes nothing.

    Each reads a source in its own format, and both predict the same ids. Where their texts end at different tokens, as
    those of base and instruct models of one family do, the two ends change places in the teacher's logits: what it
    expects of its own end is what it expects of the student's. The teacher's module is changed for good.
    """
    if not isinstance(teacher, TransformerModel) or not isinstance(student, TransformerModel):
        return teacher
    end, own = student.text.eos, teacher.text.eos
    if end != own:
        name, other = (student.text.tokenizer.convert_ids_to_tokens(one) for one in (end, own))
        log.info(
            "the teacher ends its texts with %s and the student with %s: they are taken for each other", other, name
        )
        swap_logits(teacher.module, end, own)
    return TransformerModel(teacher.module, teacher.text.with_targets_of(student.text), teacher.architecture)


def swap_logits(module: nn.Module, one: int, other: int) -> None:
    """Make two tokens change places in what a module predicts; what it reads stays as it is."""
    network: Any = module
    head: nn.Module = network.get_output_embeddings()

    def swapped(_: nn.Module, read: Any, logits: Tensor) -> Tensor:
        found = logits.clone()
        found[..., [one, other]] = logits[..., [other, one]]
        return found

    head.register_forward_hook(swapped)
