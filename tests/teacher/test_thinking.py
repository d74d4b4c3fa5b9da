"""Thinking never becomes a rationale, whatever server or engine it comes from, and whatever stop texts there are."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.journal.client import TeacherClient
from distillrun.language_model.stopping import Stops
from distillrun.records import Completion, Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.local_checkpoint.vllm_engine import completion_of
from tests.asking import Told, Unlimited, context
from tests.drawing import SAMPLING, api, draws
from tests.journal.test_client import journal_file, prompt
from tests.leaves import EXAMPLE, made
from tests.loopback import Answer, Loopback, Seen, written
from tests.tiny_checkpoints import write_llama

THOUGHT = "Okay, let me see.\n\nA shop sells books, a library lends them."
SAID = "A library lends books."


def answer_of(seen: Seen, raw: str) -> dict[str, Any]:
    """Return a chat completion of a raw text, which ends at the first stop text as on most servers."""
    places = [place for stop in seen.body.get("stop", ()) if (place := raw.find(stop)) >= 0]
    return written(raw[: min(places, default=len(raw))], "stop")


def asked(tmp_path: Path, answering: Callable[[Seen], Any], **changes: Any) -> tuple[list[Completion], list[Seen], str]:
    """Return what a step is handed for three draws, what was sent, and the journal."""
    with Loopback(lambda seen: Answer(answering(seen))) as server:
        teacher = api(server, concurrency=1, **changes)
        line = TeacherClient(tmp_path, "step", teacher)
        rows = {index: row for index, row, _ in line.complete(draws(3), SAMPLING, lambda: False)}
        teacher.release()
        again = {
            index: row for index, row, _ in TeacherClient(tmp_path, "step", teacher).complete(draws(3), SAMPLING, bool)
        }
    assert again == rows  # from the journal
    return [rows[index] for index in range(3)], server.asked, journal_file(tmp_path).read_text()


FORMS: dict[str, Callable[[Seen], Any]] = {
    "in the text": lambda seen: answer_of(seen, f"<think>\n{THOUGHT}\n</think>\n\n{SAID}\n\nNext"),
    "empty": lambda seen: answer_of(seen, f"<think>\n\n</think>\n\n{SAID}"),
    "of another family": lambda seen: answer_of(seen, f"[THINK]{THOUGHT}[/THINK]{SAID}"),
    "apart": lambda seen: with_message(seen, {"content": f"{SAID}", "reasoning_content": THOUGHT}),
    "apart, by another name": lambda seen: with_message(seen, {"content": f"\n\n{SAID}", "reasoning": THOUGHT}),
    "in parts": lambda seen: with_message(
        seen,
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": SAID},
            ]
        },
    ),
}


def with_message(seen: Seen, message: dict[str, Any], finish: str = "stop", **usage: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", **message}, "finish_reason": finish}
    return written("", choices=[choice], usage={"prompt_tokens": 20, "completion_tokens": 40, **usage})


@pytest.mark.parametrize("form", FORMS)
def test_a_step_is_handed_what_was_said_and_the_journal_keeps_the_rest(tmp_path: Path, form: str) -> None:
    rows, _, journal = asked(tmp_path, FORMS[form])
    assert [(row.text.strip(), row.reason, row.finish_reason) for row in rows] == [(SAID, "", "stop")] * 3
    assert ("a library lends them" in journal) == (form != "empty")


def test_a_server_that_stops_in_the_middle_of_thinking_is_told_of_no_stop_texts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows, seen, _ = asked(tmp_path, FORMS["in the text"])
    assert [row.text for row in rows] == [SAID] * 3
    assert ["stop" in one.body for one in seen] == [True, False, False, False]
    assert caplog.text.count("applies stop texts to what the model thinks") == 1


def test_one_that_sends_its_thinking_apart_is_told_of_none_either(tmp_path: Path) -> None:
    def answer(seen: Seen) -> Any:
        if "stop" in seen.body:
            return with_message(seen, {"content": None, "reasoning_content": "Okay, let me see."})
        return with_message(seen, {"content": f"{SAID}\n\nNext", "reasoning_content": THOUGHT})

    rows, seen, _ = asked(tmp_path, answer)
    assert [row.text for row in rows] == [SAID] * 3
    assert ["stop" in one.body for one in seen] == [True, False, False, False]


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"content": f"<think>\n{THOUGHT}"}, {}),
        ({"content": None, "reasoning_content": THOUGHT}, {}),
        ({"content": "", "reasoning": THOUGHT}, {}),
        ({"content": ""}, {"completion_tokens_details": {"reasoning_tokens": 40}}),
        ({"content": None}, {"completion_tokens_details": {"reasoning_tokens": 40}}),
    ],
)
def test_where_all_tokens_went_into_thinking_that_is_said_with_the_settings_that_help(
    tmp_path: Path, message: dict[str, Any], usage: dict[str, Any]
) -> None:
    rows, _, _ = asked(tmp_path, lambda seen: with_message(seen, message, "length", **usage))
    assert {(row.text, row.reason) for row in rows} == {("", "still thinking when its tokens ran out")}
    with Loopback(lambda seen: Answer(with_message(seen, message, "length", **usage))) as server:
        asking = context(tmp_path, api(server), made("task", "everyday"))
        with pytest.raises(ConfigError) as raised:
            list(asking.complete([prompt(0)], SAMPLING))
    told = str(raised.value)
    assert "1 still thinking when its tokens ran out" in told
    assert "sampling.max_new_tokens" in told
    assert "teacher.extra_body={chat_template_kwargs: {enable_thinking: false}}" in told
    words = told.split("teacher.extra_body=")[1]
    for form in ("{chat_template_kwargs: {enable_thinking: false}}", "{reasoning_effort: minimal}"):
        assert form in words
    assert made("teacher", "api", extra_body={"chat_template_kwargs": {"enable_thinking": False}}) is not None


def test_rows_that_an_earlier_version_cut_in_the_middle_of_thinking_are_asked_again(tmp_path: Path) -> None:
    stopping = Sampling(10, 0.0, 1.0, 1, ("\n\n",))
    draw = Draw(prompt(0), 0, 5)
    old = TeacherClient(tmp_path, "step", Told(SAID))
    list(old.complete([Draw(prompt(1), 0, 5)], stopping, lambda: False))
    old.journal.add_completion(draw, stopping, Completion("<think>", "stop", 3, 2))
    again = Told(f"<think>Hm.</think>{SAID}")
    line = TeacherClient(tmp_path, "step", again)
    rows = list(line.complete([draw, Draw(prompt(1), 0, 5)], stopping, lambda: False))
    assert [(row.text, is_new) for _, row, is_new in rows] == [(SAID, False), (SAID, True)]
    assert len(again.draws) == 1
    hopeless = Told("<think>Hm")  # ends by itself while it thinks: that is an answer, and is not asked for again
    for _ in range(2):
        other = TeacherClient(tmp_path / "other", "step", hopeless)
        ((_, row, _),) = other.complete([draw], stopping, lambda: False)
        assert (row.text, row.reason) == ("", "ended while it was thinking")
    assert len(hopeless.draws) == 1


def test_nothing_is_drawn_to_its_end_where_not_one_text_can_be_used(tmp_path: Path) -> None:
    teacher = Told("<think>Hm")
    asking = context(tmp_path, teacher, made("task", "everyday"), attempts=3)
    with pytest.raises(ConfigError, match="50 of 50 completions cannot be used"):
        list(asking.complete([prompt(number) for number in range(200)], Sampling(10, 0.7, 1.0, 1, ())))
    rows = [json.loads(line) for line in journal_file(tmp_path).read_text().splitlines()]
    assert len(rows) == 50


def write_thinker(folder: Path, template_end: str) -> Path:
    """Write a tiny checkpoint whose chat template ends a prompt so."""
    path = write_llama(folder)
    file = Path(path) / "tokenizer_config.json"
    config = json.loads(file.read_text())
    config["chat_template"] = "{% for m in messages %}{{ m.content }}\n{% endfor %}" + template_end
    file.write_text(json.dumps(config))
    (Path(path) / "chat_template.jinja").unlink(missing_ok=True)
    return Path(path)


def test_a_local_chat_that_begins_in_the_middle_of_thinking_says_nothing_until_it_ends(tmp_path: Path) -> None:
    folder = write_thinker(tmp_path / "a", "<think>\n")
    teacher = made("teacher", "local", checkpoint=str(folder), device="cpu")
    draw = Draw(Prompt((Message("user", "What?"),), Request("rationale", EXAMPLE, 1)), 0, 5)
    ((_, row),) = teacher.complete([draw], Sampling(6, 0.0, 1.0, 1, ("e", "a", " ", "\n")), Unlimited())
    assert row.text.startswith("<think>")
    assert row.completion_tokens == 6  # no stop text ended its thinking
    assert teacher.identity()["opening"] == "<think>"
    closed = made("teacher", "local", checkpoint=str(write_thinker(tmp_path / "b", "<think></think>")), device="cpu")
    ((_, row),) = closed.complete([draw], Sampling(6, 0.0, 1.0, 1, ()), Unlimited())
    assert not row.text.startswith("<think>")
    assert "opening" not in closed.identity()
    never = made("teacher", "local", checkpoint=str(folder), device="cpu", chat="never")
    assert "opening" not in never.identity()


class Letters:
    """A tokenizer of single characters, with a tag of thinking among its special tokens."""

    all_special_ids = (200, 201)
    all_special_tokens = ("[THINK]", "[/THINK]")

    def __len__(self) -> int:
        return 128

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, ids: list[int], **settings: Any) -> str:
        return "".join(chr(token) for token in ids if token < 128)

    def batch_decode(self, rows: list[list[int]], **settings: Any) -> list[str]:
        return [self.decode(row) for row in rows]


def test_stop_texts_end_no_thinking_and_special_tags_are_seen() -> None:
    stops = Stops(Letters(), frozenset({0}), ("\n\n",))  # type: ignore[arg-type]
    ids = [200, *map(ord, "a\n\nb"), 201, *map(ord, "\n\nYes.\n\n")]
    ended = next((made, count) for count in range(1, len(ids) + 1) if (made := stops.finished(ids[:count], 99)))
    assert ended[1] == len(ids)
    assert ended[0].text == "[THINK]a\n\nb[/THINK]\n\nYes."


def test_vllm_is_told_of_no_stop_texts_once_they_end_thinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = f"<think>\n{THOUGHT}\n</think>\n\n{SAID}\n\nNext"
    stops: list[list[str]] = []

    class Engine:
        def __init__(self, **settings: Any) -> None:
            self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=128))

        def generate(self, prompts: list[Any], parameters: list[Any], use_tqdm: bool) -> list[Any]:
            outputs = []
            for one in parameters:
                stops.append(one.stop)
                cut = min([raw.find(stop) for stop in one.stop], default=len(raw))
                output = SimpleNamespace(
                    text=raw[:cut], token_ids=[0] * 9, finish_reason="stop", cumulative_logprob=-1.0
                )
                outputs.append(SimpleNamespace(outputs=[output]))
            return outputs

    module: Any = ModuleType("vllm")
    module.LLM, module.SamplingParams = Engine, lambda **settings: SimpleNamespace(**settings)
    module.__spec__ = SimpleNamespace(name="vllm")
    monkeypatch.setitem(sys.modules, "vllm", module)
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path), draws_per_call=2)
    line = TeacherClient(tmp_path, "step", teacher)
    rows = [row for _, row, _ in line.complete([Draw(prompt(n), 0, 5) for n in range(4)], SAMPLING, lambda: False)]
    assert [(row.text, row.reason, row.finish_reason) for row in rows] == [(SAID, "", "stop")] * 4
    assert [bool(stop) for stop in stops] == [True, True, False, False, False, False]


def test_what_vllm_wrote_past_a_stop_text_is_cut_and_counted() -> None:
    output = SimpleNamespace(text="Yes.\n\nNo.", token_ids=[0] * 9, finish_reason="length", cumulative_logprob=-1.0)
    row = completion_of(output, 3, "m", "", ("\n\n",))
    assert (row.text, row.finish_reason, row.completion_tokens, row.discarded_tokens) == ("Yes.", "stop", 9, 3)
