"""The nouns: plain frozen records that pass between stages. No torch, no I/O.

Every record is JSON-able; `distillrun.jsonl` writes and reads them strictly.
"""

from distillrun.records.answering import Prediction, Query, Reply, Score
from distillrun.records.asking import (
    Budget,
    Completion,
    Contrast,
    Draw,
    Message,
    Price,
    Prompt,
    Request,
    Sampling,
    ScoredContinuation,
)
from distillrun.records.example import (
    Example,
    Json,
    Record,
    Split,
    first_alike,
    gold,
    is_right,
    reading,
    reads_alike,
    repeats_choices,
    wrong_choices,
)
from distillrun.records.finding import Cell, Finding, ResultCurve, ResultTable
from distillrun.records.learning import LogitRequest, Question, Segment, TargetPair, Visit, Wishes
from distillrun.records.teaching import (
    Failure,
    Rationale,
    TeacherRecord,
    choice_shares,
    factual,
    find_factual,
    kind_of,
    likeliest_choice,
)

__all__ = [
    "Budget",
    "Cell",
    "Completion",
    "Contrast",
    "Draw",
    "Example",
    "Failure",
    "Finding",
    "Json",
    "LogitRequest",
    "Message",
    "Prediction",
    "Price",
    "Prompt",
    "Query",
    "Question",
    "Rationale",
    "Record",
    "Reply",
    "Request",
    "ResultCurve",
    "ResultTable",
    "Sampling",
    "Score",
    "ScoredContinuation",
    "Segment",
    "Split",
    "TargetPair",
    "TeacherRecord",
    "Visit",
    "Wishes",
    "choice_shares",
    "factual",
    "find_factual",
    "first_alike",
    "gold",
    "is_right",
    "kind_of",
    "likeliest_choice",
    "reading",
    "reads_alike",
    "repeats_choices",
    "wrong_choices",
]
