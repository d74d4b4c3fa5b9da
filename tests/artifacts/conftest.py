"""An empty store."""

import logging
from pathlib import Path

import pytest

from distillrun.artifacts import ArtifactStore


@pytest.fixture
def store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> ArtifactStore:
    caplog.set_level(logging.INFO, logger="distillrun")
    return ArtifactStore(tmp_path / "store")
