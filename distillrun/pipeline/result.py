"""The result of a run as JSON: what stands in `result.json`, and what pages are made from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from distillrun.artifacts import Artifact
from distillrun.files.json import read_json
from distillrun.journal.usage import Usage
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.stages.generate import COUNTS, usage_of
from distillrun.pipeline.stages.stored_logits import summary_of
from distillrun.records import Json, Score
from distillrun.report.data_card import Step, data_card, stories


def result_of(outcome: Outcome) -> dict[str, Json]:
    """Return everything about the run in one JSON object."""
    return {
        "status": outcome.status,
        **({"error": outcome.error} if outcome.error else {}),
        "name": outcome.config.name,
        "command": list(outcome.command),
        "selected": dict(outcome.config.selected),
        **({"took_part": outcome.took_part} if outcome.took_part else {}),
        "scores": _nameless(outcome.all_scores()),
        "baselines": {who: _nameless(scores) for who, scores in outcome.baselines.items()},
        "stages": {
            name: {
                "fingerprint": made.fingerprint,
                "cached": made.cached,
                "seconds": round(made.seconds, 3),
                "made_in_s": round(made.made_in_s, 3),
            }
            for name, made in outcome.stages.items()
        },
        "teacher": _teacher(outcome),
        **({"logits": summary_of(outcome.stages["read_logits"])} if "read_logits" in outcome.stages else {}),
        **_training(outcome),
        "rules": dict(outcome.rules),
        **({"findings": _findings(outcome)} if outcome.findings else {}),
        "source": outcome.source,
        "data": _data(outcome),
        "stories": list(stories(outcome.taught or outcome.examples["train"], outcome.records)),
        "environment": outcome.environment,
    }


def _teacher(outcome: Outcome) -> dict[str, Json]:
    """Return what the teacher's data took, and what of it was asked in this run rather than found."""
    spent = [usage_of(stage) for name, stage in outcome.stages.items() if name.startswith("generate/")]
    failures: Counter[str] = Counter()
    for usage in spent:
        reasons = usage["failures"]
        failures.update(
            {reason: count for reason, count in reasons.items() if isinstance(count, int)}
            if isinstance(reasons, dict)
            else {}
        )
    return {
        **_summed(spent),
        "failures": dict(failures),
        "asked_now": _summed(usage.as_json() for usage in outcome.asked.values()),
        "ever": outcome.ledgers,
    }


def _findings(outcome: Outcome) -> dict[str, Json]:
    """Return the tables and curves of every measure, and the names of its scores; its rows stand in a file."""
    return {
        name: {
            "scores": [f"test/{score.name}" for score in found.scores],
            "note": found.note,
            "tables": [asdict(one) for one in found.tables],
            "curves": [asdict(one) for one in found.curves],
        }
        for name, found in outcome.findings.items()
    }


def _data(outcome: Outcome) -> dict[str, Json]:
    """Return the data card."""
    steps = {
        name.removeprefix("generate/"): _step(outcome, name.removeprefix("generate/"), made)
        for name, made in outcome.stages.items()
        if name.startswith("generate/")
    }
    near = {} if outcome.overlap is None else outcome.overlap.near_counts()
    known, noise = outcome.known_answers(), outcome.label_noise()
    cut = {split: own.as_json() for split, own in outcome.cut.items()}
    return data_card(known, outcome.records, outcome.left_out, steps, near, noise, cut)


def _step(outcome: Outcome, name: str, made: Artifact) -> Step:
    counts, asked = made.folder / COUNTS, outcome.asked.get(name, Usage())
    found = read_json(counts) if counts.exists() else {}
    tags = [str(tag) for tag in outcome.config.generation.steps[name].get("tags", [])]
    return Step(tags, usage_of(made), asked.as_json(), found, made.cached)


def _training(outcome: Outcome) -> dict[str, Json]:
    """Return the size of the student and the course of its training, once it is trained."""
    if "train" not in outcome.stages:
        return {}
    folder = outcome.stages["train"].folder
    noted = read_json(folder / "training.json")
    return {
        "student": {
            "parameters": noted["parameters"],
            "trained_parameters": noted["trained_parameters"],
            "bytes": sum(file.stat().st_size for file in (folder / "student").glob("*.safetensors")),
        },
        "training": {
            "steps": noted["step"],
            "best_step": noted["best_step"],
            "target_tokens": noted["target_tokens"],
            "padding": _ratio(noted["padded_tokens"], noted["real_tokens"]),
            "seconds": noted["seconds"],
            **({"sampling_share": share} if (share := _ratio(noted["sampling_seconds"], noted["seconds"])) else {}),
        },
    }


def _nameless(scores: Mapping[str, Score]) -> dict[str, Json]:
    return {
        name: {key: value for key, value in asdict(score).items() if key != "name"} for name, score in scores.items()
    }


def _ratio(part: Json, whole: Json) -> float | None:
    if isinstance(part, int | float) and isinstance(whole, int | float) and whole:
        return round(part / whole, 4)
    return None


def _summed(usages: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    found = list(usages)
    return {
        key: round(sum(count for usage in found if isinstance(count := usage[key], int | float)), 6)
        for key in Usage().as_json()
    }
