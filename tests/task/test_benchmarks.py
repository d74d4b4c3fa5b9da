"""The presets of benchmarks read made-up rows in the schema and the layout that each has on the Hub.

What is right is asked of the task files of lm-evaluation-harness, where it has the same data.
"""

import ast
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pyarrow  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
import yaml

from distillrun.config.build import build
from distillrun.interfaces import Task
from distillrun.records import Example, Split, place
from tests.end_to_end.runs import composed
from tests.structure.disk import CONF

Row = dict[str, Any]


def labelled(*texts: str, labels: str = "ABCDEFGH") -> dict[str, list[str]]:
    return {"text": list(texts), "label": list(labels[: len(texts)])}


ROWS: dict[str, tuple[list[Row], str, str]] = {
    "arc_challenge": (
        [
            {"id": "M_1", "question": "What melts?", "choices": labelled("ice", "coal", "2"), "answerKey": "A"},
            {"id": "M_2", "question": "2?", "choices": labelled("3", "1", "2", labels="123"), "answerKey": "2"},
        ],
        "What melts?",
        "ice",
    ),
    "arc_easy": (
        [{"id": "M_3", "question": "What barks?", "choices": labelled("cat", "dog", "hen", "owl"), "answerKey": "B"}],
        "What barks?",
        "dog",
    ),
    "openbookqa": (
        [{"id": "7-1", "question_stem": "Rain", "choices": labelled("is dry", "is wet"), "answerKey": "B"}],
        "Rain",
        "is wet",
    ),
    "qasc": (
        [
            {
                "id": "3E7", "question": "What do bees make?", "choices": labelled(*"abcdefgh"), "answerKey": "H",
                "fact1": "f", "fact2": "g", "combinedfact": "fg", "formatted_question": "What do bees make? (A) a",
            }
        ],
        "What do bees make?",
        "h",
    ),
    "mmlu": (
        [
            {"question": "1+1?", "subject": "algebra", "choices": ["1", "2", "3", "4"], "answer": 1},
            {"question": "1+2?", "subject": "", "choices": ["0", "2", "3", "4"], "answer": 2},
        ],
        "1+1?",
        "2",
    ),
    "mmlu_pro": (
        [
            {
                "question_id": 70, "question": "Which?", "options": [f"o{n}" for n in range(10)], "answer": "J",
                "answer_index": 9, "cot_content": "", "category": "law", "src": "x",
            }
        ],
        "Which?",
        "o9",
    ),
    "medmcqa": (
        [
            {
                "id": "u-1", "question": "Which nerve?", "opa": "I", "opb": "II", "opc": "III", "opd": "IV", "cop": 2,
                "choice_type": "single", "exp": None, "subject_name": "Anatomy", "topic_name": None,
            }
        ],
        "Which nerve?",
        "III",
    ),
    "medqa": (
        [
            {
                "question": "A patient coughs.", "answer": "Rest",
                "options": {"A": "X", "B": "Y", "C": "Rest", "D": "Z"},
                "meta_info": "step1", "answer_idx": "C", "metamap_phrases": ["patient"],
            }
        ],
        "A patient coughs.",
        "Rest",
    ),
    "sciq": (
        [
            {
                "question": f"What is {n}?", "distractor3": f"c{n}", "distractor1": f"a{n}", "distractor2": f"b{n}",
                "correct_answer": f"right {n}", "support": "Once.",
            }
            for n in range(3)
        ],
        "What is 0?",
        "right 0",
    ),
    "hellaswag": (
        [
            {
                "ind": 4, "activity_label": "Baking", "ctx_a": "A cook stirs.", "ctx_b": "she",
                "ctx": "A cook stirs. she",
                "endings": ["sings.", "bakes.", "runs.", "flies."], "source_id": "a~1", "split": "train",
                "split_type": "indomain", "label": "1",
            }
        ],
        "Baking: A cook stirs. she",
        "bakes.",
    ),
    "piqa": ([{"goal": "Open a jar", "sol1": "twist it", "sol2": "kiss it", "label": 0}], "Open a jar", "twist it"),
    "winogrande": (
        [{"sentence": "Ann thanked Bea as _ helped.", "option1": "Ann", "option2": "Bea", "answer": "2"}],
        "Ann thanked Bea as _ helped.",
        "Bea",
    ),
    "social_iqa": (
        [
            {
                "context": "Jo fell.", "question": "How is Jo?", "answerA": "fine",
                "answerB": "hurt", "answerC": "rich",
                "label": "2",
            }
        ],
        "Jo fell. How is Jo?",
        "hurt",
    ),
    "boolq": (
        [{"question": "is ice cold", "answer": True, "passage": "Ice is frozen {water}."}],
        "Ice is frozen {water}.\nis ice cold?",
        "yes",
    ),
    "race": (
        [
            {
                "example_id": "high1.txt", "article": "Tom slept.", "answer": "D", "question": f"{who} slept _ .",
                "options": ["never", "twice", "badly", "well"],
            }
            for who in ("Tom", "He")
        ],
        "Tom slept.\nTom slept _ .",
        "well",
    ),
    "logiqa": (
        [{"context": "All A are B.", "query": "So?", "options": ["w", "x", "y", "z"], "correct_option": "3"}],
        "All A are B.\nSo?",
        "z",
    ),
    "strategyqa": (
        [
            {
                "qid": "q1", "term": "Owl", "description": "bird", "question": "Can an owl swim?", "answer": False,
                "facts": "Owls fly.", "decomposition": ["What do owls do?"],
            }
        ],
        "Can an owl swim?",
        "no",
    ),
    "esnli": (
        [
            {
                "premise": "A man sleeps.", "hypothesis": "A man runs.", "label": 2, "explanation_1": "No.",
                "explanation_2": "", "explanation_3": "",
            }
        ],
        "Premise: A man sleeps.\nHypothesis: A man runs.",
        "contradiction",
    ),
    "anli": (
        [{"uid": "u1", "premise": "A man sleeps.", "hypothesis": "He dreams.", "label": 1, "reason": "x"}],
        "Premise: A man sleeps.\nHypothesis: He dreams.",
        "neutral",
    ),
    "ag_news": (
        [{"text": f"Team {n} wins the cup.", "label": n} for n in (1, 0, 2, 3)],
        "Team 1 wins the cup.",
        "Sports",
    ),
    "banking77": (
        [
            {"text": "I am still waiting on my card?", "label": 11, "label_text": "card_arrival"},
            {"text": "What is my balance?", "label": 5, "label_text": "balance_not_updated"},
        ],
        "I am still waiting on my card?",
        "card_arrival",
    ),
    "clinc150": (
        [
            {"text": "what expression would i use to say i love you", "intent": 2},
            {"text": "can you tell me how to solve", "intent": 0},
        ],
        "can you tell me how to solve",
        "restaurant_reviews",
    ),
}  # fmt: skip
"""Of each preset: rows of a split, and the question and the right answer of the first."""

