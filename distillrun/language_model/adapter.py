"""Low-rank adapters that others trained: a folder of PEFT's, merged into the checkpoint that its user names.

What an adapter says of its base, of classes or of code decides nothing: the numbers of its LoRA are read, by name, and
its weights from safetensors. Imports no torch.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SETTINGS = {
    "r": int,
    "lora_alpha": (int, float),
    "target_modules": (list, str),
    "exclude_modules": (list, str, type(None)),
    "fan_in_fan_out": bool,
    "use_rslora": bool,
    "use_dora": bool,
    "rank_pattern": dict,
    "alpha_pattern": dict,
    "layers_to_transform": (list, int, type(None)),
    "layers_pattern": (list, str, type(None)),
    "modules_to_save": (list, type(None)),
}
"""What is read of an adapter's config, with its types: the shape of its LoRA."""


def adapter_problems(folder: Path, key: str) -> list[str]:
    """Return why a folder holds no adapter that can be merged; `key` is the setting that names it."""
    named = f"{key}={folder}"
    if not folder.is_dir():
        return [f"{named}: there is no such folder ({folder.resolve()}); check the path"]
    try:
        adapter_settings(folder)
    except ConfigError as error:
        return [f"{named}: {error}"]
    if not (folder / WEIGHTS).is_file():
        return [f"{named} has no {WEIGHTS}; save the adapter as safetensors (.bin files are not read)"]
    return []


def adapter_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of an adapter's LoRA. Raises ConfigError where it has none, or is another kind."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigError(f"it has no {CONFIG} that is JSON; give a folder that PEFT's save_pretrained wrote") from None
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else None
        raise ConfigError(f"it holds {kind or 'no kind of adapter'}, and LORA alone can be merged here")
    found = {name: config[name] for name in SETTINGS if name in config}
    for name, value in found.items():
        if not isinstance(value, SETTINGS[name]):  # type: ignore[arg-type]
            raise ConfigError(f"{CONFIG} has {name}={value!r}, which LoRA does not know")
    if not isinstance(found.get("r"), int) or not found.get("target_modules"):
        raise ConfigError(f"{CONFIG} names no rank (r) or no target_modules")
    return found


def named_base(folder: Path) -> str | None:
    """Return what an adapter's config calls its base, to be shown; nobody loads it."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    return base if isinstance(base, str) and base else None


def adapter_digest(folder: Path) -> str:
    """Return the digest of an adapter's files."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        with (folder / name).open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def merged(module: Any, folder: Path, key: str) -> Any:
    """Return the module with an adapter merged into its weights. Raises ConfigError where it does not fit."""
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    try:
        wrapped = get_peft_model(module, LoraConfig(**adapter_settings(folder)))
        weights = load_file(folder / WEIGHTS)
        absent: Any = set_peft_model_state_dict(wrapped, weights)
    except Exception as error:  # what peft raises where shapes or names differ depends on its version
        raise ConfigError(f"{key}={folder} does not fit {type(module).__name__}: {error}") from error
    lost = [name for name in absent.missing_keys if "lora_" in name]
    if lost or absent.unexpected_keys:
        others = [*lost, *absent.unexpected_keys]
        raise ConfigError(
            f"{key}={folder} does not fit {type(module).__name__}: {len(others)} of its weights are not those of the "
            f"model ({others[0]}, ...); name the checkpoint that it was trained on"
        )
    return wrapped.merge_and_unload()
