"""The parser and the reader of answers of servers under atheris, guided by coverage: `guided.py parser -runs=N`."""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(
    include=[
        "distillrun.task.shared.answer_parser",
        "distillrun.teacher.openai_api.answer",
        "distillrun.teacher.openai_api.error",
    ]
):
    from distillrun.task.shared.answer_parser import parsed_choice
    from distillrun.teacher.openai_api.answer import UnreadableError, read_answer
    from distillrun.teacher.openai_api.error import error_status


def parser(content: bytes) -> None:
    given = atheris.FuzzedDataProvider(content)
    choices = [given.ConsumeUnicodeNoSurrogates(12) or "sea" for _ in range(3)]
    parsed_choice(given.ConsumeUnicodeNoSurrogates(200), [(choice,) for choice in choices])


def answers(content: bytes) -> None:
    try:
        error_status(content)
        read_answer(content, "application/json")
    except UnreadableError:
        pass


if __name__ == "__main__":
    target = {"parser": parser, "answers": answers}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
