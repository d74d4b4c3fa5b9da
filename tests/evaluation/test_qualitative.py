"""Questions sorted into kinds."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.evaluation.qualitative import CategoryTexts, Qualitative
from distillrun.evaluation.shared.category_assignment import assigned
from distillrun.records import Draw, Example, MetricResult, Prediction, Sampling
from tests.answered import answered
from tests.asking import Told, context
from tests.leaves import leaf, made

KINDS = ("place", "use", "place", "use", "use", "place")
EXAMPLES = [Example(f"q{n}", f"{kind} question {n}?", ("yes", "no"), 0) for n, kind in enumerate(KINDS)]
JUDGED = MetricResult(rows=tuple({"example_id": f"q{n}", "judge": "a", "quality": n % 2 + 1} for n in range(6)))


def test_the_assignment_is_the_best_within_the_quotas() -> None:
    affinities = [[5, 4], [5, 1], [5, 2], [1, 5]]  # all but one prefer the first; quotas 16/28 and 12/28 of 4
    found = assigned(affinities, per_question=1, slack=0.0)
    sizes = Counter(place for own in found for place in own)
    assert sizes[0] in (2, 3)
    # by trying all: 2.29 and 1.71 questions are rounded outwards to 2 to 3, and 1 to 2
    best = max(
        sum(affinities[n][place] for n, place in enumerate(choice))
        for choice in product((0, 1), repeat=4)
        if choice.count(0) in (2, 3)
    )
    assert sum(affinities[n][own[0]] for n, own in enumerate(found)) == best == 20


def test_no_category_takes_all() -> None:
    found = assigned([[5, 4]] * 10, per_question=1, slack=0.1)
    sizes = Counter(own[0] for own in found)
    assert sizes == {0: 6, 1: 4} or sizes == {0: 7, 1: 3}


def test_questions_may_have_two_categories_and_never_more_than_there_are() -> None:
    assert all(len(own) == 2 for own in assigned([[1, 5, 4], [5, 1, 4], [3, 3, 3]], per_question=2, slack=1.0))
    with pytest.raises(ConfigError, match="per_question=3 is more than the 2 categories"):
        assigned([[1, 2]], per_question=3, slack=0.5)


def reply(draw: Draw) -> str:
    request = draw.prompt.request
    if request.ask == "categories":
        return 'They are: ["Place", "use", "colour"]' if "q" in request.example.id else "[]"
    return json.dumps({name: 5 if name in request.example.question else 1 for name in request.names})


def qualitative(judge: Told, **changes: Any) -> Qualitative:
    settings = leaf("evaluation", "qualitative", **{"categories": 2, "chunk": 2, "slack": 0.5, **changes})
    for name in ("_target_", "defaults"):
        settings.pop(name, None)
    sampling = Sampling(20, 0.0, 1.0, 1, ())
    texts = CategoryTexts(**leaf("text", "categories"))
    return Qualitative(**{**settings, "texts": texts, "judges": {"one": judge}, "sampling": sampling})


def test_the_accuracies_of_the_kinds_recombine_to_the_whole(tmp_path: Path) -> None:
    predictions = [Prediction(example.id, "", "", 0 if "place" in example.question else 1) for example in EXAMPLES]
    judge = Told(reply)
    known = answered(
        examples=EXAMPLES,
        predictions=predictions,
        judging=context(tmp_path, judge, made("task", "everyday"), max_failed_share=1.0),
        findings={"judge": JUDGED},
    )
    found = qualitative(judge, ratings="judge").measure(known)
    (table,) = found.tables
    rows = {row[0]: row for row in table.rows}
    assert set(rows) == {"place", "use"}
    assert rows["place"][1:3] == (3, 1.0)
    assert rows["use"][1:3] == (3, 0.0)
    assert rows["place"][5] == pytest.approx((1 + 1 + 2) / 3)  # q0, q2 and q5
    assert sum(int(str(row[1])) * float(str(row[2])) for row in table.rows) == 3
    assert found.rows[0]["categories"] == ["place"]


def test_a_judge_that_names_nothing_or_rates_nothing_is_reported(tmp_path: Path) -> None:
    task = made("task", "everyday")
    predictions = [Prediction(example.id, "", "", 0) for example in EXAMPLES]
    mute = Told("I cannot say.")
    own = context(tmp_path, mute, task, max_failed_share=1.0)
    known = answered(examples=EXAMPLES, predictions=predictions, judging=own)
    assert "named 0 categories" in qualitative(mute).measure(known).note
    found = qualitative(mute, given=["place", "use"]).measure(known)
    assert found.scores[0].value == 1
    assert "no number" in found.note
