"""The sections of a run's page, from plain data of which any piece may be missing."""

from collections.abc import Mapping, Sequence

from distillrun.files.yaml_text import yaml_text
from distillrun.records import Json
from distillrun.report.page.block import Code, Page, Paragraph, Section, State, Table
from distillrun.report.run.answers import position_section, prediction_section
from distillrun.report.run.data import data_sections, flattened, pairs
from distillrun.report.run.learning import learning_section
from distillrun.report.run.metric_result import finding_sections, measured_scores, rule_section
from distillrun.report.run.scores import baseline_section, chance_level, headline, majority_level, score_section
from distillrun.report.run.settings import settings_section
from distillrun.report.run.story import story_section
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.text.display import NOTHING, duration, number, shortened, size

STATES: Mapping[str, State] = {"done": "good", "failed": "bad", "interrupted": "bad", "budget spent": "bad"}


def run_page(
    result: Values,
    config: Values,
    metrics: Sequence[Values],
    predictions: Sequence[Values],
    examples: Mapping[str, Values],
    data: Values,
) -> Page:
    """Return the page of one run. `examples` maps an id to the example; the rest is as in `write_report`."""
    scores, findings = mapping(result.get("scores")), mapping(result.get("findings"))
    measured = measured_scores(findings)
    answered = {name: score for name, score in scores.items() if name not in measured}
    chance = chance_level(examples, predictions)
    sections = [
        settings_section(result, config, data),
        score_section(answered, chance, majority_level(examples, predictions)),
        baseline_section(scores, mapping(result.get("baselines"))),
        rule_section(mapping(result.get("rules"))),
        learning_section(metrics, chance),
        prediction_section(predictions, examples),
        position_section(predictions, examples),
        *finding_sections(findings, mapping(result.get("rules")), scores),
        *data_sections(data),
        _facts("Where the questions came from", mapping(result.get("source"))),
        story_section(sequence(result.get("stories"))),
        _facts("The teacher's distributions", mapping(result.get("logits"))),
        _stages(mapping(result.get("stages"))),
        _cost(result),
        _facts("Environment", mapping(result.get("environment"))),
        _config(config),
    ]
    status = str(result.get("status") or "unknown")
    return Page(
        title=str(result.get("name") or "distillrun"),
        status=status,
        state=STATES.get(status, "plain"),
        summary=headline(scores) or "This run has no scores: it ended before its evaluation.",
        sections=[section for section in sections if section is not None],
    )


def _stages(stages: Values) -> Section | None:
    rows = [
        (
            name,
            shortened(str(mapping(stage).get("fingerprint") or NOTHING), 13),
            {True: "reused", False: "made"}.get(mapping(stage).get("cached") is True, NOTHING),
            duration(mapping(stage).get("seconds")),
        )
        for name, stage in stages.items()
    ]
    if not rows:
        return None
    return Section("Stages", [Table(("stage", "fingerprint", "", "wall time"), rows, frozenset({3}))])


def _cost(result: Values) -> Section | None:
    teacher, student, training = (mapping(result.get(key)) for key in ("teacher", "student", "training"))
    special = {
        "student/bytes": lambda: size(student["bytes"]),
        "training/seconds": lambda: duration(training["seconds"]),
        "training/padding": lambda: _padding(training["padding"]),
    }
    rows = []
    for group, values in (("teacher", teacher), ("student", student), ("training", training)):
        for name, value in (flattened("", values) if values else {}).items():
            key = f"{group}/{name}"
            if group == "teacher" and not value:  # nothing was asked, failed or spent of that kind
                continue
            rows.append((key.replace("_", " "), special[key]() if key in special else number(value)))
    return Section("Size and cost", [Table(("", ""), rows, frozenset({1}))]) if rows else None


def _padding(ratio: Json) -> str:
    value = finite(ratio)
    return NOTHING if value is None else f"{value:.3f} padded over real tokens"


def _facts(title: str, values: Values) -> Section | None:
    flat = {key: item for name, value in values.items() for key, item in flattened(name, value).items()}
    return Section(title, [pairs(flat)]) if flat else None


def _config(config: Values) -> Section | None:
    if not config:
        return None
    shown = shortened(yaml_text(config, width=100), longest=100_000).rstrip()
    told = "Every setting of this run, as config.yaml in its folder has it."
    return Section("Config", [Paragraph(told), Code(shown, folded=f"Show the {shown.count(chr(10)) + 1:,} lines")])
