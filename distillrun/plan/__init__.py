"""The plan of a run: what it would do, ask and cost, computed before any of it is done."""

from distillrun.plan.making import make_plan
from distillrun.plan.plan import Plan, PlannedStage, TeacherPlan
from distillrun.plan.text import plan_text

__all__ = ["Plan", "PlannedStage", "TeacherPlan", "make_plan", "plan_text"]
