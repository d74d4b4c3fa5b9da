"""Texts with {fields}: rendered into segments, and read back out of what a student wrote."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from string import Formatter

from distillrun.errors import ConfigError, nearest
from distillrun.records import Segment

CUT = frozenset({"rationale"})
"""Fields that may be shortened where a text is too long."""

ASKED = "question"
"""The field that is the question itself."""


class Template:
    """A text with fields such as "[answer] The answer is {answer}".

    Only plain names are fields: attribute or index access, conversions and format specs are refused, so a template
    can reach nothing but the values that it is given.

    Args:
        text: the template.
        fields: the names that may occur.
        key: the config key that holds it, for messages.

    Raises:
        ConfigError: malformed, or an unknown field.
    """

    def __init__(self, text: str, fields: Collection[str], key: str) -> None:
        try:
            pieces = list(Formatter().parse(text))
        except ValueError as error:
            raise ConfigError(f"{key}={text!r} is not a valid template: {error}; write a literal brace twice") from None
        names = [field for _, field, _, _ in pieces if field is not None]
        if len(set(names)) < len(names):
            raise ConfigError(f"{key}={text!r} names a field twice; each may occur once")
        self._parts: list[tuple[str, bool]] = []  # (text or field name, is it a field)
        for literal, field, spec, conversion in pieces:
            if literal:
                self._parts.append((literal, False))
            if field is None:
                continue
            if field not in fields or spec or conversion:
                known = ", ".join(f"{{{name}}}" for name in sorted(fields))
                raise ConfigError(
                    f"{key}={text!r} names an unknown field {{{field}}}{nearest(field, fields)}; known: {known}"
                )
            self._parts.append((field, True))
        self._pattern = self._compile()

    def _compile(self) -> re.Pattern[str]:
        """Return a pattern that reads the fields back, tolerant of case and spacing.

        A field is matched as far as the last occurrence of the text that follows it where it is a rationale (its
        answer cue may occur inside), and as far as the first otherwise.
        """
        pattern = ""
        for part, is_field in self._parts:
            if is_field:
                pattern += f"(?P<{part}>.*)" if part in CUT else f"(?P<{part}>.*?)"
            else:
                pattern += r"\s*".join(re.escape(word) for word in re.split(r"\s+", part))
        return re.compile(pattern + r"\s*\Z", re.IGNORECASE | re.DOTALL)

    def segments(self, values: Mapping[str, str]) -> tuple[Segment, ...]:
        """Return the rendered text as segments; those of a rationale may be cut, and that of the question is marked."""
        return tuple(
            Segment(values[part], cut=part in CUT, asked=part == ASKED) if is_field else Segment(part)
            for part, is_field in self._parts
        )

    def answering(self, values: Mapping[str, str]) -> tuple[Segment, ...]:
        """Return the segments that give the answer.

        What stands up to a rationale is read, not learnt; what stands between the answer and a later rationale is left
        out, with that rationale.
        """
        segments = self.segments(values)
        rationale = next((n for n, segment in enumerate(segments) if segment.cut), None)
        answer = self._parts.index(("answer", True))
        if rationale is None:
            return segments
        if rationale > answer:
            return segments[: answer + 1]
        context = tuple(replace(segment, learn=False) for segment in segments[: rationale + 1])
        return context + segments[rationale + 1 :]

    def answer_alone(self, values: Mapping[str, str]) -> tuple[Segment, ...]:
        """Return the segments of `answering`, of which only the answer and what follows it are learnt."""
        answer = self._parts.index(("answer", True))
        segments = self.answering(values)
        return tuple(replace(segment, learn=False) for segment in segments[:answer]) + segments[answer:]

    def render(self, values: Mapping[str, str]) -> str:
        """Return the rendered text."""
        return "".join([values[part] if is_field else part for part, is_field in self._parts])

    def read(self, text: str) -> dict[str, str] | None:
        """Return the fields of a text that has this form, stripped; None if it has not."""
        match = self._pattern.match(text.strip())
        return None if match is None else {name: value.strip() for name, value in match.groupdict().items()}
