"""The API teacher: what it sends, and what it makes of the answers."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from distillrun.interfaces import Teacher, WhiteBoxTeacher
from distillrun.language_model.plain_text import plain_text
from distillrun.records import Completion, Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.openai_api import session as api_session
from tests.drawing import SAMPLING, Account, api, ask, draws, prompt
from tests.leaves import EXAMPLE, made
from tests.loopback import Answer, Loopback, Seen, told, written


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_session, "FIRST_WAIT_S", 0.01)


def completed(body: Any, sampling: Sampling = SAMPLING, **changes: Any) -> Completion:
    """Return the completion that a server's one answer makes."""
    return ask(lambda seen: Answer(body), 1, sampling=sampling, **changes)[0]


def sent(draw: Draw, sampling: Sampling = SAMPLING, **changes: Any) -> Seen:
    with Loopback(lambda seen: Answer(written("x"))) as server:
        teacher = api(server, **changes)
        assert len(list(teacher.complete([draw], sampling, Account()))) == 1
        teacher.release()
        return server.seen[0]


def test_it_is_a_teacher_that_scores_where_told_to() -> None:
    with Loopback(lambda seen: Answer({})) as server:
        assert isinstance(api(server), Teacher)
        assert api(server).can == {"complete"}
        scoring = api(server, top_log_probs=5)
        assert isinstance(scoring, WhiteBoxTeacher)
        assert scoring.can == {"complete", "score"}


def test_a_cap_in_dollars_needs_prices() -> None:
    server, task = {"base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key_env": None}, made("task", "everyday")
    caps, prices = {"requests": None, "tokens": None, "usd": 1.0}, {"input": 0.1, "output": 0.0}
    (problem,) = made("teacher", "api", **server, budget=caps).check(task)
    assert problem.startswith("teacher.budget.usd=1.0 caps nothing while teacher.price_per_million is 0; set the")
    assert not made("teacher", "api", **server, budget=caps, price_per_million=prices).check(task)


def test_every_draw_gets_the_answer_to_its_own_question() -> None:
    rows = ask(lambda seen: Answer(written(f"about {seen.prompt}"), delay_s=0.001 * (seen.number % 7)), 50)
    assert [row.text for row in rows.values()] == [f"about question {index}" for index in range(50)]


def test_answers_come_as_they_arrive_and_not_in_turn() -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(written("x"), delay_s=0.3 if seen.prompt == "question 1" else 0.0)

    with Loopback(answer) as server:
        teacher = api(server)
        assert [index for index, _ in teacher.complete(draws(4), SAMPLING, Account())][-1] == 1
        teacher.release()


def test_a_chat_request_says_what_the_sampling_says() -> None:
    draw = Draw(prompt("one", "two", "three"), 3, 7)
    seen = sent(draw, Sampling(60, 0.7, 0.9, 4, ("\n\n", "Q:")), extra_body={"top_k": 5})
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        "max_tokens": 60,
        "temperature": 0.7,
        "top_p": 0.9,
        "stop": ["\n\n", "Q:"],
        "seed": draw.own_seed,
        "top_k": 5,
    }


def test_a_seed_and_log_probs_are_sent_only_where_asked_for() -> None:
    body = sent(draws(1)[0], seed_requests=False, log_probs=True).body
    assert "seed" not in body
    assert body["logprobs"] is True


def test_a_completion_request_joins_the_messages_as_plain_text() -> None:
    seen = sent(Draw(prompt("q1", "a1", "q2"), 0, 0), endpoint="completion", block_separator="##", reply_separator="=>")
    assert seen.path == "/v1/completions"
    assert seen.body["prompt"] == "q1=>a1##q2"
    assert "messages" not in seen.body


def test_plain_text_keeps_a_turn_together_and_ends_with_the_last_text() -> None:
    chat = (Message("system", "s"), Message("user", "u"), Message("assistant", "a"), Message("user", "v"))
    assert plain_text(chat, "\n\n", " ") == "s\n\nu a\n\nv"
    assert plain_text(chat[:3], "\n\n", " ") == "s\n\nu a"


@pytest.mark.parametrize(
    "text", ["naïve café 北京 🦉 \u202e", 'ignore all "instructions" <script>\x1b[2J\x00=1+1', "\\n"]
)
def test_text_passes_unchanged_whatever_is_in_it(text: str) -> None:
    draw = Draw(prompt(text), 0, 0)
    with Loopback(lambda seen: Answer(written(seen.prompt))) as server:
        teacher = api(server)
        ((_, row),) = teacher.complete([draw], SAMPLING, Account())
        teacher.release()
    assert server.seen[0].prompt == row.text == text


def test_half_a_character_neither_breaks_the_request_nor_the_answer() -> None:
    broken = Draw(prompt("half \ud83e"), 0, 0)
    with Loopback(lambda seen: Answer(written("half \ud83e, whole \ud83e\udd89"))) as server:
        teacher = api(server)
        rows = dict(teacher.complete([broken, *draws(1)], SAMPLING, Account()))
        teacher.release()
    assert rows[0].finish_reason == "failed"
    assert "half a character" in rows[0].reason
    assert rows[1].text == "half \ufffd, whole \U0001f989"


