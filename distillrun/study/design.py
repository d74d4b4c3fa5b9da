"""The design of a study: which rater rates which item, written into a folder whole or not at all."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.folder import make_folder
from distillrun.files.inside import write_whole
from distillrun.study.files import FOR_RATERS, KEY, Raters, empty_table, key_of, questionnaire_page
from distillrun.study.plan import Item, plan
from distillrun.study.source import Source, read_source
from distillrun.study.texts import POINTS, Texts, read_texts


@dataclass(frozen=True, slots=True)
class Request:
    """The request to `distillrun study design`.

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
    """Write a study into a new folder, whole or not at all, and return what was made, in sentences.

    Raises:
        ConfigError: something asked for cannot be; nothing is written then.
    """
    texts = _texts(request)
    source = read_source(request.runs)
    shared = source.shared(request.only_right)
    left_out = _left_out(source)
    if len(shared) < request.per_rater and left_out:
        count = f"only {len(shared)} questions were answered and explained by all students"
        raise ConfigError(f"{count}, too few for --per-rater {request.per_rater}. {left_out}")
    raters = named_raters(
        plan(
            list(source.students),
            shared,
            request.raters,
            request.per_rater,
            request.questions,
            request.attention_checks,
            POINTS,
            request.seed,
        )
    )
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise ConfigError(
            f"--out {request.out} is not empty; a new study would replace the key that its answers need, so "
            "choose a new folder"
        )
    study = sha256(json.dumps({rater: [asdict(one) for one in own] for rater, own in raters.items()}).encode())
    name = study.hexdigest()[:12]
    out = request.out.resolve()
    part = out.with_name(f".{out.name}.part")
    part.unlink() if part.is_symlink() else shutil.rmtree(part, ignore_errors=True)
    make_folder(part / FOR_RATERS, "--out")
    for rater, items in raters.items():
        page = questionnaire_page(name, rater, items, source, texts, request.demographics)
        write_whole(part, f"{FOR_RATERS}/questionnaire_{rater}.html", page)
    write_whole(part, f"{FOR_RATERS}/table.csv", empty_table(raters, source, texts))
    made_of = {"demographics": list(request.demographics), "runs": list(request.runs), "seed": request.seed}
    key = key_of(name, raters, source, texts, made_of)
    write_whole(part, KEY, json.dumps(key, indent=1, ensure_ascii=False) + "\n")
    if out.exists():
        out.rmdir()
    part.replace(out)
    return _summary(raters, source, shared, request)


def named_raters(raters: Sequence[Sequence[Item]]) -> dict[str, Sequence[Item]]:
    """Return the raters' items by their names, R01 and so on, which sort as they are numbered."""
    wide = max(2, len(str(len(raters))))
    return {f"R{number:0{wide}d}": items for number, items in enumerate(raters, start=1)}


def _left_out(source: Source) -> str:
    left_out = ", ".join(f"{name} {count}" for name, count in source.left_out.items() if count)
    return f"Left out, since the rationale is blank or no choice could be read: {left_out}." if left_out else ""


def _summary(raters: Raters, source: Source, shared: Sequence[str], request: Request) -> str:
    """Return what was made, and what its user should know of it."""
    students = len(source.students)
    used = {item.question for own in raters.values() for item in own if item.question}
    told = [f"{len(raters)} questionnaires, {len(used)} of {len(shared)} questions, {students} students."]
    if left_out := _left_out(source):
        told.append(left_out)
    if len(raters) % students:
        told.append(
            f"{len(raters)} raters are not a multiple of {students} students, so the order of the students is not "
            "fully balanced."
        )
    if request.per_rater % students:
        told.append(
            f"--per-rater {request.per_rater} is not a multiple of {students} students, so each rater rates some "
            "students once more than others."
        )
    return "\n".join(told)


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
    return replace(texts, consent=consent)
