"""The verbs: what a swappable part must do. The config alone decides which part runs, see `distillrun.config.build`."""

from distillrun.interfaces.evaluation import Answered, AskingMeasure, Evaluator, Measure
from distillrun.interfaces.generation import ExpansionStep, GenerationContext, GenerationStep, Refuse, Tag
from distillrun.interfaces.model import ChoiceModel, LanguageModel, WritingModel
from distillrun.interfaces.objective import (
    ActiveObjective,
    ChoiceObjective,
    Companions,
    StudentObjective,
    TextObjective,
    wishes_of,
)
from distillrun.interfaces.student import Student, WritingStudent
from distillrun.interfaces.task import Task
from distillrun.interfaces.teacher import (
    Account,
    AnyTeacher,
    EnsembleTeacher,
    LogitTeacher,
    RecordedTeacher,
    Reservation,
    Teacher,
    WhiteBoxTeacher,
    members_of,
)
from distillrun.interfaces.tracking import TEXTS, Kind, Status, TrackedRun, Tracker

__all__ = [
    "TEXTS",
    "Account",
    "ActiveObjective",
    "Answered",
    "AnyTeacher",
    "AskingMeasure",
    "ChoiceModel",
    "ChoiceObjective",
    "Companions",
    "EnsembleTeacher",
    "Evaluator",
    "ExpansionStep",
    "GenerationContext",
    "GenerationStep",
    "Kind",
    "LanguageModel",
    "LogitTeacher",
    "Measure",
    "RecordedTeacher",
    "Refuse",
    "Reservation",
    "Status",
    "Student",
    "StudentObjective",
    "Tag",
    "Task",
    "Teacher",
    "TextObjective",
    "TrackedRun",
    "Tracker",
    "WhiteBoxTeacher",
    "WritingModel",
    "WritingStudent",
    "members_of",
    "wishes_of",
]
