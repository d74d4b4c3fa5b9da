"""The verbs: what a swappable part must do. The config alone decides which part runs, see `distillrun.config.build`."""

from distillrun.interfaces.evaluation import AskingMetric, Metric, MetricContext, Scorer
from distillrun.interfaces.generation import ExpansionStep, GenerationContext, GenerationStep, Refuse, Tag
from distillrun.interfaces.model import ChoiceModel, LanguageModel, WritingModel
from distillrun.interfaces.objective import (
    ActiveObjective,
    ChoiceObjective,
    ObjectiveContext,
    SelectiveObjective,
    StudentObjective,
    TextObjective,
    TokenLossObjective,
    requirements_of,
    token_loss_of,
)
from distillrun.interfaces.student import EmbeddingStudent, LabelStudent, Student, WritingStudent
from distillrun.interfaces.task import LabelTask, Task
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
    "AnyTeacher",
    "AskingMetric",
    "ChoiceModel",
    "ChoiceObjective",
    "EmbeddingStudent",
    "EnsembleTeacher",
    "ExpansionStep",
    "GenerationContext",
    "GenerationStep",
    "Kind",
    "LabelStudent",
    "LabelTask",
    "LanguageModel",
    "LogitTeacher",
    "Metric",
    "MetricContext",
    "ObjectiveContext",
    "RecordedTeacher",
    "Refuse",
    "Reservation",
    "Scorer",
    "SelectiveObjective",
    "Status",
    "Student",
    "StudentObjective",
    "Tag",
    "Task",
    "Teacher",
    "TextObjective",
    "TokenLossObjective",
    "TrackedRun",
    "Tracker",
    "WhiteBoxTeacher",
    "WritingModel",
    "WritingStudent",
    "members_of",
    "requirements_of",
    "token_loss_of",
]
