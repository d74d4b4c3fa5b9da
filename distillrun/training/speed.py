"""The speed and memory of a training: apart from its other metrics, which are the same each time."""

import resource
import sys
from collections.abc import Iterator, Mapping, Sequence

import torch

MIB = 2**20


class Speed:
    """Tokens and seconds of the optimizer steps since the last reading; dev checks and saving do not count.

    Args:
        device: whose memory is told; on a CPU, it is that of the whole process.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._tokens = 0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self._tokens += tokens
        self._seconds += seconds

    def read(self) -> dict[str, float]:
        """Return tokens per second and the peak of memory so far, and start counting again."""
        found = {"train/peak_memory_mib": round(peak_memory(self._device) / MIB, 1)}
        if self._seconds > 0:
            found["train/tokens_per_second"] = round(self._tokens / self._seconds, 1)
        self._tokens, self._seconds = 0, 0.0
        return found


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that tensors took on a GPU, or that this process took, so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # KiB on Linux


def replayed(
    metrics: Sequence[Mapping[str, float]], speed: Sequence[Mapping[str, float]]
) -> Iterator[tuple[dict[str, float], int]]:
    """Yield reported metrics with their steps, each mean over steps with the speed of those steps."""
    by_step = {line["step"]: line for line in speed}
    for line in metrics:
        whole = {**line, **(by_step.get(line["step"], {}) if "train/loss" in line else {})}
        yield {name: value for name, value in whole.items() if name != "step"}, int(line["step"])
