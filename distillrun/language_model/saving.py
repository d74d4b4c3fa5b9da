"""The saved form of a model, which transformers' `from_pretrained` loads."""

from pathlib import Path

from torch import nn
from transformers import PreTrainedTokenizerBase

from distillrun.language_model.lora import merged
from distillrun.language_model.quiet import quiet


def save_model(module: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write weights (safetensors), into which LoRA adapters are merged, config, generation config and tokenizer."""
    with quiet():
        merged(module).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
