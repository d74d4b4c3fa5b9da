"""What a wrong command line is answered with."""

from pathlib import Path

import pytest

from distillrun.cli import main


def complaint(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a wrong command line is answered with."""
    assert main(arguments) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    assert told.err.startswith("distillrun: ")
    assert not Path("runs").exists()
    return told.err.removeprefix("distillrun: ").strip()
