"""Devices and random numbers."""

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.process.runtime import pick_device, seeded


def test_cpu_is_always_there_and_auto_finds_something() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("device", ["cuda:99x", "tpu", "", "cuda:99", "cpu:7", "cpu:x"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"runtime\.device={device}"):
        pick_device(device)


def test_seeded_numbers_repeat_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(5):
        first = torch.rand(2)
    with seeded(5):
        again = torch.rand(2)

    assert torch.equal(first, again)
    assert torch.equal(torch.rand(2), expected)
