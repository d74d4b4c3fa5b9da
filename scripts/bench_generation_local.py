"""The local half of scripts/bench_generation."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from distillrun.config.build import build
from distillrun.config.compose import config_of
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.records import Draw, Prompt, Sampling, gold
from distillrun.teacher.local import Local

QUESTIONS, PAIRS, BATCH, NEW_TOKENS, MEDIAN = 256, 8, 16, 160, 40
STOPS = (".", ",", "?", "The", "ing", "er", "an", "e ", "in", "st")


class Free:
    """An account without limits."""

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> "Free":
        return self

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None: ...


def main() -> None:
    """Run the three ways and print how they compare."""
    with tempfile.TemporaryDirectory() as folder:
        teacher = write_teacher(Path(folder))
        prompts = make_prompts()
        run(teacher, prompts)


def write_teacher(folder: Path) -> Local:
    """Write a random Llama and return the teacher on it."""
    torch.manual_seed(0)
    tokenizer: Any = tiny_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=4096,
        initializer_range=0.06,  # wide enough that greedy answers wander instead of repeating one token
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    model: Any = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(
        f"a random Llama of {sum(weight.numel() for weight in model.parameters()) / 1e6:.1f}M parameters, float32, "
        f"{torch.get_num_threads()} threads"
    )
    node = config_of(["teacher=local", f"teacher.checkpoint={folder}", "teacher.device=cpu"]).teacher
    made: Local = build(node, "teacher")
    return made


def make_prompts() -> list[Prompt]:
    """Return the few-shot prompts of 256 questions, under eight pairs of adjectives."""
    config = config_of(["generation=[few_shot_rationale]"])
    step = build(config.generation.steps["few_shot_rationale"], "generation")
    task = build(config.task, "task")
    examples = task.examples("train")[:QUESTIONS]
    return [
        step.ask(replace(example, id=f"pair {number % PAIRS}"), gold(example), task, 0)
        for number, example in enumerate(examples)
    ]


def run(teacher: Local, prompts: Sequence[Prompt]) -> None:
    """Time the three ways."""
    sources = [teacher._prompts.ids(prompt.messages) for prompt in prompts]
    teacher.tokens_per_batch = BATCH * (max(map(len, sources)) + NEW_TOKENS)
    model = teacher._loaded()
    module, tokenizer = model._module, teacher._prompts.tokenizer
    plain_s, (whole, plain_positions) = timed(lambda: generate(module, tokenizer, sources, ()))
    stop = choose_stop(tokenizer, whole)
    stopped_s, (stopped, _) = timed(lambda: generate(module, tokenizer, sources, (stop,)))
    sampling = Sampling(NEW_TOKENS, 0.0, 1.0, 1, (stop,))
    draws = [Draw(prompt, 0, 0) for prompt in prompts]
    model.positions.computed = 0
    ours_s, answers = timed(lambda: dict(teacher.complete(draws, sampling, Free())))
    ours = [answers[index] for index in range(len(draws))]
    lengths = [completion.completion_tokens for completion in ours]
    quarters = statistics.quantiles(lengths, n=4)
    print(
        f"{QUESTIONS} prompts of {min(map(len, sources))} to {max(map(len, sources))} tokens; stop text {stop!r}; "
        f"answers of {min(lengths)} to {max(lengths)} tokens, quartiles {', '.join(f'{one:.0f}' for one in quarters)}"
    )
    cut = [tokenizer.decode(ids, skip_special_tokens=True).split(stop)[0] for ids in whole]
    also_cut = [tokenizer.decode(ids, skip_special_tokens=True).split(stop)[0] for ids in stopped]
    same = sum(a == b == completion.text for a, b, completion in zip(cut, also_cut, ours, strict=True))
    print(
        f"the three ways give the same text for {same} of {QUESTIONS} prompts; discarded tokens: "
        f"{sum(completion.discarded_tokens for completion in ours)}"
    )
    print(f"{'':34}{'positions':>12}{'seconds':>10}")
    print(f"{'generate, no stop strings':34}{plain_positions:>12,}{plain_s:>10.1f}")
    print(f"{'generate, stop strings':34}{'':>12}{stopped_s:>10.1f}")
    print(f"{'teacher=local':34}{model.positions.computed:>12,}{ours_s:>10.1f}")
    print(
        f"fewer positions than without stop strings: {plain_positions / model.positions.computed:.1f} x; "
        f"less time: {plain_s / ours_s:.1f} x; less time than with stop strings: {stopped_s / ours_s:.1f} x"
    )
    if same < QUESTIONS:
        raise SystemExit("the texts differ")


def generate(
    module: Any, tokenizer: Any, sources: Sequence[tuple[int, ...]], stop: tuple[str, ...]
) -> tuple[list[list[int]], int]:
    """Let transformers write in fixed batches in the given order; return the ids and the positions computed."""
    written: list[list[int]] = []
    positions = 0
    extra = {"stop_strings": list(stop), "tokenizer": tokenizer} if stop else {}
    for begin in range(0, len(sources), BATCH):
        batch = sources[begin : begin + BATCH]
        width = max(map(len, batch))
        ids = torch.tensor([[tokenizer.eos_token_id] * (width - len(one)) + list(one) for one in batch])
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in batch])
        with torch.inference_mode():
            made = module.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False, **extra
            )[:, width:]
        written += made.tolist()
        positions += len(batch) * (width + made.shape[1] - 1)
    return written, positions


def choose_stop(tokenizer: Any, written: Sequence[Sequence[int]]) -> str:
    """Return the text at which the median answer has nearest to 40 tokens."""

    def median(stop: str) -> float:
        texts = [tokenizer.decode(ids, skip_special_tokens=True).split(stop)[0] for ids in written]
        return statistics.median(len(tokenizer(text)["input_ids"]) for text in texts)

    return min(STOPS, key=lambda stop: abs(median(stop) - MEDIAN))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the wall seconds of some work, and what it returned."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result
