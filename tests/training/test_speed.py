"""How fast a training goes, told apart from what it does."""

import pytest
import torch

from distillrun.training.speed import MIB, Speed, peak_memory, replayed


def test_a_reading_counts_the_steps_since_the_last_one() -> None:
    speed = Speed(torch.device("cpu"))
    speed.add(100, 0.5)
    speed.add(300, 0.5)
    assert speed.read()["train/tokens_per_second"] == 400.0
    speed.add(50, 1.0)
    assert speed.read()["train/tokens_per_second"] == 50.0
    assert "train/tokens_per_second" not in speed.read()


def test_memory_is_counted_in_bytes() -> None:
    before = peak_memory(torch.device("cpu"))
    held = torch.ones(before + 64 * MIB, dtype=torch.uint8)  # more than the process ever had
    assert peak_memory(torch.device("cpu")) - before >= 0.9 * min(held.nbytes, 64 * MIB)


def test_metrics_are_handed_over_again_as_they_were() -> None:
    metrics = [{"step": 5, "train/loss": 2.0}, {"step": 5, "dev/accuracy": 0.5}, {"step": 10, "train/loss": 1.0}]
    speed = [{"step": 5, "train/tokens_per_second": 9.0}]
    assert list(replayed(metrics, speed)) == [
        ({"train/loss": 2.0, "train/tokens_per_second": 9.0}, 5),
        ({"dev/accuracy": 0.5}, 5),
        ({"train/loss": 1.0}, 10),
    ]
    assert [line for line, _ in replayed(metrics, [])] == [
        {name: value for name, value in line.items() if name != "step"} for line in metrics
    ]


@pytest.mark.parametrize("kind", ["cuda"])
def test_a_gpu_tells_what_its_tensors_took(kind: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    device = torch.device(kind)
    held = torch.ones(64 * MIB, dtype=torch.uint8, device=device)
    assert peak_memory(device) >= held.nbytes
