"""What several test modules share."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.command_line import Launcher

MODULES_BETWEEN = 10
"""Test files after which what is there then is kept out of the collections of garbage that follow."""

settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")


def pytest_configure() -> None:
    """Take a closed terminal for what it is, also under `nohup`, whose ignored SIGHUP would be inherited."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Keep what the imports made out of every collection of garbage to come; a training asks for several."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # what tests import later is walked through each time, too


_modules: set[str] = set()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Do so again now and then: a training walks through all that tests have imported and cached since, too."""
    module = item.nodeid.partition("::")[0]
    is_last = nextitem is None or nextitem.nodeid.partition("::")[0] != module
    if is_last and module not in _modules:
        _modules.add(module)
        if len(_modules) % MODULES_BETWEEN == 0:
            gc.collect()
            gc.freeze()


@pytest.fixture
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test, empty, and of a name that has to be quoted."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data that lies beside the checkout; the test is skipped where it does not."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


@pytest.fixture(scope="session")
def command_lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Starts command lines in processes of their own, forks of one that has imported everything."""
    launcher = Launcher(tmp_path_factory.mktemp("command_lines"))
    yield launcher
    launcher.close()


@pytest.fixture
def forked_jobs(command_lines: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of sweeps are forks, too, whoever starts them."""
    for name, value in command_lines.forked_jobs.items():
        monkeypatch.setenv(name, value)
