"""A checkpoint reads prompts by its chat template where it has one; its identity holds what decides their tokens."""

from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.teacher.local import Local
from tests.local_asking import prompt, teacher
from tests.tiny_checkpoints import write_llama


def test_a_chat_template_is_used_where_there_is_one(tmp_path: Path) -> None:
    write_llama(tmp_path / "chat")
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    template += "{% if add_generation_prompt %}<assistant>{% endif %}"
    (tmp_path / "chat" / "chat_template.jinja").write_text(template)
    one = prompt("Be brief.", "Why?")

    def text(local: Local) -> str:
        return str(local._prompts.tokenizer.decode(list(local._prompts.ids(one.messages))))

    assert text(teacher(str(tmp_path / "chat"))) == "<system>Be brief.<user>Why?<assistant>"
    assert text(teacher(str(tmp_path / "chat"), chat="never")) == "<s>Be brief.\n\nWhy?"
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + template
    (tmp_path / "chat" / "chat_template.jinja").write_text(strict)
    assert text(teacher(str(tmp_path / "chat"))) == "<user>Be brief.\n\nWhy?<assistant>"
    deaf = template.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
    (tmp_path / "chat" / "chat_template.jinja").write_text(deaf)
    assert text(teacher(str(tmp_path / "chat"))) == "<user>Be brief.\n\nWhy?<assistant>"
    (tmp_path / "chat" / "chat_template.jinja").write_text("{{ raise_exception('nothing at all') }}")
    with pytest.raises(
        ConfigError, match=r"takes no messages of system, user .nothing at all.; set teacher.chat=never"
    ):
        text(teacher(str(tmp_path / "chat")))
    write_llama(tmp_path / "base")
    (problem,) = teacher(str(tmp_path / "base"), chat="always").check(None)  # type: ignore[arg-type]
    assert "teacher.chat=always" in problem


def test_identity_sees_another_chat_template(tmp_path: Path) -> None:
    before = teacher(write_llama(tmp_path)).identity()
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert teacher(str(tmp_path)).identity() != before
