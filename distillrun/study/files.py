"""The files of a study: a questionnaire for each rater, a table for other survey tools, and the key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from distillrun.files.csv_text import csv_text
from distillrun.study.plan import Item
from distillrun.study.source import Source
from distillrun.study.texts import Texts
from distillrun.text.rouge import words

FORMAT = "distillrun study 1"
"""Of answers and keys; another format gets another number."""

FOR_RATERS, KEY = "for_raters", "key.json"

Raters: TypeAlias = Mapping[str, Sequence[Item]]
"""The items of each rater, by the rater's name."""


def questionnaire_page(
    study: str, rater: str, items: Sequence[Item], source: Source, texts: Texts, demographics: Sequence[str]
) -> str:
    """Return a questionnaire as one HTML file that needs nothing else; nothing in it tells whose an explanation is."""
    data = _questionnaire(study, rater, items, source, texts, demographics)
    # "<" could end the script that holds the data
    written = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    template = Path(__file__).with_name("questionnaire.html").read_text(encoding="utf-8")
    return template.replace("__STUDY__", written)


def empty_table(raters: Raters, source: Source, texts: Texts) -> str:
    """Return the items as CSV with empty ratings, to be filled in with any other tool."""
    columns = ["rater", "item", "question", "choices", "answer", "explanation", *texts.statements]
    rows = []
    for rater, items in raters.items():
        for item in items:
            shown = _shown(item, source, texts)
            told = [shown.get("question", ""), " | ".join(shown.get("choices", ())), shown.get("answer", "")]
            text = shown.get("explanation", shown.get("check", ""))
            rows.append([rater, item.code, *told, text, *[""] * len(texts.statements)])
    return csv_text(columns, rows)


def key_of(study: str, raters: Raters, source: Source, texts: Texts, made_of: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the key holds: who stands behind each item, and what the study was made of."""
    return {
        "format": FORMAT,
        "study": study,
        "constructs": list(texts.statements),
        **made_of,
        "items": {item.code: _behind(rater, item, source) for rater, own in raters.items() for item in own},
    }


def _behind(rater: str, item: Item, source: Source) -> dict[str, Any]:
    if item.expected:
        return {"rater": rater, "check": item.expected}
    said = source.students[item.student][item.question]
    return {
        "rater": rater,
        "model": item.student,
        "question": item.question,
        "rationale_length": len(words(said.explanation)),
        "right": said.is_right,
    }


def _questionnaire(
    study: str, rater: str, items: Sequence[Item], source: Source, texts: Texts, demographics: Sequence[str]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "study": study,
        "rater": rater,
        "constructs": list(texts.statements),
        "demographics": {column: texts.demographics[column] for column in demographics},
        "texts": {key: value for key, value in asdict(texts).items() if key not in ("demographics", "check")},
        "items": [_shown(item, source, texts) for item in items],
    }


def _shown(item: Item, source: Source, texts: Texts) -> dict[str, Any]:
    if item.expected:
        return {"code": item.code, "check": texts.check.replace("{label}", texts.scale[item.expected - 1])}
    said = source.students[item.student][item.question]
    return {
        "code": item.code,
        "question": said.question,
        "choices": list(said.choices),
        "answer": said.answer,
        "explanation": said.explanation,
    }
