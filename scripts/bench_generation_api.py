"""The API half of scripts/bench_generation."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from openai import AsyncOpenAI

from distillrun.config.build import build
from distillrun.config.compose import config_of
from distillrun.journal.client import TeacherClient
from distillrun.process.interrupt import stops_when_saved
from distillrun.records import Draw, Example, Message, Prompt, Request, Sampling

REQUESTS, AT_ONCE, LATENCY_S = 500, 32, 0.5
SAMPLING = Sampling(100, 0.0, 1.0, 1, ("\n\n",))
SERVER = Path(__file__).parents[1] / "tests" / "loopback.py"


def main() -> None:
    """Time the plain way, the teacher with its journal and ledger, and the same with failures."""
    example = Example("q", "?", ("a", "b"), 0)
    texts = [f"Question number {number} about novels and libraries?" for number in range(REQUESTS)]
    draws = [Draw(Prompt((Message("user", text),), Request("rationale", example, 0)), 0, 0) for text in texts]
    print(
        f"{REQUESTS} requests, {AT_ONCE} at once, a server on this machine that takes {LATENCY_S:g} s; "
        f"ideal {REQUESTS / AT_ONCE * LATENCY_S:.1f} s"
    )
    with serving(failing_share=0.0) as url:
        plain_s = asyncio.run(plain(url, texts))
        ours_s, clean = through_the_teacher(url, draws)
    with serving(failing_share=0.1) as url:
        failing_s, failing = through_the_teacher(url, draws)
    print(f"asyncio.gather with the openai client   {plain_s:6.2f} s")
    print(f"teacher=api, journal and ledger         {ours_s:6.2f} s   {ours_s / plain_s:.2f} x")
    print(f"the same, one request in ten failing    {failing_s:6.2f} s   {failing_s / plain_s:.2f} x")
    print(f"rows: {len(clean)} and {len(failing)} of {REQUESTS}, equal: {clean == failing}")
    if clean != failing or len(clean) < REQUESTS:
        raise SystemExit("rows are missing or differ")


@contextmanager
def serving(failing_share: float) -> Iterator[str]:
    """Run the server as a program of its own, and yield its URL."""
    command = [sys.executable, str(SERVER), "--latency_s", str(LATENCY_S), "--failing_share", str(failing_share)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


async def plain(url: str, texts: Sequence[str]) -> float:
    """Return how long the plain way takes, in seconds."""
    client, gate = AsyncOpenAI(base_url=url, api_key="none", max_retries=0), asyncio.Semaphore(AT_ONCE)

    async def ask(text: str) -> None:
        async with gate:
            await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": text}], max_tokens=100, temperature=0.0
            )

    begin = time.perf_counter()
    await asyncio.gather(*map(ask, texts))
    seconds = time.perf_counter() - begin
    await client.close()
    return seconds


def through_the_teacher(url: str, draws: Sequence[Draw]) -> tuple[float, list[str]]:
    """Return how long the teacher takes behind a new journal and ledger, in seconds, and the texts in order."""
    overrides = ["teacher=api", f"teacher.base_url={url}", "teacher.model=m", "teacher.api_key_env=null"]
    teacher = build(config_of([*overrides, f"teacher.concurrency={AT_ONCE}"]).teacher, "teacher")
    with tempfile.TemporaryDirectory() as store, stops_when_saved() as stopping:
        begin = time.perf_counter()
        line = TeacherClient(Path(store), "bench", teacher)
        found = {index: made.text for index, made, _ in line.complete(draws, SAMPLING, stopping)}
        seconds = time.perf_counter() - begin
    teacher.release()
    return seconds, [found[index] for index in sorted(found)]
