"""Examples from the first draft to the revision, on a page."""

from collections.abc import Sequence

from distillrun.records import Json
from distillrun.report.page.block import Paragraph, Piece, Section, Story
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.report.run.word_diff import word_diff
from distillrun.text.display import percent, shortened


def story_section(told: Sequence[Json]) -> Section | None:
    """Return examples from the first draft to the revision, the changed words marked; None where there is none."""
    found = [_story(mapping(one)) for one in told]
    if not found:
        return None
    intro = (
        f"{len(found)} examples, spread evenly over the data and drawn at random, not selected by their content. "
        "Marked words were added or removed by the revision."
    )
    return Section("From draft to revision", [Paragraph(intro), *found])


def _story(one: Values) -> Story:
    choices = [shortened(str(choice)) for choice in sequence(one.get("choices"))]
    own, agreement = _choice(one.get("teacher's answer"), choices), finite(one.get("agreement"))
    agreed = f" ({percent(agreement)} agreement)" if agreement is not None else ""
    draft, revision = (shortened(str(one.get(key) or "")) for key in ("draft", "revision"))
    plain_parts = [
        ("choices", " · ".join(choices)),
        ("answer", _choice(one.get("answer"), choices) or "not known"),
        ("teacher's answer", own + agreed if own else ""),
        ("draft", draft),
        *(("critique", str(text)) for text in sequence(one.get("critiques"))),
    ]
    others = [[*map(str, sequence(other)), "", ""][:2] for other in sequence(one.get("others"))]
    return Story(
        shortened(str(one.get("question") or "")),
        [
            *_labelled(plain_parts),
            *([("revision", word_diff(draft, revision))] if revision else []),
            *_labelled([(shortened(label, 60), text) for label, text in others]),
        ],
    )


def _labelled(parts: Sequence[tuple[str, str]]) -> list[tuple[str, list[Piece]]]:
    return [(label, [Piece(shortened(text), "same")]) for label, text in parts if text.strip()]


def _choice(place: Json, choices: Sequence[str]) -> str:
    if isinstance(place, str):  # in free form
        return shortened(place)
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(choices):
        return ""
    return choices[place]
