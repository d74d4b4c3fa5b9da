"""A plan as plain text for a terminal."""

from collections.abc import Iterable, Iterator

from distillrun.files.disk import size_text
from distillrun.pipeline.long_texts import told_of
from distillrun.pipeline.memory_room import memory_text
from distillrun.planning.forecast import Forecast
from distillrun.planning.plan import Plan, PlannedStage, TeacherPlan
from distillrun.sweep.cells import aligned
from distillrun.text.display import duration, plain

HEAD = ("stage", "", "requests", "journaled", "prompt tokens", "completion tokens", "US$", "about")


def plan_text(plan: Plan) -> str:
    """Return a table of the stages, what its figures mean, and a paragraph on each teacher."""
    asking = [stage for stage in plan.stages if stage.forecast]
    rows: list[tuple[str, ...]] = [
        (stage.name, stage.state, *figures(stage.forecast), _about(stage)) for stage in plan.stages
    ]
    if len(asking) > 1:
        rows.append(("total", "", *figures(plan.total()), ""))
    lines = [plain(aligned([HEAD, *rows]))]
    if any(stage.forecast and stage.forecast.most.requests for stage in asking):
        lines += ["", *legend(plan.total())]
    if any(stage.about for stage in plan.stages):
        lines += ["", *bases(plan.stages)]
    lines += [f"{stage.name}: stores about {size_text(stage.bytes)}" for stage in plan.stages if stage.bytes]
    lines += [f"{stage.name}: takes about {memory_text(stage.memory)}" for stage in plan.stages if stage.memory]
    for unknown in dict.fromkeys(stage.unknown for stage in plan.stages if stage.unknown):
        lines.append(f"{', '.join(stage.name for stage in plan.stages if stage.unknown == unknown)}: {unknown}")
    for teacher in plan.teachers:
        lines += ["", *about_teacher(teacher)]
    if data := [*plan.overlap, *told_of(plan.cut)]:
        lines += ["", f"data: {'; '.join(data)}"]
    return "\n".join(map(plain, lines)) + "\n"


def figures(forecast: Forecast | None) -> tuple[str, str, str, str, str]:
    """Return requests, how many of them are journaled, prompt and completion tokens, and dollars; blanks for None."""
    if forecast is None:
        return ("", "", "", "", "")
    expected, most = forecast.expected, forecast.most
    about = "~" if forecast.is_estimate else ""
    return (
        _bounded(f"{about}{expected.requests:,}", f"{most.requests:,}"),
        f"{forecast.known:,}",
        _bounded(f"{about}{expected.prompt_tokens:,}", f"{most.prompt_tokens:,}"),
        _bounded(
            f"{'~' if most.completion_tokens else ''}{expected.completion_tokens:,.0f}",
            f"{most.completion_tokens:,.0f}",
        ),
        _bounded(f"{'~' if most.usd else ''}{money(expected.usd)}", money(most.usd)),
    )


def _bounded(expected: str, most: str) -> str:
    """Return what is expected, and the most where that is another figure."""
    return expected if expected.removeprefix("~") == most else f"{expected} (max {most})"


def money(usd: float) -> str:
    """Return an amount with cents; a small one with two digits that count."""
    return f"{usd:,.2f}" if usd >= 0.01 or usd <= 0 else f"{usd:.2g}"


def _about(stage: PlannedStage) -> str:
    if stage.state == "cached":
        return f"took {duration(stage.took_s)}"
    return "unknown" if stage.about is None else time_text(stage.about.low_s, stage.about.high_s)


def time_text(low_s: float, high_s: float) -> str:
    """Return from how long to how long something takes."""
    low, high = duration(low_s), duration(high_s)
    return high if low == high else f"{low} to {high}"


def bases(stages: Iterable[PlannedStage]) -> Iterator[str]:
    """Yield a line for each stage name on what its estimate rests on, and the names without one."""
    told = {stage.name: stage.about.basis for stage in stages if stage.about}
    yield (
        "about: estimated from the times in this store, for stages that run one after another on a similarly busy "
        "machine"
    )
    yield from (f"  {name}: by {basis}" for name, basis in told.items())


def legend(total: Forecast) -> Iterator[str]:
    """Yield what the figures mean."""
    yield "Requests: those that are left to send. max: if every text is as long as allowed. Retries are not counted."
    if total.is_estimate:
        yield "~: an estimate, since the number depends on texts that are not written yet."


def about_teacher(teacher: TeacherPlan) -> Iterator[str]:
    """Yield what a teacher was asked, what it will be asked, and whether its budget allows that."""
    most, spent = teacher.forecast.most, teacher.spent
    remains = (
        f"at most {most.requests:,} requests, {most.prompt_tokens:,} prompt and {most.completion_tokens:,.0f} "
        f"completion tokens, US$ {money(most.usd)} remain"
    )
    yield f"{teacher.name}: {remains if most.requests else 'no requests remain'}"
    tokens = spent["prompt_tokens"] + spent["completion_tokens"]
    yield f"  spent from this store: {spent['requests']:,} requests, {tokens:,} tokens, US$ {money(spent['usd'])}"
    if not teacher.price.input and not teacher.price.output:
        yield "  price_per_million is 0, so its cost is not counted"
    caps, left, exceeded = teacher.caps, teacher.left(), teacher.exceeded()
    if not caps:
        yield "  no budget is set"
        return
    told = ", ".join(
        f"budget.{name}={cap:g} leaves {_quantity(name, max(0.0, left[name]))}" for name, cap in caps.items()
    )
    over = " and ".join(f"budget.{name}={caps[name]:g}" for name in exceeded)
    yield f"  {told}"
    yield (
        f"  this may exceed {over}: the run would stop there, keep what it has, and go on when the cap is raised"
        if exceeded
        else f"  this fits the budget{', as far as can be estimated' if teacher.forecast.is_estimate else ''}"
    )


def _quantity(name: str, value: float) -> str:
    return money(value) if name == "usd" else f"{value:,.0f}"
