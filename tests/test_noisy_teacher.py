"""The teacher of the trial without labels: right but for the share that it is asked to get wrong."""

import csv
import json
import runpy
import threading
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

SCRIPT: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[1] / "scripts" / "noisy_teacher"), run_name="noisy_teacher"
)
LABELS = ("card_lost", "rate", "top_up")
KNOWN = {f"text number {n}: why?": LABELS[n % 3] for n in range(300)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"text": text, "category": label} for text, label in KNOWN.items()]
    SCRIPT["write"](tmp_path / "train.csv", rows[:200])
    SCRIPT["write"](tmp_path / "test.csv", rows[200:])
    return tmp_path


def test_the_share_of_wrong_labels_is_the_one_that_is_asked_for(data: Path) -> None:
    with SCRIPT["server"](data, 0.15, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {}
        for text in [*KNOWN, "not known"]:
            prompt = f"Labels:\n1. card_lost\n2. rate\n\nText: {text}\nLabel:"
            body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
            with urlopen(Request(f"http://127.0.0.1:{server.server_port}/v1/chat/completions", body)) as answer:
                told[text] = json.load(answer)["choices"][0]["message"]["content"]
        server.shutdown()
    assert told.pop("not known") == "unknown"
    assert set(told.values()) == set(LABELS)
    wrong = sum(told[text] != label for text, label in KNOWN.items())
    assert 0.15 * 300 - 3 * 6.2 < wrong < 0.15 * 300 + 3 * 6.2  # three standard deviations


def test_files_hold_labels_for_a_few_rows_alone(data: Path, tmp_path: Path) -> None:
    SCRIPT["write_files"](data, tmp_path / "out", 20)
    read = {file.stem: list(csv.DictReader(file.open(encoding="utf-8"))) for file in (tmp_path / "out").iterdir()}
    assert {name: len(rows) for name, rows in read.items()} == {"train": 180, "dev": 20, "test": 100, "labels": 3}
    assert set(read["train"][0]) == {"text"}
    assert {row["text"] for row in read["train"]}.isdisjoint(row["text"] for row in read["dev"])
    assert all(KNOWN[row["text"]] == row["label"] for row in read["dev"])
