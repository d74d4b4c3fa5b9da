"""Where a checkpoint is: folders, Hub names, the local cache."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from distillrun.errors import ConfigError
from distillrun.language_model import checkpoint
from distillrun.language_model.checkpoint import CheckpointReference

COMMIT = "a" * 40


def safetensors(note: str) -> bytes:
    """Return a file of no tensors."""
    header = json.dumps({"__metadata__": {"note": note}}).encode()
    return len(header).to_bytes(8, "little") + header


def write_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors("weights"))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("a card")
    return folder


def asks_hub(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[dict[str, Any]]:
    """Let the Hub answer with a commit or an error; return the list that its calls are written to."""
    calls: list[dict[str, Any]] = []

    class Api:
        def model_info(self, name: str, **arguments: object) -> SimpleNamespace:
            calls.append({"name": name, **arguments})
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(sha=answer)

        def list_repo_files(self, name: str, revision: str) -> list[str]:
            return ["config.json", "pytorch_model.bin", "onnx/model.safetensors"]

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return calls


def hub_error(kind: type[Exception]) -> Exception:
    error = kind.__new__(kind)
    error.args = ("404",)
    return error


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_arguments, **_options: None)


def test_a_folder_is_identified_by_what_is_loaded_from_it(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "one")
    copy = write_folder(tmp_path / "two")
    digest = CheckpointReference(str(folder), "main").identity()
    assert digest == CheckpointReference(str(copy), "v2").identity()

    (copy / "README.md").write_text("another card")
    assert digest == CheckpointReference(str(copy), "main").identity()
    (copy / "model.safetensors").write_bytes(safetensors("other weights"))
    assert digest != CheckpointReference(str(copy), "main").identity()


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere", "~/nowhere", "some/where/else"])
def test_a_folder_that_is_not_there_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = asks_hub(monkeypatch, COMMIT)
    problems = CheckpointReference(name, "main").problems()

    assert problems[0].startswith(f"student.checkpoint={name}: there is no such folder")
    assert not calls
    with pytest.raises(ConfigError, match="no such folder"):
        CheckpointReference(name, "main").folder()


def test_a_folder_without_config_or_weights_says_what_it_lacks(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    assert "has no weights" in CheckpointReference(str(folder), "main").problems()[0]
    (folder / "config.json").unlink()
    assert "has no config.json" in CheckpointReference(str(folder), "main").problems()[0]
    (folder / "adapter_config.json").write_text("{}")
    assert "LoRA adapter only" in CheckpointReference(str(folder), "main").problems()[0]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe{"])
def test_a_broken_config_is_named(content: bytes, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "config.json").write_bytes(content)
    reference = CheckpointReference(str(folder), "main")
    assert "config.json that is not a JSON object" in reference.problems()[0]
    assert reference.config() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        safetensors("cut")[:-1],
        (2).to_bytes(8, "little") + b"[]",
        (62).to_bytes(8, "little") + b'{"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'[:62],
    ],
)
def test_weights_that_are_cut_short_are_named_before_they_are_loaded(content: bytes, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors is cut short" in CheckpointReference(str(folder), "main").problems()[0]


def test_a_folder_without_a_tokenizer_is_refused_since_an_empty_one_would_be_made_up(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer" in CheckpointReference(str(folder), "main").problems()[0]


def test_a_hub_name_resolves_to_one_commit_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = asks_hub(monkeypatch, COMMIT)
    reference = CheckpointReference("owner/model", "main")

    assert reference.problems() == []
    assert reference.identity() == {"checkpoint": "owner/model", "commit": COMMIT}
    assert calls == [{"name": "owner/model", "revision": "main", "timeout": checkpoint.TIMEOUT_S}]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (hub_error(RepositoryNotFoundError), "student.checkpoint=owner/model is neither a folder here nor a model"),
        (hub_error(RevisionNotFoundError), "student.revision=main is not a branch, tag or commit of owner/model"),
        (ConnectionError("no route"), "the Hub cannot be asked (ConnectionError: no route)"),
        (TimeoutError(), "the Hub cannot be asked (TimeoutError: no reason given)"),
    ],
)
def test_a_hub_name_that_cannot_be_had_is_named(
    answer: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks_hub(monkeypatch, answer)
    reference = CheckpointReference("owner/model", "main")

    assert message in reference.problems()[0]
    with pytest.raises(ConfigError):
        reference.identity()


def test_without_a_network_the_local_cache_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = write_folder(tmp_path / "snapshots" / COMMIT)
    (snapshot / "config.json").write_text(json.dumps({"max_position_embeddings": 7}))
    asks_hub(monkeypatch, ConnectionError())
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: str(snapshot / "config.json"))
    reference = CheckpointReference("owner/model", "main")

    assert reference.problems() == []
    assert reference.identity() == {"checkpoint": "owner/model", "commit": COMMIT}
    assert reference.folder() == snapshot
    assert reference.config() == {"max_position_embeddings": 7}


def test_the_offline_switch_is_respected_before_any_request() -> None:
    code = "from distillrun.language_model.checkpoint import CheckpointReference as R; print(R('a/b', 'v1').problems())"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)

    assert "OfflineModeIsEnabled" in found.stdout


def test_bin_weights_are_fetched_only_where_there_are_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks_hub(monkeypatch, COMMIT)
    asked: dict[str, Any] = {}

    def download(name: str, **arguments: object) -> str:
        asked.update(arguments)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)

    assert CheckpointReference("owner/model", "main").folder() == tmp_path
    assert asked["revision"] == COMMIT
    assert "*.bin" in asked["allow_patterns"]
    assert "*.safetensors" not in asked["allow_patterns"]
