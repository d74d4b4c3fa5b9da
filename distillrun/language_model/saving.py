"""The saved form of a model, which transformers' `from_pretrained` loads."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from peft import PeftModel
from torch import nn
from transformers import PreTrainedTokenizerBase

from distillrun.language_model.quiet import quiet


def save_model(module: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write weights (safetensors), config, generation config and tokenizer.

    LoRA adapters are merged into a copy of the weights: merging in place and undoing it would change their last bits.
    """
    whole: Any = deepcopy(module).merge_and_unload() if isinstance(module, PeftModel) else module
    with quiet():
        whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
