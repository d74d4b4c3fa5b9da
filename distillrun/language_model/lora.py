"""Low-rank adapters: only they are trained, and they are merged into the weights when the student is saved."""

import sys
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from distillrun.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Lora:
    """The settings of the adapters.

    Attributes:
        rank: columns of the two thin matrices.
        alpha: the update is scaled by alpha / rank.
        dropout: of the adapters' inputs.
        target_modules: names of the layers that get one; null = peft's choice for the architecture.

    Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}

    rank: int
    alpha: int
    dropout: float
    target_modules: tuple[str, ...] | None

    def problems(self) -> list[str]:
        """Return what is wrong with the settings."""
        problems = []
        if self.rank < 1:
            problems.append(f"student.lora.rank={self.rank} must be 1 or more")
        if self.alpha <= 0:
            problems.append(f"student.lora.alpha={self.alpha} must be above 0")
        if not 0 <= self.dropout < 1:
            problems.append(f"student.lora.dropout={self.dropout} must be from 0 to below 1")
        return problems


def with_adapters(module: Any, lora: Lora) -> Any:
    """Return the module with fresh adapters, everything else frozen. Raises ConfigError if no layer has such a name."""
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules) if lora.target_modules is not None else None,
        task_type=TaskType.SEQ_2_SEQ_LM if module.config.is_encoder_decoder else TaskType.CAUSAL_LM,
    )
    try:
        return get_peft_model(module, config)
    except ValueError as error:
        raise ConfigError(
            f"student.lora.target_modules={list(lora.target_modules or [])} does not fit {type(module).__name__}: "
            f"{error}; name layers that it has, such as q_proj (Qwen, Llama) or q (T5)"
        ) from error


def has_adapters(module: Any) -> bool:
    """Return whether a module has adapters; none has before peft is imported, which takes half a second."""
    peft = sys.modules.get("peft")
    return peft is not None and isinstance(module, peft.PeftModel)


def base_of(module: Any) -> Any:
    """Return the module inside the adapters' wrapper, which hides what it takes; itself where it has none."""
    return module.get_base_model() if has_adapters(module) else module


def merged(module: Any) -> Any:
    """Return a module whose weights hold its adapters; a copy, since undoing the merge would change their last bits."""
    return deepcopy(module).merge_and_unload() if has_adapters(module) else module


def merged_into(base: Any, module: Any) -> Any:
    """Return other weights of the same model with the adapters of a module merged into them."""
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    fresh: Any = get_peft_model(base, module.peft_config["default"])
    set_peft_model_state_dict(fresh, get_peft_model_state_dict(module))
    return fresh.merge_and_unload()
