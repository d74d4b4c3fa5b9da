"""The device of tensors, the CPU threads, and the source of random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from distillrun.errors import ConfigError


def pick_device(device: str, key: str = "runtime.device") -> torch.device:
    """Return the device of that name; `auto` is cuda where there is one, then mps, then cpu. `key` is what set it.

    Raises:
        ConfigError: the device is unknown, or this machine does not have it.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, is_there in found.items() if is_there))
    kind, _, index = device.partition(":")
    counts = {"cuda": torch.cuda.device_count(), "mps": 1, "cpu": 1}
    if not found.get(kind, False) or (index and (not index.isdigit() or int(index) >= counts[kind])):
        known = ", ".join(name for name, is_there in found.items() if is_there)
        raise ConfigError(f"{key}={device} is not on this machine; choose auto or one of: {known}")
    return torch.device(device)


def use_threads(threads: int | None) -> None:
    """Limit torch to so many CPU threads; None leaves its own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's CPU random numbers from `seed` inside the block, and leave the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