IDS = ("id", "uid", "qid")
CLASSES: Mapping[str, Mapping[str, list[str]]] = {
    "clinc150": {"intent": ["restaurant_reviews", "oos", "nutrition_info"]}
}
"""Columns of numbers whose names the Hub keeps in a file's metadata."""

OWN_NAMES = {
    "medqa": "{}.jsonl",
    "strategyqa": "{}-00000-of-00001-bae602f3ee37f4ca.parquet",
    "piqa": "{}.parquet",
    "banking77": "{}.jsonl",
}
"""Presets whose files on the Hub have names of their own, as the Hub lists them."""

HARNESS: Mapping[str, str] = {
    "arc_challenge": "arc/arc_easy.yaml",
    "arc_easy": "arc/arc_easy.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "mmlu": "mmlu/default/_default_template_yaml",
    "medmcqa": "medmcqa/medmcqa.yaml",
    "sciq": "sciq/sciq.yaml",
    "piqa": "piqa/piqa.yaml",
    "social_iqa": "siqa/siqa.yaml",
    "anli": "anli/anli_r1.yaml",
}


@cache
def preset(name: str) -> dict[str, Any]:
    task: dict[str, Any] = composed(f"experiment=benchmark/{name}").task
    return task


def place_of(stem: str, name: str) -> str:
    """Return the path of a file on the Hub."""
    if preset(name)["revision"] == "refs/convert/parquet":
        return f"{stem}/0000.parquet"
    if name in OWN_NAMES:
        return OWN_NAMES[name].format(stem)
    return f"{stem if '/' in stem else f'data/{stem}'}-00000-of-00001.parquet"


