"""Every kind of file gives the same rows, and a broken one is named by file and line."""

import csv
import gzip
import json
import logging
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import digest_of, read_rows

ROWS = [{"id": "1", "text": 'a, "b"\nc'}, {"id": "2", "text": "Zürich\u2028"}, {"id": "3", "text": ""}]


def _save(folder: Path, rows: list[dict[str, str]]) -> None:
    import datasets

    datasets.Dataset.from_list(rows).save_to_disk(folder)


def _write(folder: Path, kind: str) -> Path:
    path = folder / f"train{kind}"
    if kind == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in ROWS), encoding="utf-8")
    elif kind == ".json":
        path.write_text("\ufeff" + json.dumps(ROWS, indent=1), encoding="utf-8")
    elif kind == ".csv":
        path.write_text('id,text\n1,"a, ""b""\nc"\n2,Zürich\u2028\n\n3,\n', encoding="utf-8")
    elif kind == ".parquet":
        import datasets

        datasets.Dataset.from_list(ROWS).to_parquet(path)
    elif kind == "":
        _save(path, ROWS)
    else:
        for number, row in zip((0, 2, 10), ROWS, strict=True):
            _save(path / f"shard_{number}", [row])
    return path


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".parquet", "", "_shards"])
def test_every_kind_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    assert [row.values for row in read_rows(_write(tmp_path, kind))] == ROWS


def test_rows_know_their_line(tmp_path: Path) -> None:
    assert [row.where[-14:] for row in read_rows(_write(tmp_path, ".jsonl"))] == [
        f"/train.jsonl:{n}"[-14:] for n in (1, 3, 5)
    ]
    assert [row.where.rsplit("/")[-1] for row in read_rows(_write(tmp_path, ".csv"))] == [
        "train.csv:3",
        "train.csv:4",
        "train.csv:6",
    ]


def test_json_lines_may_be_called_json(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    assert [row.values for row in read_rows(path)] == ROWS


def test_a_gap_between_shards_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        list(read_rows(_write(tmp_path, "_shards")))
    assert "some may be missing" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"id": 1}\n{"id": \n', r"a\.jsonl:2: malformed JSON"),
        ("a.jsonl", '{"id": 1}\n1\n', r"a\.jsonl:2: a row must be an object"),
        ("a.jsonl", '{"id": "\\ud83d"}\n', r"a\.jsonl:1: cannot be read as UTF-8"),
        ("a.json", '[{"id": 1},\n {"id" 2}]', r"a\.json:2: malformed JSON"),
        ("a.json", '[{"id": 1}, 2]', r"a\.json:entry 2: a row must be an object"),
        ("a.csv", "id,text\n1,a\n2\n", r"a\.csv:3: 1 cells, but 2 columns; .* that hold ',' in double quotes"),
        ("a.csv", 'id,text\n1,"a\n', r"a\.csv:2: malformed CSV"),
        ("a.csv", "id,id\n1,2\n", r"a\.csv:1: 2 columns are called 'id'; the first line must name each column once"),
        ("a.csv", "", r"a\.csv:1: the file is empty"),
        ("a.csv", ",,\n1,2,3\n", r"a\.csv:1: the file is empty, or its first line is; .* must name the columns"),
        ("a.csv", 'id,text\n1,"a\n2,b\n', "a double quote may open a cell that none ends"),
        ("a.csv", "", r"a\.csv:1"),
        ("a.csv", "id;text\n1;a\n2\n", r"a\.csv:3: 1 cells, but 2 columns"),
        ("a.jsonl", '{"id": NaN}', r"a\.jsonl:1: .*NaN is not a JSON number; write null"),
        ("a.jsonl", '{"id": 1}\n{"id": [-Infinity]}', r"a\.jsonl:2: .*-Infinity is not a JSON number"),
        ("a.json", '[{"id": 1e999}]', r"a\.json: .*1e999 is not a JSON number"),
        ("train-00000-of-00002.csv", "id\n1\n", "is one of 2 shards, and train-00001-of-00002.csv is missing"),
        ("a.txt", "hello", r"a\.txt cannot be read: give a \.jsonl, \.json, \.csv, \.tsv, \.parquet, \.xlsx file"),
    ],
)
def test_a_broken_file_is_named_by_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_is_read_as_spreadsheets_save_it(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [["id", "text"], ["1", "a;b,c\td é"], ["2", 'say "x"\n']]
    with (tmp_path / "a.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    found = list(read_rows(tmp_path / "a.csv"))
    assert [row.values for row in found] == [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [row.where.rpartition(":")[2] for row in found] == ["2", "4"]


def test_what_a_spreadsheet_saves_beside_and_below_a_table_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;text;;\n1;a;;\n;;;\n2;b;;\n; ;;\n;;;;;;\n", encoding="utf-8")
    rows = [(row.where.rsplit(":")[-1], row.values["id"], row.values["text"]) for row in read_rows(path)]
    assert rows == [("2", "1", "a"), ("4", "2", "b")]
    path.write_text('text\na\n""\n', encoding="utf-8")  # one column: pandas writes an empty text so
    assert [row.values for row in read_rows(path)] == [{"text": "a"}, {"text": ""}]


def test_a_cell_of_a_csv_may_be_as_long_as_a_line_of_json(tmp_path: Path) -> None:
    long = "word " * 100_000
    (tmp_path / "a.csv").write_text(f"text\n{long}\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": long}), encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / "a.csv")] == [
        row.values for row in read_rows(tmp_path / "a.jsonl")
    ]


