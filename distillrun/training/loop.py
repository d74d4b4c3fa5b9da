"""The one training loop, on Accelerate: accumulation, clipping, schedule, dev checks, early stop, exact resume."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from distillrun.config.schema import Keep, TrainingConfig
from distillrun.errors import ConfigError
from distillrun.interfaces import ActiveObjective, ChoiceModel, LanguageModel, ObjectiveContext, StudentObjective, Task
from distillrun.process.progress import Bar
from distillrun.records import Example, Score, TeacherRecord
from distillrun.training.checkpoint import Progress, load_best, resume, save_best, save_checkpoint
from distillrun.training.optimizer import make_optimizer
from distillrun.training.order import derive
from distillrun.training.schedule import learning_rate_share
from distillrun.training.speed import Speed, replayed
from distillrun.training.step import StepGradient
from distillrun.training.supervision import Supervision
from distillrun.training.visits import visits_of_step

log = logging.getLogger("distillrun")

SMALL_BYTES = 64_000_000
"""Weights on a CPU up to which what a training leaves behind may wait until garbage is collected anyway."""


class Trainer:
    """The training of one student. It reaches only what it is given, and no test example is among that.

    Args:
        model: the untrained student; it is trained in place.
        objective, task: what is learnt, and how it is written.
        examples: the training examples.
        records: the teacher's record of each example; None where the objective needs no teacher.
        settings: checked settings.
        device: where to train.
        folder: where checkpoints live; one that was interrupted here is resumed.
        supervision: the teacher's outputs; None where the objective wants no more.
        teacher: in memory; None where the objective does not want it there.
    """

    def __init__(
        self,
        model: ChoiceModel,
        objective: StudentObjective,
        task: Task,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord] | None,
        settings: TrainingConfig,
        device: torch.device,
        folder: Path,
        supervision: Supervision | None = None,
        teacher: LanguageModel | None = None,
    ) -> None:
        self._model = model
        self._objective = objective
        self._active = objective if isinstance(objective, ActiveObjective) else None
        self._task = task
        self._examples = examples
        self._records = records
        self._settings = settings
        self._device = device
        self._folder = folder
        if self._active is not None:
            torch.manual_seed(derive(settings.seed, "objective"))
            sizes = (settings.max_steps, settings.micro_batch_tokens)
            self._active.start(ObjectiveContext(model, teacher, task, *sizes, self._longest_target))
        self._own = self._active.modules().to(device) if self._active else nn.ModuleDict()
        self._accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
        if self._accelerator.num_processes > 1:
            raise ConfigError("a student is trained in one process; start distillrun without accelerate launch")
        self._weights = nn.ModuleDict({"student": model.module, "objective": self._own})
        self._accelerator.prepare(model.module)
        self._optimizer = make_optimizer(_weight_groups(self._weights, settings.weight_decay), settings)
        self.progress = resume(folder, model.module, self._own, self._optimizer, settings.keep is Keep.best)
        if self._active is not None and self.progress.step:
            self._active.load_state(self.progress.objective)
        backward = self._accelerator.backward
        self._gradient = StepGradient(
            model, objective, task, settings.micro_batch_tokens, settings.learn_padding, supervision, backward
        )
        self._sums = defaultdict(float, self.progress.sums)
        self._speed = Speed(device)

    def run(
        self,
        dev_check: Callable[[], Score],
        dev_loss: Callable[[], float],
        report: Callable[[Mapping[str, float], int], None],
        stopping: Callable[[], bool],
        bar: Bar,
    ) -> Progress:
        """Train to the end and leave the kept weights in the model.

        Args:
            dev_check: returns the dev accuracy of the model as it is now.
            dev_loss: returns its mean negative log-likelihood of the right answers on dev, per token.
            report: takes metrics and the step that they belong to, those of earlier sittings first.
            stopping: says whether to save and stop after the current step.
            bar: shows the progress.

        Raises:
            KeyboardInterrupt: stopped as asked; the state is saved.
        """
        settings, progress = self._settings, self.progress
        if progress.step:
            log.info("train: resumed after step %d of %d", progress.step, settings.max_steps)
        for metrics, step in replayed(progress.metrics, progress.speed):
            report(metrics, step)

        def noted(metrics: Mapping[str, float], step: int) -> None:
            progress.metrics.append({"step": step, **metrics})
            speed = self._speed.read() if "train/loss" in metrics else {}
            progress.speed += [{"step": step, **speed}] if speed else []
            report({**metrics, **speed}, step)

        if self._active is not None and not progress.step:
            self._active.after_check(dev_loss)
        with bar:
            while progress.step < settings.max_steps and not progress.finished:
                started = time.perf_counter()
                loss = self._step(progress.step)
                progress.step += 1
                self._report_means(noted)
                if self._check_is_due():
                    self._check_dev(dev_check(), noted, bar)
                    if self._active is not None:
                        self._active.after_check(dev_loss)
                progress.seconds += time.perf_counter() - started
                bar.advance(f"loss {loss:.3f}")
                if stopping():
                    self._save()
                    raise KeyboardInterrupt
                if self._save_is_due():
                    self._save()
        if settings.keep is Keep.best:
            load_best(self._folder, progress.best_step, self._model.module)
        if self._device.type != "cpu" or sum(weight.nbytes for weight in self._weights.parameters()) > SMALL_BYTES:
            self._accelerator.free_memory()  # it collects all garbage of the process, which takes a third of a second
        return progress

    def _longest_target(self) -> int:
        """Return the tokens of the longest given target, by some thousand examples."""
        records: Sequence[TeacherRecord | None] = self._records or [None] * len(self._examples)
        some = [*zip(self._examples, records, strict=True)][:: len(records) // 1000 + 1]
        made = (self._objective.targets(example, record, self._task, 0) for example, record in some)
        pairs = [pair for own in made for pair in own]
        lengths = self._model.lengths(pairs) if isinstance(self._model, LanguageModel) else []
        return max((target for _, target, _ in lengths), default=1)

    def _save_is_due(self) -> bool:
        every, step = self._settings.save_every, self.progress.step
        return every > 0 and step % every == 0 and step < self._settings.max_steps

    def _save(self) -> None:
        if self._active is not None:
            self.progress.objective = dict(self._active.state())
        self.progress.sums = dict(self._sums)
        save_checkpoint(self._folder, self._model.module, self._own, self._optimizer, self.progress)

    def _step(self, step: int) -> float:
        """Take one optimizer step and return its loss."""
        settings, model, progress = self._settings, self._model, self.progress
        started = time.perf_counter()
        torch.manual_seed(derive(settings.seed, "dropout", step))  # a resumed run drops what this one would have
        model.module.train()
        self._own.train()
        taken = self._gradient.take(step, visits_of_step(self._examples, self._records, self._task, settings, step))
        if not math.isfinite(taken.loss):
            raise FloatingPointError(
                f"the loss is {taken.loss} at step {step + 1}: training diverged; lower training.learning_rate "
                f"(now {settings.learning_rate}) or training.max_gradient_norm (now {settings.max_gradient_norm})"
            )
        limit = math.inf if settings.max_gradient_norm is None else settings.max_gradient_norm
        norm = self._accelerator.clip_grad_norm_(self._weights.parameters(), limit)
        share = learning_rate_share(step, settings.max_steps, settings.warmup_steps, settings.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * share
        torch.manual_seed(derive(settings.seed, "rounding", step))
        self._optimizer.step()
        self._optimizer.zero_grad()
        progress.target_tokens += taken.target_tokens
        progress.real_tokens += taken.real_tokens
        progress.padded_tokens += taken.padded_tokens
        progress.sampling_seconds += taken.sampling_s
        self._sums["train/loss"] += taken.loss
        self._sums["train/gradient_norm"] += float(norm)
        self._sums["train/learning_rate"] += settings.learning_rate * share
        for name, part in taken.parts.items():
            self._sums[f"train/loss/{name}"] += part
        for name, value in (self._active.end_step() if self._active is not None else {}).items():
            self._sums[f"train/{name}"] += value
        self._speed.add(taken.real_tokens, time.perf_counter() - started)
        return taken.loss

    def _report_means(self, report: Callable[[Mapping[str, float], int], None]) -> None:
        """Report the means over the steps since the last report, where one is due."""
        step = self.progress.step
        self.progress.summed_steps += 1
        if step % self._settings.log_every == 0 or step == self._settings.max_steps:
            report({name: total / self.progress.summed_steps for name, total in sorted(self._sums.items())}, step)
            self._sums.clear()
            self.progress.summed_steps = 0

    def _check_is_due(self) -> bool:
        every, step = self._settings.eval_every, self.progress.step
        return step == self._settings.max_steps or (every > 0 and step % every == 0)

    def _check_dev(self, score: Score, report: Callable[[Mapping[str, float], int], None], bar: Bar) -> None:
        """Keep the weights if they are the best so far, and stop early where nothing gains."""
        settings, progress = self._settings, self.progress
        report({"dev/accuracy": score.value}, progress.step)
        bar.note(f"dev accuracy {score.value:.3f}")
        progress.stale_checks += 1
        better = progress.best_step == 0 or score.value > progress.best_accuracy
        if better:
            progress.best_step, progress.best_accuracy, progress.stale_checks = progress.step, score.value, 0
            if settings.keep is Keep.best:
                save_best(self._folder, progress.step, self._model.module)
        if better or settings.keep is Keep.last:
            progress.dev = {"value": score.value, "n": score.n, "low": score.low, "high": score.high}
        progress.finished = settings.patience is not None and progress.stale_checks >= settings.patience


def _weight_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return the trained weights in two groups: matrices, which decay, and biases and norms, which do not."""
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