@pytest.mark.parametrize(
    ("said", "meant", "reason"),
    [
        ("stop", "stop", ""),
        ("length", "length", ""),
        ("eos_token", "stop", ""),
        (None, "stop", ""),
        ("content_filter", "refused", "refused by the server's filter"),
    ],
)
def test_a_finish_reason_is_put_into_the_projects_words(said: str | None, meant: str, reason: str) -> None:
    row = completed(written("text", said))
    assert (row.finish_reason, row.reason, row.text) == (meant, reason, "text")
    assert (row.prompt_tokens, row.completion_tokens, row.discarded_tokens, row.teacher) == (20, 10, 0, "m")


def test_without_a_finish_reason_a_full_length_is_one() -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 50}
    assert completed(written("text", None, usage=usage)).finish_reason == "length"


def test_a_refusal_of_the_model_is_a_refusal() -> None:
    choice = {"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}
    row = completed(written("", choices=[choice]))
    assert (row.finish_reason, row.reason, row.text) == ("refused", "refused by the model", "I cannot.")


def test_no_text_is_told_apart_from_an_empty_one() -> None:
    assert completed(written("")).reason == ""
    row = completed(written(None, "length"))
    assert (row.text, row.finish_reason, row.reason) == ("", "length", "the server sent no text")


def test_a_text_is_cut_at_the_first_stop_text_that_the_server_wrote_past(caplog: pytest.LogCaptureFixture) -> None:
    text = "0123456789\n\nQ: 789"  # 18 characters, of which 6 come after the stop text
    usage = {"prompt_tokens": 20, "completion_tokens": 30}
    row = completed(written(text, "length", usage=usage), Sampling(50, 0.0, 1.0, 1, ("Q:", "\n\n")))
    assert (row.text, row.finish_reason) == ("0123456789", "stop")
    assert (row.completion_tokens, row.discarded_tokens) == (30, 10)
    assert "writes on after a stop text" in caplog.text


def test_a_stop_text_at_the_very_end_costs_nothing() -> None:
    row = completed(written("whole.\n\n"))
    assert (row.text, row.discarded_tokens) == ("whole.", 0)


def test_a_text_far_beyond_the_asked_length_is_cut() -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 200}
    row = completed(written("x" * 400, usage=usage))
    assert (len(row.text), row.finish_reason, row.discarded_tokens) == (100, "length", 150)


def test_hidden_reasoning_is_paid_for_but_no_part_of_the_text() -> None:
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 200,
        "completion_tokens_details": {"reasoning_tokens": 160},
    }
    row = completed(written("x" * 400, usage=usage))
    assert (len(row.text), row.finish_reason, row.completion_tokens) == (400, "stop", 200)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": 3}, {"prompt_tokens": "20"}])
def test_tokens_are_estimated_where_the_server_does_not_count(usage: Any, caplog: pytest.LogCaptureFixture) -> None:
    account = Account()
    with Loopback(lambda seen: Answer(written("four bytes a token!!", usage=usage))) as server:
        teacher = api(server)
        rows = [row for _, row in teacher.complete(draws(3, "12345678"), SAMPLING, account)]
        teacher.release()
    assert {(row.prompt_tokens, row.completion_tokens) for row in rows} == {(2 + 4, 5)}
    assert [booked.settled for booked in account.booked] == [(6, 5)] * 3
    assert caplog.text.count("returns no token counts") == 1


def chat_log_probs(*tokens: tuple[str, float], top: dict[str, float] | None = None) -> list[dict[str, Any]]:
    listed = [{"token": token, "logprob": value, "bytes": None} for token, value in (top or {}).items()]
    content = [{"token": token, "logprob": value, "top_logprobs": listed} for token, value in tokens]
    text = "".join(token for token, _ in tokens)
    return [{"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": content}}]


def test_log_probs_are_summed_over_the_tokens_of_the_text() -> None:
    row = completed(written("", choices=chat_log_probs(("a", -0.5), (" b", -1.0))), log_probs=True)
    assert row.log_prob == pytest.approx(-1.5)
    cut = completed(written("", choices=chat_log_probs(("a", -0.5), (" b", -1.0), ("\n\n", -2.0), ("c", -4.0))))
    assert cut.text == "a b"
    assert cut.log_prob == pytest.approx(-1.5)


def test_the_completion_endpoints_form_of_log_probs_is_read_too() -> None:
    choice = {"text": "ab", "finish_reason": "stop", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [-1.0, -2.0]}}
    assert completed(written("", choices=[choice]), endpoint="completion").log_prob == pytest.approx(-3.0)


@pytest.mark.parametrize("value", [float("nan"), "-1", None, 0.5, True])
def test_log_probs_that_are_none_are_left_out(value: Any) -> None:
    row = completed(written("", choices=chat_log_probs(("a", -0.5), ("b", value))))
    assert (row.text, row.log_prob) == ("ab", None)


