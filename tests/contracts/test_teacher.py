"""What every teacher must obey; a new one is found by its config."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from distillrun.config.build import build
from distillrun.config.target import find_class
from distillrun.files.jsonl import write_records
from distillrun.interfaces import AnyTeacher, RecordedTeacher, Teacher, TokenTeacher, WhiteBoxTeacher, members_of
from distillrun.language_model.adapter import CONFIG as ADAPTER_CONFIG
from distillrun.language_model.adapter import WEIGHTS as ADAPTER_WEIGHTS
from distillrun.pipeline.stages.generate import UNHASHED
from distillrun.records import Draw, Json, Message, Prompt, Request, Sampling
from tests.altered import altered
from tests.drawing import Account
from tests.leaves import EXAMPLE, RECORD, leaf, made, options
from tests.loopback import Answer, Loopback, Seen, written
from tests.tiny_checkpoints import write_bert, write_gpt2, write_llama

TEACHERS = options("teacher")
SAMPLING = Sampling(4, 0.0, 1.0, 1, ())

SPEED = "memory and speed, never results"
FOR_PAIRS = "a student's pairs alone are read with it: its reading tells it"
FOR_CHAT = "the shipped endpoint joins no messages"
UNDECIDING: dict[tuple[str, str], str] = {
    ("api", "api_key_env"): "who pays",
    ("api", "concurrency"): SPEED,
    ("api", "timeout_s"): "how long one waits",
    ("api", "max_retries"): "how often one tries",
    ("api", "seed_requests"): "another draw from the same distribution, and servers keep to a seed more or less",
    ("api", "block_separator"): FOR_CHAT,
    ("api", "reply_separator"): FOR_CHAT,
    ("api", "tokenizer"): FOR_PAIRS,
    ("api", "log_prob_server"): FOR_PAIRS,
    ("api", "chat"): FOR_PAIRS,
    ("api", "chat_options"): FOR_PAIRS,
    ("api", "target_separator"): FOR_PAIRS,
    ("choice_scorer", "revision"): "of a folder, the digest decides",
    ("choice_scorer", "max_tokens"): "a longer prompt is refused",
    ("choice_scorer", "device"): SPEED,
    ("choice_scorer", "tokens_per_batch"): SPEED,
    ("local", "revision"): "of a folder, the digest decides",
    ("local", "device"): SPEED,
    ("local", "device_map"): SPEED,
    ("local", "tokens_per_batch"): SPEED,
    ("local", "target_separator"): FOR_PAIRS,
    ("recorded", "max_missing_share"): "when it refuses",
    ("vllm", "revision"): "of a folder, the digest decides",
    ("vllm", "tensor_parallel_size"): SPEED,
    ("vllm", "gpu_memory_utilization"): SPEED,
    ("vllm", "draws_per_call"): SPEED,
    ("vllm", "target_separator"): FOR_PAIRS,
}
"""(option, setting) on which no answer depends, with the reason; `UNHASHED` ones apart."""

ASKING = frozenset(
    {"chat", "chat_options", "block_separator", "reply_separator", "max_context_tokens", "max_model_len"}
    | {"endpoint", "log_probs", "top_log_probs"}
)
"""How prompts are written, and what comes with answers. No distribution over a student's pairs depends on it where
there is no chat template."""

NOT_ASKED = {"vllm": "its engine needs a GPU; tests/teacher/test_vllm.py asks one that stands in for it"}
"""Teachers that can be asked nothing here, with the reason."""


class Given:
    """Settings with which each teacher works on this machine, and other values of those that no type tells."""

    def __init__(self, folder: Path, server: Loopback) -> None:
        self._folder, self._server = folder, server

    @cache  # noqa: B019
    def path(self, name: str) -> str:
        """Return what is on disk under a name, made the first time."""
        folder = self._folder / name
        folder.mkdir()
        write = {"bert": write_bert, "llama": write_llama, "gpt2": write_gpt2, "longer bert": _longer_bert}
        if name in write:
            checkpoint = write[name](folder)
            (folder / "other.gguf").write_bytes(b"GGUF")
            return checkpoint
        if name == "adapter":
            for file in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
                (folder / file).write_bytes(b"{}")
            return str(folder)
        if name == "answers":
            for file in ("one", "other"):
                (folder / f"{file}.csv").write_text(f"question,answer,other\nWhy?,Because of {file}.,x\n")
            return str(folder)
        write_records(folder / "records.jsonl", [RECORD] if name == "said" else [])
        return str(folder)

    def settings(self, name: str) -> dict[str, Any]:
        own: dict[str, dict[str, Any]] = {
            "api": {
                "base_url": self._server.url,
                "model": "m",
                "api_key_env": None,
                "tokenizer": self.path("llama"),
                "chat": "never",
            },
            "choice_scorer": {"checkpoint": self.path("bert"), "max_tokens": 128},
            "local": {"checkpoint": self.path("llama"), "device": "cpu", "chat": "never"},
            "recorded": {"folder": self.path("said")},
            "replayed": {"file": f"{self.path('answers')}/one.csv"},
            "vllm": {"checkpoint": self.path("llama"), "chat": "never"},
        }
        return {**leaf("teacher", name), **own.get(name, {})}

    def other(self, name: str, setting: str) -> Any:
        """Return another value of a setting that is still allowed."""
        settings = self.settings(name)
        known: dict[tuple[str, str], Any] = {
            ("api", "base_url"): "https://example.org/v1",
            ("api", "tokenizer"): self.path("gpt2"),
            ("choice_scorer", "checkpoint"): self.path("longer bert"),
            ("local", "checkpoint"): self.path("gpt2"),
            ("local", "gguf_file"): "other.gguf",
            ("local", "adapter"): self.path("adapter"),
            ("recorded", "folder"): self.path("silent"),
            ("replayed", "file"): f"{self.path('answers')}/other.csv",
            ("replayed", "fields"): {"id": None, "question": "question", "answer": "other"},
            ("recorded", "fields"): {**settings.get("fields", {}), "revised": None},
            ("vllm", "checkpoint"): self.path("gpt2"),
            ("ensemble", "members"): {"one": leaf("teacher", "scripted"), **settings.get("members", {})},
        }
        if (name, setting) in known:
            return known[name, setting]
        own: Any = find_class(settings["_target_"], "teacher")
        return other_value(settings[setting], get_type_hints(own.__init__)[setting])


def _longer_bert(folder: Path) -> str:
    return write_bert(folder, 130)


def other_value(value: Any, hint: Any) -> Any:
    """Return another value of a type."""
    choices = [one for kind in (hint, *get_args(hint)) if get_origin(kind) is Literal for one in get_args(kind)]
    if choices:
        return next(one for one in choices if one != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {**value, "other": 1}
    if isinstance(value, float):
        return value / 2 + 0.01
    if isinstance(value, int) or (value is None and int in get_args(hint)):
        return (value or 0) + 7
    return f"{value or ''}other"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    def answer(seen: Seen) -> Answer:
        return Answer(written("It is the library."))

    with Loopback(answer) as server:
        yield Given(tmp_path_factory.mktemp("teachers"), server)


def hidden(
    told: Mapping[str, Json], others: Mapping[str, Mapping[str, Json]], undeciding: Collection[str]
) -> list[str]:
    """Return the settings on which answers depend, though what is told for fingerprints does not.

    Args:
        told: for fingerprints, of the teacher as it is.
        others: the same with one setting changed, by the setting.
        undeciding: the settings on which no answer depends.
    """
    if not told or json.loads(json.dumps(told)) != told:
        return ["nothing is told, or no JSON"]
    return [name for name, other in others.items() if name not in undeciding and other == told]


def with_others(given: Given, name: str) -> tuple[AnyTeacher, dict[str, AnyTeacher]]:
    settings = given.settings(name)
    changed = {key: {**settings, key: given.other(name, key)} for key in settings if key != "_target_"}
    keys = [key for key in changed if key not in UNHASHED]
    return build(settings, "teacher"), {key: build(changed[key], "teacher") for key in keys}


def undeciding(name: str) -> frozenset[str]:
    return frozenset(setting for option, setting in UNDECIDING if option == name)


def identities(given: Given, name: str) -> tuple[dict[str, Json], dict[str, dict[str, Json]]]:
    teacher, others = with_others(given, name)
    return dict(teacher.identity()), {setting: dict(other.identity()) for setting, other in others.items()}


@pytest.mark.parametrize("name", TEACHERS)
def test_the_identity_holds_all_that_answers_depend_on(name: str, given: Given) -> None:
    told, others = identities(given, name)
    assert others
    assert hidden(told, others, undeciding(name)) == []


@pytest.mark.parametrize("name", TEACHERS)
def test_its_reading_holds_all_that_its_distributions_depend_on(name: str, given: Given) -> None:
    teacher, others = with_others(given, name)
    if isinstance(teacher, TokenTeacher):
        told = {name: dict(other.reading()) for name, other in others.items() if isinstance(other, TokenTeacher)}
        unread = {setting for setting in undeciding(name) if UNDECIDING[name, setting] != FOR_PAIRS} | ASKING
        assert hidden(dict(teacher.reading()), told, unread) == []


@pytest.mark.parametrize("name", sorted({option for option, _ in UNDECIDING}))
def test_what_decides_nothing_is_a_setting_and_changes_no_identity(name: str, given: Given) -> None:
    told, others = identities(given, name)
    for setting in undeciding(name):
        assert others[setting] == told, setting


def test_an_identity_that_leaves_something_out_is_found(given: Given) -> None:
    teacher, others = with_others(given, "scripted")
    for left_out in ("flawed_share", "mistaken_share"):

        def silent(self: Any, left_out: str = left_out) -> dict[str, Json]:
            whole = super(type(self), self).identity()
            return {key: value for key, value in whole.items() if key != left_out}

        told = {name: altered(other, identity=silent).identity() for name, other in others.items()}
        assert hidden(altered(teacher, identity=silent).identity(), told, ()) == [left_out]
    assert hidden({}, {}, ())


def prompts(count: int) -> list[Prompt]:
    """Return prompts for questions that every teacher can answer, of unlike length."""
    examples = made("task", "everyday", limit=count).examples("test")
    return [
        Prompt((Message("user", "Why? " * (n + 1)),), Request("rationale", one, one.answer))
        for n, one in enumerate(examples)
    ]


def faults(teacher: Teacher) -> list[str]:
    """Return what a teacher does, when it is asked, that its protocol forbids."""
    found = []
    if ("score" in teacher.can) != isinstance(teacher, WhiteBoxTeacher) and "score" in teacher.can:
        found.append("it can score and has no score")
    asked = prompts(6)
    if "complete" in teacher.can:
        found += faults_of(
            "complete", asked, lambda account: teacher.complete([Draw(one, 0, 5) for one in asked], SAMPLING, account)
        )
    if isinstance(teacher, WhiteBoxTeacher) and "score" in teacher.can:
        texts = [[" (a)", " (b)"]] * len(asked)
        found += faults_of("score", asked, lambda account: teacher.score(asked, texts, account))
    if any(teacher.prompt_tokens(one) < 1 for one in asked):
        found.append("a prompt has no tokens")
    return found


def faults_of(request: str, asked: Sequence[Prompt], ask: Any) -> list[str]:
    """Return what is wrong with the answers to a request, where all are paid for and where four are."""
    found = []
    account = Account()
    answers = list(ask(account))
    if sorted(index for index, _ in answers) != list(range(len(asked))):
        found.append(f"{request}: not every prompt was answered once")
    if len(account.booked) < len(asked) or any(one.settled is None for one in account.booked):
        found.append(f"{request}: not everything was reserved and settled")
    if dict(answers) != dict(ask(Account())):
        found.append(f"{request}: the same question has two answers")
    short = Account(requests=4)
    if len(list(ask(short))) > len(short.booked):
        found.append(f"{request}: more is answered than is paid for")
    return found


@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_that_is_asked_keeps_its_protocol(name: str, given: Given) -> None:
    teacher = build(given.settings(name), "teacher")
    if isinstance(teacher, RecordedTeacher):
        assert [record.example_id for record in teacher.recall([EXAMPLE] * 2)] == [EXAMPLE.id] * 2
        assert teacher.makes == {"initial", "revised", "counterfactual"}
        return
    if name in NOT_ASKED:
        return
    assert members_of(teacher)
    try:
        for member in members_of(teacher).values():
            assert faults(member) == []
    finally:
        teacher.release()


def test_what_is_not_asked_here_cannot_be(given: Given) -> None:
    for name in NOT_ASKED:
        assert build(given.settings(name), "teacher").check(made("task", "everyday")), "it could be asked here"


def free(self: Any, draws: Sequence[Draw], sampling: Sampling, account: Any) -> Any:
    return super(type(self), self).complete(draws, sampling, Account())


def twice(self: Any, draws: Sequence[Draw], sampling: Sampling, account: Any) -> Any:
    answers = list(super(type(self), self).complete(draws, sampling, account))
    return iter(answers + answers[:1])


@pytest.mark.parametrize(
    ("complete", "fault"),
    [(free, "complete: more is answered than is paid for"), (twice, "complete: not every prompt was answered once")],
)
def test_a_broken_teacher_is_found(complete: Any, fault: str) -> None:
    assert fault in faults(altered(made("teacher", "scripted"), complete=complete))
