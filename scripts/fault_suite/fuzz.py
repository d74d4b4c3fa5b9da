"""Inputs that were changed at random, for everything that reads and for the parser of answers."""

import importlib.util
import logging
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from fault_suite.mutating import changed, text
from fault_suite.readers import READERS, REFUSALS
from fault_suite.suite import Suite
from fault_suite.tally import Tally

SHARES = {"parser": 0.5, "cleaning": 0.15, "ratings": 0.05}
"""Of all inputs; what is left is spread over the readers."""


def fuzz(suite: Suite) -> Tally:
    """A million changed inputs over all readers and the parser: an answer or a refusal in words, never a crash."""
    tally = Tally("fuzzed inputs")
    logging.getLogger("distillrun").setLevel(logging.CRITICAL)
    rng = random.Random(suite.seed)
    total = suite.pick(30_000, 1_000_000)
    folder = suite.folder / "fuzz"
    folder.mkdir()
    found: Counter[str] = Counter()
    for name, share in SHARES.items():
        for _ in range(int(total * share)):
            _count(tally, found, name, lambda name=name: TEXTS[name](rng))
    each = int(total * (1 - sum(SHARES.values()))) // len(READERS)
    refused = 0
    for name, reader in READERS.items():
        for _ in range(each):
            content = changed(rng, reader.seed)
            refused += _count(tally, found, name, lambda reader=reader, content=content: reader.read(folder, content))
    tally.wrong = [f"{count} x {what}" for what, count in found.most_common()]
    tally.notes = [f"{refused:,} refused in words"]
    _guided(suite, tally)
    return tally


def _count(tally: Tally, found: Counter[str], name: str, attempt: object) -> bool:
    tally.tried += 1
    try:
        attempt()  # type: ignore[operator]
    except REFUSALS:
        return True
    except Exception as error:  # whatever it is, it should not have come out
        found[f"{name}: {type(error).__name__}: {str(error)[:120]}"] += 1
    return False


def _parser(rng: random.Random) -> None:
    from distillrun.task.shared.answer_parser import parsed_choice

    choices = [text(rng).strip()[:20] or "sea" for _ in range(rng.randint(2, 5))]
    found = parsed_choice(text(rng), [(choice, f"the answer {choice}") for choice in choices])
    if found is not None and not 0 <= found < len(choices):
        raise AssertionError(f"{found} is not a choice")


def _cleaning(rng: random.Random) -> None:
    from distillrun.text.cleaning import clean, clean_chain

    clean(text(rng))
    clean_chain(text(rng))


def _ratings(rng: random.Random) -> None:
    from distillrun.evaluation.shared.rating import Scale, read_ratings

    pieces = ("quality", "fluency", ":", "4", "{", "}", '"', "5/5", "1e400", "NaN", "٣", "²", "four", ",", "[", "]")
    read_ratings(text(rng, pieces), ("quality", "fluency"), Scale(1, 5))


TEXTS = {"parser": _parser, "cleaning": _cleaning, "ratings": _ratings}


def _guided(suite: Suite, tally: Tally) -> None:
    """Let a fuzzer that sees the coverage try the parser and the reader of answers, where it is installed."""
    if importlib.util.find_spec("atheris") is None:
        tally.skipped.append("inputs guided by coverage (atheris is not installed: pip install atheris)")
        return
    for target in ("parser", "answers"):
        runs = suite.pick(5_000, 200_000)
        command = [
            sys.executable,
            str(Path(__file__).with_name("guided.py")),
            target,
            f"-runs={runs}",
            f"-seed={suite.seed + 1}",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=suite.folder / "fuzz")
        tally.tried += runs
        if ended.returncode:
            tally.wrong.append(f"guided by coverage, {target}: {ended.stderr.strip()[-300:]}")
