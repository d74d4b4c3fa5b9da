"""The files of a study: a questionnaire for each rater, a table for other survey tools, and the key."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.evaluation.overlap import words
from distillrun.folder import make_folder, write_whole
from distillrun.study.plan import Item, plan
from distillrun.study.source import Source, read_source
from distillrun.study.texts import POINTS, Texts, read_texts

FORMAT = "distillrun study 1"
FOR_RATERS, KEY = "for_raters", "key.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What `distillrun study design` was asked for.

    Attributes:
        runs: as FOLDER or NAME=FOLDER.
        raters, per_rater: how many raters, and explanations for each.
        questions: how many are used; None = so many that every explanation is rated about twice.
        only_right: only questions that every student answered rightly.
        attention_checks: for each rater.
        demographics: the columns that are asked.
        consent: a text file that takes the place of the shipped consent text.
        texts: a YAML file that takes the place of all shipped texts.
        seed: of everything that is drawn.
        out: the folder.
    """

    runs: Sequence[str]
    raters: int
    per_rater: int
    questions: int | None
    only_right: bool
    attention_checks: int
    demographics: Sequence[str]
    consent: Path | None
    texts: Path | None
    seed: int
    out: Path


def design(request: Request) -> str:
    """Write a study into a folder and return what was made, in a sentence.

    Raises:
        ConfigError: something asked for cannot be; nothing is written then.
    """
    texts = _texts(request)
    source = read_source(request.runs)
    shared = source.shared(request.only_right)
    raters = plan(
        list(source.students),
        shared,
        request.raters,
        request.per_rater,
        request.questions,
        request.attention_checks,
        POINTS,
        request.seed,
    )
    if (request.out / KEY).exists():
        raise ConfigError(f"--out {request.out} holds a study already; its answers need its key, so choose another")
    name = sha256(json.dumps([[asdict(item) for item in own] for own in raters]).encode()).hexdigest()[:12]
    make_folder(request.out / FOR_RATERS, "--out")
    template = Path(__file__).with_name("questionnaire.html").read_text(encoding="utf-8")
    for number, items in enumerate(raters, start=1):
        rater = f"R{number:02d}"
        data = _questionnaire(name, rater, items, source, texts, request.demographics)
        # "<" could end the script that holds the data
        written = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
        page = template.replace("__STUDY__", written)
        write_whole(request.out / FOR_RATERS / f"questionnaire_{rater}.html", page)
    write_whole(request.out / FOR_RATERS / "table.csv", _table(raters, source, texts))
    write_whole(request.out / KEY, json.dumps(_key(name, raters, source, texts, request), indent=1, ensure_ascii=False))
    used = {item.question for own in raters for item in own if item.question}
    uneven = len(raters) % len(source.students)
    told = f"{len(raters)} questionnaires, {len(used)} of {len(shared)} questions, {len(source.students)} students"
    if uneven:
        told += f"; {len(raters)} raters are no multiple of {len(source.students)}, so the last square is not whole"
    return told


def _texts(request: Request) -> Texts:
    texts = read_texts(request.texts)
    unknown = [column for column in request.demographics if column not in texts.demographics]
    if unknown:
        raise ConfigError(
            f"--demographics {unknown[0]}: there is no question for it; known: {', '.join(texts.demographics)}"
        )
    if request.consent is None:
        return texts
    try:
        consent = request.consent.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--consent {request.consent} cannot be read ({error})") from error
    if not consent:
        raise ConfigError(f"--consent {request.consent} is empty")
    return Texts(**{**{name: getattr(texts, name) for name in Texts.__dataclass_fields__}, "consent": consent})


def _questionnaire(
    study: str, rater: str, items: Sequence[Item], source: Source, texts: Texts, demographics: Sequence[str]
) -> dict[str, Any]:
    """Return what a questionnaire holds: nothing in it tells whose an explanation is."""
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


def _table(raters: Sequence[Sequence[Item]], source: Source, texts: Texts) -> str:
    """Return the items as an empty table, to be filled in with any other tool."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["rater", "item", "question", "choices", "answer", "explanation", *texts.statements])
    for number, items in enumerate(raters, start=1):
        for item in items:
            shown = _shown(item, source, texts)
            told = [shown.get("question", ""), " | ".join(shown.get("choices", ())), shown.get("answer", "")]
            text = shown.get("explanation", shown.get("check", ""))
            writer.writerow([f"R{number:02d}", item.code, *told, text, *[""] * len(texts.statements)])
    return rows.getvalue()


def _key(
    study: str, raters: Sequence[Sequence[Item]], source: Source, texts: Texts, request: Request
) -> dict[str, Any]:
    """Return who stands behind each item."""
    items = {}
    for number, own in enumerate(raters, start=1):
        for item in own:
            told: dict[str, Any] = {"rater": f"R{number:02d}"}
            if item.expected:
                told |= {"check": item.expected}
            else:
                said = source.students[item.student][item.question]
                told |= {
                    "model": item.student,
                    "question": item.question,
                    "rationale_length": len(words(said.explanation)),
                    "right": said.is_right,
                }
            items[item.code] = told
    return {
        "format": FORMAT,
        "study": study,
        "constructs": list(texts.statements),
        "demographics": list(request.demographics),
        "runs": list(request.runs),
        "seed": request.seed,
        "items": items,
    }
