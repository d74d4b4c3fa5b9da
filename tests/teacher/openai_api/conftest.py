"""A key in the environment."""

import pytest

KEY = "sk-canary-0123456789abcdef"


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a variable that holds KEY."""
    monkeypatch.setenv("SOME_KEY", KEY)
    return "SOME_KEY"