def laid_out(folder: Path, name: str) -> list[Example]:
    """Write each split as the Hub has it, and return the examples of the test that the preset reads."""
    files = {split: [one] if isinstance(one, str) else list(one or ()) for split, one in preset(name)["files"].items()}
    for stem in (stem for stems in files.values() for stem in stems):
        own = [{key: f"{one} {stem}" if key in IDS else one for key, one in row.items()} for row in ROWS[name][0]]
        place = folder / place_of(stem, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".jsonl":
            place.write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")
            continue
        table = pyarrow.Table.from_pylist(own)
        if name in CLASSES:
            classes = {column: {"names": names, "_type": "ClassLabel"} for column, names in CLASSES[name].items()}
            table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": classes}})})
        pyarrow.parquet.write_table(table, place)
    task: Task = build({**preset(name), "folder": str(folder), "dev_share": 0.0}, "task")
    assert task.check() == []
    splits: tuple[Split, ...] = ("train", "dev", "test")
    assert all(task.examples(split) for split in splits if files[split])
    return task.examples("test")


def test_every_preset_has_rows() -> None:
    assert {path.stem for path in (CONF / "experiment" / "benchmark").glob("*.yaml")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_preset_reads_the_schema_and_the_layout_of_its_benchmark(name: str, tmp_path: Path) -> None:
    rows, question, answer = ROWS[name]
    examples = laid_out(tmp_path, name)
    first = next(example for example in examples if example.question == question)
    assert first.answer is not None
    assert first.choices[place(first.answer)] == answer
    assert len({example.id for example in examples}) == len(examples)
    assert len(examples) == len(rows) * (3 if name == "anli" else 1)


class _Loader(yaml.SafeLoader):
    """YAML with references to functions, which are left out."""


_Loader.add_constructor("!function", lambda loader, node: None)


@pytest.mark.parametrize("name", HARNESS)
def test_the_right_answers_are_those_of_the_evaluation_harness(name: str, tmp_path: Path) -> None:
    found = importlib.util.find_spec("lm_eval")
    if found is None or found.origin is None:
        pytest.skip("lm-eval is not installed")
    harness = yaml.load((Path(found.origin).parent / "tasks" / HARNESS[name]).read_text(encoding="utf-8"), _Loader)
    assert name == "social_iqa" or harness["dataset_path"] == preset(name)["hub_name"]

    def told(expression: Any, row: Row) -> Any:
        if not isinstance(expression, str) or expression in row:
            return row[expression] if isinstance(expression, str) else expression
        text = jinja2.Template(expression).render(row)
        return ast.literal_eval(text) if text[:1] in "[0123456789" else text

    def is_gold(example: Example, row: Row) -> bool:
        target, choices = told(harness["doc_to_target"], row), told(harness["doc_to_choice"], row)
        right = target if isinstance(target, int) else choices.index(target)
        same = example.answer is not None and example.choices[place(example.answer)] == choices[right]
        return same or (example.answer == right and not set(example.choices) & set(choices))

    rows, _, _ = ROWS[name]
    examples = laid_out(tmp_path, name)
    assert all(is_gold(example, row) for example, row in zip(examples, rows * 3, strict=False))