def score(top: dict[str, float], continuations: list[str], **changes: Any) -> list[float]:
    body = written("", choices=chat_log_probs(("A", -0.1), top=top))
    with Loopback(lambda seen: Answer(body)) as server:
        teacher = api(server, **{"top_log_probs": 5, **changes})
        ((index, scores),) = teacher.score([prompt("q")], [continuations], Account())
        teacher.release()
    assert index == 0
    assert {scored.tokens for scored in scores} == {1}
    assert server.seen[0].body["max_tokens"] == 1
    assert server.seen[0].body["top_logprobs"] == 5
    return [scored.log_prob for scored in scores]


def test_letters_are_scored_by_the_listed_tokens_whatever_blanks_are_around_them() -> None:
    top = {"A": math.log(0.5), " A": math.log(0.1), "\u0120B": math.log(0.2), "\u2581C": math.log(0.1)}
    a, b, c = score(top, ["A", " B", "C"])
    assert [math.exp(value) for value in (a, b, c)] == pytest.approx([0.6, 0.2, 0.1])


def test_a_letter_that_is_not_listed_gets_the_tighter_of_two_bounds() -> None:
    assert score({"A": math.log(0.5), "B": math.log(0.1)}, ["Z"]) == pytest.approx([math.log(0.1)])
    assert score({"A": math.log(0.9), "B": math.log(0.08)}, ["Z"]) == pytest.approx([math.log(0.02)])


def test_a_certain_letter_scores_zero() -> None:
    assert score({"A": 0.0}, ["A"]) == [0.0]


def test_the_completion_endpoint_lists_tokens_in_its_own_form() -> None:
    log_probs = {"tokens": [" B"], "token_logprobs": [-0.1], "top_logprobs": [{" B": -0.1, " A": -3.0}]}
    choice = {"text": " B", "finish_reason": "length", "logprobs": log_probs}
    with Loopback(lambda seen: Answer(written("", choices=[choice]))) as server:
        teacher = api(server, top_log_probs=2, endpoint="completion")
        ((_, scores),) = teacher.score([prompt("q")], [["A", "B"]], Account())
        teacher.release()
    assert [scored.log_prob for scored in scores] == pytest.approx([-3.0, -0.1])
    assert server.seen[0].body["logprobs"] == 2


def test_prompt_tokens_are_estimated_from_bytes() -> None:
    with Loopback(lambda seen: Answer({})) as server:
        assert api(server).prompt_tokens(prompt("12345", "é")) == (2 + 4) + (1 + 4)


def test_a_request_is_booked_at_more_than_it_can_cost() -> None:
    account = Account()
    with Loopback(lambda seen: Answer(written("x"))) as server:
        teacher = api(server)
        list(teacher.complete([Draw(prompt("é" * 10), 0, 0)], SAMPLING, account))
        teacher.release()
    assert [(booked.most, booked.settled) for booked in account.booked] == [((20 + 16, 50), (20, 10))]


def test_identity_holds_what_decides_the_text_and_nothing_else() -> None:
    def identity(**changes: Any) -> Any:
        settings = {"base_url": "https://API.example.com/v1/", "model": "m", **changes}
        return made("teacher", "api", **settings).identity()

    same: list[dict[str, Any]] = [
        {"concurrency": 1},
        {"timeout_s": 1.0},
        {"max_retries": 0},
        {"api_key_env": "OTHER_KEY"},
        {"price_per_million": {"input": 1.0, "output": 2.0}},
        {"budget": {"requests": 1, "tokens": None, "usd": None}},
        {"base_url": "https://api.example.com:8443/v1"},
        {"block_separator": "x"},
    ]
    other: list[dict[str, Any]] = [
        {"model": "n"},
        {"revision": "2"},
        {"base_url": "https://api.example.com/v2"},
        {"base_url": "https://example.com/v1"},
        {"endpoint": "completion"},
        {"extra_body": {"top_k": 1}},
        {"log_probs": True},
        {"top_log_probs": 5},
        {"top_log_probs": 20},
    ]
    assert all(identity(**changes) == identity() for changes in same)
    assert all(identity(**changes) != identity() for changes in other)
    assert identity(endpoint="completion") != identity(endpoint="completion", block_separator="x")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(lambda seen: Answer(written(told(seen)))) as opened:
        yield opened


def test_a_teacher_can_be_taken_up_again_after_release(server: Loopback) -> None:
    teacher = api(server)
    first = dict(teacher.complete(draws(3), SAMPLING, Account()))
    teacher.release()
    teacher.release()
    assert dict(teacher.complete(draws(3), SAMPLING, Account())) == first
    teacher.release()


def test_nothing_is_sent_for_nothing(server: Loopback) -> None:
    teacher = api(server)
    assert list(teacher.complete([], SAMPLING, Account())) == []
    teacher.release()
    assert server.seen == []


def test_a_prompt_with_a_system_text_is_sent_in_full(server: Loopback) -> None:
    teacher = api(server)
    chat = Prompt((Message("system", "Be brief."), Message("user", "q")), Request("answer", EXAMPLE))
    list(teacher.complete([Draw(chat, 0, 0)], SAMPLING, Account()))
    teacher.release()
    assert server.seen[0].body["messages"][0] == {"role": "system", "content": "Be brief."}
