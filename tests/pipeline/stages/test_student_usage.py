"""The code in a student's card: it runs as it stands, and writes what the student writes here."""

import re
from pathlib import Path

import pytest

from distillrun.interfaces import LanguageModel
from distillrun.pipeline.finished import load_run
from distillrun.pipeline.stages.model_card import model_card
from distillrun.pipeline.stages.student_usage import CHOICES, QUESTION
from distillrun.records import Example
from tests.chat_models import write_chat
from tests.end_to_end.runs import SMALL, composed, run_small

MOST = "training.dev_new_tokens=12"


@pytest.mark.parametrize("student", ["tiny_qwen", "tiny_t5", "qwen2_5", "qwen3"])
def test_the_code_in_a_card_asks_the_student_as_we_do(
    student: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [f"student={student}"]
    if not student.startswith("tiny"):
        folder = write_chat(tmp_path / "chat", student)
        own = ["student=smollm2_135m", f"student.checkpoint={folder}", "student.max_source_tokens=400"]
        own += ["student.max_target_tokens=100", "runtime.device=cpu"]
    words = [*own, "objective=multitask", "until=evaluate", MOST]
    run_small(tmp_path / "run", *words)
    card = (tmp_path / "run" / "student" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(tmp_path / "run" / "student")
    capsys.readouterr()
    exec(compile(code, "card", "exec"), {"__name__": "__main__"})
    shown = capsys.readouterr().out
    trained = load_run(tmp_path / "run").student
    query = trained.objective.query(Example("one", QUESTION, CHOICES, None), trained.task)
    assert query.explain is not None
    assert isinstance(trained.model, LanguageModel)
    expected = trained.model.generate([query.answer, query.explain], 12, 4096)
    assert [line.strip() for line in shown.splitlines() if line.strip()] == [
        line.strip() for text in expected for line in text.splitlines() if line.strip()
    ]
    assert any(expected), "a student that writes nothing shows nothing"
    assert ("apply_chat_template" in code) == (not student.startswith("tiny"))
    config = composed(*SMALL, *words)
    for key in ("question_template", "answer_template"):
        assert str(config.task[key]) in card.replace("\n    ", " ")


def test_a_student_that_writes_nothing_has_no_such_code() -> None:
    card = model_card({"student": {"checkpoint": "x"}}, {}, {"max_steps": 3}, {}, "")
    assert "python" not in card
    assert "distillrun predict" in card
