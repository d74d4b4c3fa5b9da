"""The accuracy of the teacher where the answer was not given to it: its answers, judgements and log-probs."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from distillrun.records import Example, Json, TeacherRecord, choice_shares, is_right, likeliest_choice
from distillrun.report.data_card.rationales import Row
from distillrun.statistics.interval import wilson

BINS = 5
"""Bars of the agreement histogram."""


def own_answers(records: Sequence[TeacherRecord], by_id: Mapping[str, Example]) -> dict[str, Json]:
    """Return how often the teacher itself is right, and how far its samples agree; empty where it was not asked.

    Accuracy is of the answers that were understood, on questions whose right answer is known.
    """
    told = [record for record in records if record.answer is not None]
    if not told:
        return {}
    agreements = [record.agreement for record in told if record.agreement is not None]
    means: dict[str, Json] = {"mean agreement": round(math.fsum(agreements) / len(agreements), 4)} if agreements else {}
    known = [(by_id[record.example_id], record.answer) for record in told]
    right = [is_right(example, answer) for example, answer in known if example.answer is not None]
    return {"answered": len(told), "without an answer": len(records) - len(told), **accuracy(right), **means}


def agreement_histogram(records: Sequence[TeacherRecord]) -> dict[str, Json]:
    """Return how many questions have which agreement among the teacher's answers, by ranges of (0, 1]."""
    found = [record.agreement for record in records if record.agreement is not None]
    bins = Counter(min(BINS, math.ceil(round(BINS * value, 6))) for value in found)
    return {f"{(place - 1) / BINS:g}-{place / BINS:g}": bins[place] for place in range(1, BINS + 1)} if found else {}


def choice_scores(records: Sequence[TeacherRecord], by_id: Mapping[str, Example]) -> dict[str, Json]:
    """Return how often the likeliest choice is right, and how undecided the teacher is, in nats."""
    scored = [(by_id[record.example_id], record.choice_log_probs) for record in records if record.choice_log_probs]
    if not scored:
        return {}
    known = [(example, values) for example, values in scored if example.answer is not None]
    right = [is_right(example, likeliest_choice(example, values)) for example, values in known]
    answers = [choice_shares(example, values).values() for example, values in scored]
    entropies = [-math.fsum(share * math.log(share) for share in shares if share) for shares in answers]
    even = math.fsum(math.log(len(shares)) for shares in answers) / len(scored)
    return {
        "scored": len(scored),
        **accuracy(right),
        "mean entropy (nats)": round(math.fsum(entropies) / len(entropies), 4),
        "entropy of a guess (nats)": round(even, 4),
    }


def verdicts(rows: Sequence[Row]) -> dict[str, Json]:
    """Return, for each verdict of the teacher on its own rationales, how many of them are right and wrong.

    Rationales of examples whose answer is not known, and those without a verdict, are left out.
    """
    table: dict[str, Json] = {}
    for verdict in ("right", "wrong", "uncertain"):
        judged = [row for row in rows if row.rationale.verdict == verdict and row.example.answer is not None]
        right = sum(is_right(row.example, row.rationale.supports) for row in judged)
        if judged:
            table[f"judged {verdict}"] = {"argue for the right choice": right, "for a wrong one": len(judged) - right}
    return table


def accuracy(right: Sequence[bool]) -> dict[str, Json]:
    """Return a share with its n and its 95 % Wilson interval; empty without any."""
    if not right:
        return {}
    low, high = wilson(sum(right), len(right))
    return {
        "accuracy": round(sum(right) / len(right), 4),
        "accuracy, 95 % interval": [round(low, 4), round(high, 4)],
        "accuracy, n": len(right),
    }
