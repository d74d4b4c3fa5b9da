"""Decoding in batches from which every row leaves as soon as it is finished."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from distillrun.language_model.decoding_state import State
from distillrun.language_model.stopping import Stops, Written
from distillrun.language_model.token_selection import Choosing


@dataclass(slots=True)
class Row:
    """A text that is being written.

    Attributes:
        index: the caller's name for it.
        max_new_tokens: after so many tokens it ends.
        seed: of its random numbers.
        ids: what is written.
        log_prob: of `ids`, summed in nats, under the model's own distribution.
    """

    index: int
    max_new_tokens: int
    seed: int
    ids: list[int] = field(default_factory=list)
    log_prob: float = 0.0


def written_rows(
    states: Sequence[State],
    rows: Sequence[Row],
    stops: Stops,
    choosing: Choosing,
) -> Iterator[tuple[Row, Written]]:
    """Write all rows to their ends; yield each as soon as it is finished.

    A finished row takes part in no further step. The log-probs are those of the first state, at temperature 1.

    Args:
        states: of the prompts; where tokens also depend on other prompts or on another model, of those too.
        rows: in the order of the states' rows.
        stops: find the ends.
        choosing: chooses the next token of each row.
    """
    active = list(rows)
    while True:
        # entered again for each step: a generator that is put aside inside it would leave its caller in it, too
        with torch.inference_mode():
            tokens = choosing.tokens([state.logits for state in states], [len(row.ids) for row in active])
            log_probs = states[0].logits.float().log_softmax(dim=-1).gather(-1, tokens[:, None]).squeeze(-1)
        going = []
        for place, (row, token, log_prob) in enumerate(zip(active, tokens.tolist(), log_probs.tolist(), strict=True)):
            row.ids.append(token)
            row.log_prob += log_prob
            written = stops.finished(row.ids, row.max_new_tokens)
            if written is None:
                going.append(place)
            else:
                yield row, written
        if not going:
            return
        with torch.inference_mode():
            if len(going) < len(active):
                order = packed(going)
                index = torch.tensor(order)
                for state in states:
                    state.keep(order)
                tokens = tokens[index.to(tokens.device)]
                choosing.keep(index)
                active = [active[place] for place in order]
            for state in states:
                state.step(tokens)


def packed(going: Sequence[int]) -> list[int]:
    """Return the places in an order that moves as few of them as can be: holes are filled from the end.

    >>> packed([0, 2, 3, 5])
    [0, 5, 2, 3]
    """
    count = len(going)
    staying = {place for place in going if place < count}
    movers = iter([place for place in going if place >= count][::-1])
    return [place if place in staying else next(movers) for place in range(count)]
