"""Free answers that a judge grades, in a run whose judge is a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.planning.making import make_plan
from tests.end_to_end.runs import experiment, run_small
from tests.loopback import Answer, Loopback, Seen, written

ROWS = 20


def strict(seen: Seen) -> Answer:
    """Hold no answer for right but every second, and one time in five say nothing that can be read."""
    number = int(seen.body["messages"][1]["content"].split()[1])
    if number % 5 == 4:
        return Answer(written("That depends."))
    return Answer(written(json.dumps({"right": number % 2})))


def test_verdicts_are_asked_planned_compared_with_the_rule_and_kept(tmp_path: Path) -> None:
    rows = [{"question": f"Add {n} to {n}.", "answer": str(2 * n)} for n in range(ROWS)]
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Loopback(strict) as server:
        judge = "evaluation.judged_answer.judges.first"
        words = (
            *("task=free_form", "scorer@task.scorer=numeric", f"task.folder={tmp_path}", "task.dev_share=0.2"),
            *("objective=label_only", "student=tiny_t5"),
            *("evaluation=[generated_answer,judged_answer]", f"teacher@{judge}=api", f"{judge}.model=m"),
            *(
                f"{judge}.base_url={server.url}",
                f"{judge}.api_key_env=null",
                "evaluation.generated_answer.explain=false",
            ),
        )
        planned = {one.name: one.forecast for one in make_plan(experiment(tmp_path / "s", *words)).stages}
        foreseen = planned["evaluate/judged_answer"]
        assert foreseen is not None
        result: Any = run_small(tmp_path / "run", *words, store=tmp_path / "store")
        asked = len(server.asked)
        run_small(tmp_path / "again", *words, store=tmp_path / "store")
        assert len(server.asked) == asked
    scores = {name: score["value"] for name, score in result["scores"].items() if "judged_answer" in name}
    kept = (tmp_path / "run/measures/judged_answer.jsonl").read_text().splitlines()
    verdicts = [json.loads(line)["first"] for line in kept]
    shown, unread = len(verdicts), verdicts.count(None)
    assert foreseen.expected.requests == ROWS
    assert asked == shown + unread  # what cannot be read is asked once more
    assert scores["test/judged_answer/unjudged"] == pytest.approx(unread / ROWS)
    assert scores["test/judged_answer/accuracy"] == pytest.approx(verdicts.count(True) / (ROWS - unread))
    assert "test/judged_answer/agreement" in scores


def test_a_scripted_judge_is_refused_where_it_knows_nothing(tmp_path: Path) -> None:
    rows = "".join(f'{{"question": "{n} + 0?", "answer": "{n}"}}\n' for n in range(9))
    (tmp_path / "train.jsonl").write_text(rows, encoding="utf-8")
    words = ("task=free_form", f"task.folder={tmp_path}", "task.files.test=null", "task.test_share=0.4")
    with pytest.raises(ConfigError, match=r"judges\.first: teacher=scripted knows the facts"):
        experiment(tmp_path / "s", *words, "evaluation=[generated_answer,judged_answer]", "objective=label_only")
