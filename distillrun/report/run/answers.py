"""The student's answers: some predictions to read, and the distribution of its choices."""

from collections import Counter
from collections.abc import Mapping, Sequence

from distillrun.report.page.block import Card, Choice, Paragraph, Section, State, Table
from distillrun.report.places import places, position, right_places
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.text.display import shortened

SHOWN = 10
MOST_POSITIONS = 10
MOST_SHOWN = 26
"""Choices that a card lists; of more it shows the right and the predicted one."""


def prediction_section(predictions: Sequence[Values], examples: Mapping[str, Values]) -> Section | None:
    """Return ten predictions, evenly spaced over all of them, so that nobody picked them."""
    known = [(prediction, examples.get(str(prediction.get("example_id")), {})) for prediction in predictions]
    if not known:
        return None
    count = min(SHOWN, len(known))
    chosen = [known[round(index * (len(known) - 1) / max(1, count - 1))] for index in range(count)]
    intro = f"{count} of {len(known):,} predictions, evenly spaced in the order of the split, not selected by result."
    return Section("Predictions", [Paragraph(intro), *(_card(prediction, example) for prediction, example in chosen)])


def position_section(predictions: Sequence[Values], examples: Mapping[str, Values]) -> Section | None:
    """Return how often each choice was predicted, by the position of the right one; None without right answers.

    A choice that reads as the right one does counts at its position. Where all questions have the same choices, such as
    the labels of a classification, they are shown by their texts.
    """
    counts: Counter[tuple[int, int | None]] = Counter()
    width = 0
    known: set[tuple[str, ...]] = set()
    for prediction in predictions:
        example = examples.get(str(prediction.get("example_id")), {})
        gold, choice = position(example.get("answer")), position(prediction.get("choice"))
        if gold is not None:
            counts[gold, gold if choice in right_places(example) else choice] += 1
            width = max(width, gold + 1, len(sequence(example.get("choices"))))
            known.add(tuple(map(str, sequence(example.get("choices")))))
    if not counts or width > MOST_POSITIONS:
        return None
    is_fixed = len(known) == 1 and len(next(iter(known))) == width
    names = [shortened(text) for text in next(iter(known))] if is_fixed else [_letter(place) for place in range(width)]
    predicted: list[int | None] = [*range(width), None]
    rows = [
        [f"right one is {names[gold]}", *(f"{counts[gold, choice]:,}" for choice in predicted)] for gold in range(width)
    ]
    total = [f"{sum(counts[gold, choice] for gold in range(width)):,}" for choice in predicted]
    columns = ["", *(f"answered {name}" for name in names), "unparsed"]
    table = Table(columns, [*rows, ["all", *total]], frozenset(range(1, width + 2)))
    if is_fixed:
        return Section(
            "Confusion matrix", [Paragraph("Rows are the right answers, columns those of the student."), table]
        )
    intro = "A student that learnt a position rather than the question shows up as one column of high counts."
    return Section("Choices by position", [Paragraph(intro), table])


def _free_card(prediction: Values, example: Values) -> Card:
    """Return the card of an answer in free form: what is accepted, and what was read instead of it."""
    gold, said = mapping(example.get("answer")), mapping(prediction.get("choice"))
    is_right, score = said.get("right") is True, finite(said.get("score"))
    accepted = [str(gold.get("text")), *map(str, sequence(gold.get("accepted")))]
    choices = [
        Choice(shortened(text), gold=True, predicted=is_right and not place) for place, text in enumerate(accepted)
    ]
    if said and not is_right:
        choices.append(Choice(shortened(str(said.get("text"))), gold=False, predicted=True))
    verdict, state = _verdict(frozenset({0}), None if not said else 0 if is_right else 1)
    if said and not is_right and score:
        verdict += f", score {score:.2f}"
    question = shortened(str(example.get("question") or prediction.get("example_id") or ""))
    text, rationale = (shortened(str(prediction.get(key) or "").strip()) for key in ("text", "rationale"))
    return Card(question, choices, verdict, state, text, rationale)


def _card(prediction: Values, example: Values) -> Card:
    if isinstance(example.get("answer"), Mapping):
        return _free_card(prediction, example)
    right, choice = right_places(example), position(prediction.get("choice"))
    said = frozenset(() if choice is None else (choice,))
    verdict, state = _verdict(right, choice)
    if prediction.get("labels") is not None:  # a text with several labels
        right, said = (frozenset(places(found)) for found in (example.get("answers"), prediction.get("labels")))
        verdict, state = ("right", "good") if right == said else ("wrong", "bad")
    texts = list(enumerate(sequence(example.get("choices"))))
    if len(texts) > MOST_SHOWN:  # of many labels, those that matter
        texts = [(place, text) for place, text in texts if place in right | said]
    choices = [Choice(shortened(str(text)), gold=place in right, predicted=place in said) for place, text in texts]
    question = shortened(str(example.get("question") or prediction.get("example_id") or ""))
    text, rationale = (shortened(str(prediction.get(key) or "").strip()) for key in ("text", "rationale"))
    return Card(question, choices, verdict, state, text, rationale)


def _verdict(right: frozenset[int], choice: int | None) -> tuple[str, State]:
    if choice is None:
        return "unparsed", "bad"
    if not right:
        return "answer not known", "plain"
    return ("right", "good") if choice in right else ("wrong", "bad")


def _letter(place: int) -> str:
    return chr(ord("a") + place)
