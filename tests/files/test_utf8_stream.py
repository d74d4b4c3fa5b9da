"""Packed files and other encodings give the text that was written; what is no text is refused in words."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]
import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import read_rows
from distillrun.files.utf8_stream import check_encoding

ROWS = [{"id": "1", "text": "Zürich, “naïve”"}, {"id": "2", "text": "Ärger\nim Öl"}, {"id": "3", "text": ""}]


def lines(rows: Any = ROWS) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


TEXTS = {
    "a.jsonl": lines(),
    "a.json": json.dumps(ROWS, ensure_ascii=False, indent=1),
    "a.csv": 'id,text\n1,"Zürich, “naïve”"\n2,"Ärger\nim Öl"\n3,\n',
    "a.tsv": 'id\ttext\n1\tZürich, “naïve”\n2\t"Ärger\nim Öl"\n3\t\n',
}


def packed(content: bytes, ending: str) -> bytes:
    if ending == ".gz":
        return gzip.compress(content)
    made: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return made


@pytest.mark.parametrize("ending", ["", ".gz", ".zst", ".GZ"])
@pytest.mark.parametrize(
    ("written", "declared"),
    [("utf-8", None), ("utf-16", None), ("utf-32", None), ("cp1252", "cp1252"), ("utf-16-le", "utf-16-le")],
)
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_read_in_every_encoding_and_packing(
    tmp_path: Path, name: str, written: str, declared: str | None, ending: str
) -> None:
    content = TEXTS[name].encode(written)
    path = tmp_path / (name + ending)
    path.write_bytes(packed(content, ending.lower()) if ending else content)
    assert [row.values for row in read_rows(path, declared)] == ROWS


def test_a_mark_goes_before_what_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXTS["a.csv"].encode("utf-8-sig"))
    assert [row.values for row in read_rows(tmp_path / "a.csv", "latin-1")] == ROWS


def test_frames_that_follow_one_another_are_one_file(tmp_path: Path) -> None:
    for ending in (".gz", ".zst"):
        path = tmp_path / f"a.jsonl{ending}"
        path.write_bytes(packed(lines(ROWS[:1]).encode(), ending) + packed(lines(ROWS[1:]).encode(), ending))
        assert [row.values for row in read_rows(path)] == ROWS


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_packed_file_that_is_damaged_or_grows_without_end_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    whole = packed(lines(ROWS * 500).encode(), ending)
    for damaged in (whole[: len(whole) // 2], b"no" + whole):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"a\.jsonl\.\w+ cannot be unpacked: "):
            list(read_rows(path))
    path.write_bytes(packed((" " * 2**10 + "\n").encode() * 2**17, ending))
    with pytest.raises(ConfigError, match=r"unpacks to more than 200 times its size"):
        list(read_rows(path))


def test_another_encoding_than_the_declared_one_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1}\n{"id": "\x81"}\n')
    with pytest.raises(ConfigError, match=r"a\.jsonl:2: cannot be read as cp1252"):
        list(read_rows(tmp_path / "a.jsonl", "cp1252"))
    with pytest.raises(ConfigError, match=r"a\.jsonl:2: not UTF-8 .*set task\.encoding"):
        list(read_rows(tmp_path / "a.jsonl"))


@pytest.mark.parametrize("name", ["utf8x", "rot13", "zlib", "hex"])
def test_what_is_no_encoding_of_texts_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"task.encoding={name} is not the name of a text encoding"):
        check_encoding(name, "task.encoding")
