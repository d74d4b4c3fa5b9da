"""The files of a dataset on the Hub, at a commit that is recorded."""

from collections.abc import Sequence
from pathlib import Path

from distillrun.errors import ConfigError


def hub_files(name: str, revision: str, patterns: Sequence[str], cure: str) -> Path:
    """Return the folder of a dataset's files; its name is the commit. Without a network, what was downloaded before.

    Args:
        name: of the dataset, such as tau/commonsense_qa.
        revision: a branch, tag or commit.
        patterns: of the files that are wanted.
        cure: what to do where the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        commit = HfApi().dataset_info(name, revision=revision, timeout=10).sha
    except Exception:  # the client's errors differ by version, and all of them mean: not now
        commit = None
    try:
        return Path(
            snapshot_download(
                name,
                repo_type="dataset",
                revision=commit or revision,
                allow_patterns=list(patterns),
                local_files_only=commit is None,
            )
        )
    except Exception as error:
        what = f"task.hub_name={name} at task.revision={revision}"
        raise ConfigError(f"{what} can neither be reached nor was it downloaded before; {cure}") from error
