"""Rows of a Parquet file."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError


def parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the values of each row."""
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(path) as file:
            yield from enumerate(chain.from_iterable(batch.to_pylist() for batch in file.iter_batches()), start=1)
    except (ArrowException, OSError) as error:
        raise ConfigError(f"{path} cannot be read as a Parquet file: {error}") from error
