"""A small experiment that goes through every stage; its teacher is a server here that counts what it is asked."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

from tests.command_line import Ended, Launcher, Running
from tests.loopback import Answer, Answering, Loopback, Seen, told, written

ROOT = Path(__file__).parents[2]
TRACEBACK = "Traceback (most recent call last)"
STAGES = (
    "generate/few_shot_rationale",
    "generate/critique",
    "generate/revision",
    "generate/counterfactual",
    "read_logits",
    "train",
    "evaluate/generated_answer",
)
SIZES = (
    "student=tiny_qwen",
    "student.layers=1",
    "student.width=32",
    "student.heads=2",
    "student.feed_forward_width=32",
)
FEW = (
    "task=everyday",
    "task.limit=12",
    "training.examples_per_step=4",
    "training.warmup_steps=1",
    "training.dev_new_tokens=4",
    "evaluation.generated_answer.answer_tokens=4",
    "evaluation.generated_answer.explanation_tokens=4",
    "tracking=jsonl",
    "runtime.device=cpu",
    "runtime.threads=1",
)
LATENCY_S = 0.02


class Server:
    """One server for all worlds, so that a teacher is the same in each; how it answers can be changed."""

    def __init__(self) -> None:
        self.answering: Answering = answered
        self.loopback = Loopback(lambda seen: self.answering(seen))
        self.loopback.__enter__()

    def close(self) -> None:
        self.loopback.__exit__(None, None, None)


class World:
    """A folder with a store and runs. `asked` is what the server was asked since the world was made."""

    def __init__(self, folder: Path, launcher: Launcher, server: Server, teacher: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.launcher = launcher
        self.server = server
        self.teacher = teacher
        self._first = len(server.loopback.asked)

    @property
    def asked(self) -> list[Seen]:
        return self.server.loopback.asked[self._first :]

    @property
    def asking(self) -> tuple[str, ...]:
        """The settings of a teacher behind the server."""
        return (
            "teacher=api",
            f"teacher.base_url={self.server.loopback.url}",
            "teacher.model=m",
            "teacher.api_key_env=null",
            "teacher.concurrency=4",
            "teacher.revision=one",
        )

    @property
    def plain(self) -> tuple[str, ...]:
        """The settings of an experiment that may be anything: small, with the teacher behind the server."""
        return (*FEW, *SIZES, *self.asking, "paths.store=store", "paths.runs=runs")

    @property
    def words(self) -> tuple[str, ...]:
        """The command line of the whole experiment."""
        return (
            *self.plain,
            "generation=everything",
            "objective=forward_kl",
            "objective@objective.texts=multitask_counterfactual",
            "objective.texts.rationale=revised",
            "teacher@logit_teacher=local",
            f"logit_teacher.checkpoint={self.teacher}",
            "training.max_steps=20",
            "training.save_every=2",
            "training.eval_every=10",
        )

    def start(self, *words: str, **how: object) -> Running:
        """Start the experiment, with more settings."""
        return self.launcher.start((*self.words, *words), self.folder, **how)  # type: ignore[arg-type]

    def run(self, *words: str, **how: object) -> Ended:
        """Run the experiment, with more settings, to its end."""
        return self.start(*words, **how).end()

    def run_plain(self, *words: str, **how: object) -> Ended:
        """Run another experiment to its end."""
        return self.launcher.start((*self.plain, *words), self.folder, **how).end()  # type: ignore[arg-type]

    def take_from(self, other: "World") -> None:
        """Copy the store and the runs of another world."""
        for part in ("store", "runs"):
            shutil.copytree(other.folder / part, self.folder / part, symlinks=True)

    def asked_again(self) -> int:
        """Return how many requests were sent more than once."""
        counts = Counter(json.dumps(seen.body, sort_keys=True) for seen in self.asked)
        return sum(count - 1 for count in counts.values())

    def results(self) -> dict[str, str]:
        """Return the digest of every file that has to be the same whatever happened before."""
        found = {}
        for pattern in (
            "train/*/student/*",
            "generate-*/*/records.jsonl",
            "read_logits/*/parts/*",
            "evaluate-*/*/*.jsonl",
        ):
            for file in sorted(self.folder.glob(f"store/{pattern}")):
                if "." in file.relative_to(self.folder / "store").parts[1]:
                    continue  # set aside
                found[str(file.relative_to(self.folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
        runs = sorted(self.folder.glob("runs/*/predictions.jsonl"), key=lambda file: file.stat().st_mtime)
        if runs:
            found["predictions"] = hashlib.sha256(runs[-1].read_bytes()).hexdigest()
        return {name: digest for name, digest in found.items() if not name.endswith("README.md")}


def answered(seen: Seen) -> Answer:
    """Answer as a teacher that takes its time; the text depends on the request alone."""
    return Answer(written(told(seen)), delay_s=LATENCY_S)


def train_teacher(folder: Path, launcher: Launcher) -> Path:
    """Train the white-box teacher for a few steps and return its folder."""
    folder.mkdir()
    words = (*FEW, *SIZES, "objective=label_only", "until=train", "training.max_steps=3", "training.seed=9")
    ended = launcher.start((*words, "paths.store=store", "paths.runs=runs"), folder).end()
    made = next(iter(folder.glob("store/train/*/student")), None)
    if ended.code or made is None:
        raise RuntimeError(f"the white-box teacher was not trained:\n{ended.said}")
    return made
