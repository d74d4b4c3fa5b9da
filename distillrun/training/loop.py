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

from distillrun.errors import ConfigError
from distillrun.interfaces import LanguageModel, StudentObjective, Task
from distillrun.language_model.batching import micro_batches
from distillrun.progress import Bar
from distillrun.records import Example, Score, TargetPair, TeacherRecord
from distillrun.schema import Keep, Precision, TrainingConfig
from distillrun.tensors import Count
from distillrun.training.checkpoint import Progress, load_weights, resume, save_checkpoint, save_weights
from distillrun.training.order import derive, examples_of_step, shuffle_choices
from distillrun.training.schedule import learning_rate_share

log = logging.getLogger("distillrun")


class Trainer:
    """Trains one student. What it is given is all that it can reach: no test example is among it.

    Args:
        model: the untrained student; it is trained in place.
        objective, task: what is learnt, and how it is written.
        examples: the training examples.
        records: the teacher's record of each example; None where the objective needs no teacher.
        settings: checked settings.
        device: where to train.
        folder: where checkpoints live; one that was interrupted here is resumed.
    """

    def __init__(
        self,
        model: LanguageModel,
        objective: StudentObjective,
        task: Task,
        examples: Sequence[Example],
        records: Sequence[TeacherRecord] | None,
        settings: TrainingConfig,
        device: torch.device,
        folder: Path,
    ) -> None:
        self._model = model
        self._objective = objective
        self._task = task
        self._examples = examples
        self._records = records
        self._settings = settings
        self._folder = folder
        precision = "bf16" if settings.precision is Precision.bf16 else "no"
        self._accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision=precision)
        if self._accelerator.num_processes > 1:
            raise ConfigError("a student is trained in one process; start distillrun without accelerate launch")
        optimizer = torch.optim.AdamW(
            _weight_groups(model.module, settings.weight_decay),
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            eps=settings.epsilon,
        )
        _, self._optimizer = self._accelerator.prepare(model.module, optimizer)
        self.progress = resume(folder, model.module, optimizer)
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._summed_steps = 0

    def run(
        self,
        dev_check: Callable[[], Score],
        report: Callable[[Mapping[str, float], int], None],
        stopping: Callable[[], bool],
        bar: Bar,
    ) -> Progress:
        """Train to the end and leave the kept weights in the model.

        Args:
            dev_check: returns the dev accuracy of the model as it is now.
            report: takes metrics and the step that they belong to.
            stopping: says whether to save and stop after the current step.
            bar: shows the progress.

        Raises:
            KeyboardInterrupt: stopped as asked; the state is saved.
        """
        settings, progress = self._settings, self.progress
        if progress.step:
            log.info("train: resumed after step %d of %d", progress.step, settings.max_steps)
        with bar:
            while progress.step < settings.max_steps and not progress.finished:
                started = time.perf_counter()
                loss = self._step(progress.step)
                progress.step += 1
                self._report_means(report)
                if self._check_is_due():
                    self._check_dev(dev_check(), report, bar)
                progress.seconds += time.perf_counter() - started
                bar.advance(f"loss {loss:.3f}")
                if stopping():
                    self._save()
                    raise KeyboardInterrupt
                if self._save_is_due():
                    self._save()
        if settings.keep is Keep.best:
            load_weights(self._model.module, self._best(progress.best_step))
        self._accelerator.unwrap_model(self._model.module, keep_fp32_wrapper=False)
        self._accelerator.free_memory()
        return progress

    def _save_is_due(self) -> bool:
        every, step = self._settings.save_every, self.progress.step
        return every > 0 and step % every == 0 and step < self._settings.max_steps

    def _save(self) -> None:
        save_checkpoint(self._folder, self._model.module, self._optimizer.optimizer, self.progress)
        for file in self._folder.glob("best-*.safetensors"):
            if file != self._best(self.progress.best_step):
                file.unlink()

    def _best(self, step: int) -> Path:
        return self._folder / f"best-{step:08d}.safetensors"

    def _step(self, step: int) -> float:
        """Take one optimizer step and return its loss."""
        settings, model = self._settings, self._model
        torch.manual_seed(derive(settings.seed, "dropout", step))  # a resumed run drops what this one would have
        model.module.train()
        pairs, rows = self._pairs(step)
        lengths = model.lengths(pairs)
        counts = count_views(pairs, [learnt for _, _, learnt in lengths])
        total = 0.0
        for chosen in micro_batches([(source, target) for source, target, _ in lengths], settings.micro_batch_tokens):
            batch = model.encode([pairs[n] for n in chosen], [rows[n] for n in chosen])
            loss = self._objective.loss(model.forward(batch), counts)
            self._accelerator.backward(loss.total)
            total += loss.total.item()
            self.progress.real_tokens += batch.real_tokens
            self.progress.padded_tokens += batch.padded_tokens
            for name, part in loss.parts.items():
                self._sums[f"train/loss/{name}"] += part.item()
        if not math.isfinite(total):
            raise FloatingPointError(
                f"the loss is {total} at step {step + 1}: training diverged; lower training.learning_rate "
                f"(now {settings.learning_rate}) or training.max_gradient_norm (now {settings.max_gradient_norm})"
            )
        limit = math.inf if settings.max_gradient_norm is None else settings.max_gradient_norm
        norm = self._accelerator.clip_grad_norm_(model.module.parameters(), limit)
        share = learning_rate_share(step, settings.max_steps, settings.warmup_steps, settings.schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * share
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.progress.target_tokens += sum(count.tokens for count in counts.values())
        self._sums["train/loss"] += total
        self._sums["train/gradient_norm"] += float(norm)
        self._sums["train/learning_rate"] += settings.learning_rate * share
        return total

    def _pairs(self, step: int) -> tuple[list[TargetPair], list[int]]:
        """Return the pairs of a step and, for each, the position of its example in the step."""
        settings = self._settings
        pairs: list[TargetPair] = []
        rows: list[int] = []
        places = examples_of_step(len(self._examples), settings.seed, settings.examples_per_step, step)
        for row, (epoch, index) in enumerate(places):
            example = self._examples[index]
            record = self._records[index] if self._records is not None else None
            if settings.shuffle_choices:
                example, record = shuffle_choices(example, record, settings.seed, epoch)
            seed = derive(settings.seed, "objective", step, example.id)
            made = self._objective.targets(example, record, self._task, seed)
            pairs.extend(made)
            rows.extend([row] * len(made))
        return pairs, rows

    def _report_means(self, report: Callable[[Mapping[str, float], int], None]) -> None:
        """Report the means over the steps since the last report, where one is due."""
        step = self.progress.step
        self._summed_steps += 1
        if step % self._settings.log_every == 0 or step == self._settings.max_steps:
            report({name: total / self._summed_steps for name, total in sorted(self._sums.items())}, step)
            self._sums.clear()
            self._summed_steps = 0

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
                save_weights(self._model.module, self._best(progress.step))
        if better or settings.keep is Keep.last:
            progress.dev = {"value": score.value, "n": score.n, "low": score.low, "high": score.high}
        progress.finished = settings.patience is not None and progress.stale_checks >= settings.patience


def count_views(pairs: Sequence[TargetPair], learnt_tokens: Sequence[int]) -> dict[str, Count]:
    """Return how many learnt tokens and pairs of each view a step has."""
    counts: dict[str, Count] = {}
    for pair, tokens in zip(pairs, learnt_tokens, strict=True):
        before = counts.get(pair.view, Count(0, 0))
        counts[pair.view] = Count(before.tokens + tokens, before.pairs + 1)
    return counts


def _weight_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return the trained weights in two groups: matrices, which decay, and biases and norms, which do not."""
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
