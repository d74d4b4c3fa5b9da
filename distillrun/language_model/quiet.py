"""Keeping transformers' own progress bars out of a run's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transformers


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Show none of transformers' progress bars inside the block."""
    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