def test_a_file_may_say_its_separator_as_excel_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\nid;text\n1;a,b\n", encoding="utf-8")
    (row,) = read_rows(tmp_path / "a.csv")
    assert (row.values, row.where[-2:]) == ({"id": "1", "text": "a,b"}, ":3")


def test_tabs_are_read_with_quotes_or_without_as_the_whole_file_has_them(tmp_path: Path) -> None:
    """GLUE's and BigBench's .tsv never quote; a spreadsheet's do."""
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"Hm, he said\n2\tso "what"\n', encoding="utf-8")
    assert [row.values["text"] for row in read_rows(tmp_path / "a.tsv")] == ['"Hm, he said', 'so "what"']
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"a ""b""\nc"\n', encoding="utf-8")
    assert [row.values["text"] for row in read_rows(tmp_path / "a.tsv")] == ['a "b"\nc']
    (tmp_path / "a.tsv").write_text("text\na,b;c\n", encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / "a.tsv")] == [{"text": "a,b;c"}]


def test_one_column_is_one_column_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na;b\nc\td\n", encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / "a.csv")] == [{"text": "a;b"}, {"text": "c\td"}]


def test_a_shard_that_is_the_only_one_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "train-00000-of-00001.jsonl").write_text('{"id": 1}', encoding="utf-8")
    assert len(list(read_rows(tmp_path / "train-00000-of-00001.jsonl"))) == 1


def test_a_file_that_claims_to_be_utf_16_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfea")
    with pytest.raises(ConfigError, match=r"a\.csv:1: cannot be read as utf-16"):
        list(read_rows(tmp_path / "a.csv"))


def test_utf_16_without_its_mark_is_refused_with_the_cure(tmp_path: Path) -> None:
    for name, content in {"a.csv": "id,text\n1,a\n", "a.jsonl": '{"id": 1}\n', "a.json": '[{"id": 1}]'}.items():
        (tmp_path / name).write_bytes(content.encode("utf-16-le"))
        with pytest.raises(ConfigError, match=rf"{name}.*UTF-16.*; save the file as UTF-8"):
            list(read_rows(tmp_path / name))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": b'{"id": "\xff"}\n', "a.csv": b"id\n\xff\n", "a.parquet": b"PAR1"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=name):
            list(read_rows(tmp_path / name))


def test_a_csv_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,é\n".encode() + b"2,\xe9\n" + b"3,a\n" * 9)
    with pytest.raises(ConfigError, match=r"a\.csv:3: not UTF-8"):
        list(read_rows(tmp_path / "a.csv"))


def test_a_missing_path_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "cqa-train").mkdir()
    with pytest.raises(ConfigError, match=r"does not exist \(did you mean 'cqa-train'"):
        list(read_rows(tmp_path / "cqa-trian"))


def test_folders_without_rows_say_what_they_hold(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it holds: nothing"):
        list(read_rows(tmp_path))
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', encoding="utf-8")
    with pytest.raises(ConfigError, match="holds the splits train, test"):
        list(read_rows(tmp_path))


def test_a_digest_follows_names_and_contents_only(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "shard_0").mkdir(parents=True)
        (tmp_path / name / "shard_0" / "data").write_bytes(b"same")
    (tmp_path / "one" / "shard_0" / "cache-1.arrow").touch()
    (tmp_path / "one" / ".lock").touch()
    same = digest_of(tmp_path / "one")
    assert digest_of(tmp_path / "two") == same
    (tmp_path / "two" / "shard_0" / "data").write_bytes(b"other")
    assert digest_of(tmp_path / "two") != same
    (tmp_path / "two" / "shard_0" / "data").write_bytes(b"same")
    (tmp_path / "two" / "shard_0").rename(tmp_path / "two" / "shard_1")
    assert digest_of(tmp_path / "two") != same


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            gzip.compress(b"text,label", mtime=0),
            r"a\.csv is no text: it is packed by gzip; call it a\.csv\.gz",
        ),
        ("a.jsonl", b"PAR1....", r"it is a Parquet file; call it a\.parquet"),
        ("a.csv", b"PK\x03\x04....", r"it is a workbook or a ZIP archive; call it a\.xlsx"),
        ("a.csv", b"text,label\nfirst,x\nsec\0ond,y\n", r"a\.csv:3: holds a NUL byte"),
        ("a.csv", b"# made today\ntext,label\nfirst,x\n", r"a\.csv:1: .* names one alone, '# made today', while"),
        ("a.csv", b"Tickets,\ntext,label\nfirst,x\n", r"a\.csv:1: .* names one alone, 'Tickets', while"),
        ("a.jsonl", b'[\n {"text": "first"}\n]\n', r"a JSON document over several lines.*; call it \.json"),
    ],
    ids=["gzip", "Parquet", "ZIP", "NUL", "comment", "title", "document"],
)
def test_a_file_that_is_not_what_its_name_says_is_refused_with_the_cure(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        list(read_rows(tmp_path / name))


def test_one_column_and_trailing_separators_are_no_title(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text\nfirst\nsecond\n", encoding="utf-8")
    (tmp_path / "trailing.csv").write_text("text,\nfirst,\nsecond,\n", encoding="utf-8")
    for name in ("one", "trailing"):
        assert [row.values["text"] for row in read_rows(tmp_path / f"{name}.csv")] == ["first", "second"]
