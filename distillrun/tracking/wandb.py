"""Weights & Biases, online where there is a key and a network, offline otherwise."""

import importlib
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.interfaces import Kind, Status, TrackedRun
from distillrun.records import Json

log = logging.getLogger("distillrun")

MODES = ("auto", "online", "offline")
MOST_TAG = 64
"""Characters of a tag; wandb refuses longer ones."""

KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


class Wandb:
    """One wandb run per job, always finished. `wandb sync RUN_FOLDER/wandb/offline-run-*` uploads an offline one.

    The teacher's data is an artifact that the run uses (offline, one that it logs), and the student one that it
    logs, so that lineage shows; both are named by their fingerprints. Everything is in the run folder, too:
    metrics.jsonl, result.json, predictions.jsonl, teacher_data/, student/.

    Args:
        project: what wandb files the run under.
        entity: the user or team; None = the default of the key.
        mode: `auto` = online when wandb has a key (environment or its own login), offline otherwise.
        group: what wandb groups runs by; None = the sweep that a job belongs to.
        tags: words to filter runs by, beside the options that were chosen.
        log_student: whether the trained student is uploaded, too.
        init_timeout_s: how long to wait for the server before the run goes on offline.
    """

    def __init__(
        self,
        project: str,
        entity: str | None,
        mode: str,
        group: str | None,
        tags: Sequence[str],
        log_student: bool,
        init_timeout_s: float,
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"tracking.mode={mode} is none of {', '.join(MODES)}{nearest(mode, MODES)}")
        self.project = project
        self.entity = entity
        self.mode = mode
        self.group = group
        self.tags = tuple(tags)
        self.log_student = log_student
        self.init_timeout_s = init_timeout_s
        self._wandb: Any = None
        self._run: Any = None

    def start(self, run: TrackedRun) -> None:
        """Open the run; its files go to `wandb/` of its folder. Never prompts or waits longer than the timeout."""
        # what is uploaded later waits in the run folder, so that this is all that `wandb sync` needs
        os.environ["WANDB_DATA_DIR"] = str((run.folder / "wandb").resolve())
        self._wandb = importlib.import_module("wandb")
        if self._mode() == "online":
            before = set(run.folder.glob("wandb/run-*"))
            try:
                self._run = self._open("online", run)
            except Exception as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                log.warning("tracking: wandb cannot be reached, so this run is recorded offline (%s)", reason)
                for attempt in set(run.folder.glob("wandb/run-*")) - before:
                    shutil.rmtree(attempt, ignore_errors=True)
        if self._run is None:
            self._run = self._open("offline", run)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        if self._run is not None:
            self._run.log(dict(metrics), step=step)

    def summary(self, values: Mapping[str, Json]) -> None:
        if self._run is not None:
            self._run.summary.update(dict(values))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None:
        if self._run is not None:
            self._run.log({name: self._wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def files(self, kind: Kind, name: str, files: Mapping[str, Path]) -> None:
        if self._run is None or (kind == "student" and not self.log_student):
            return
        artifact = self._wandb.Artifact(name, type={"student": "model"}.get(kind, kind))
        for path, file in files.items():
            artifact.add_file(str(file), name=path)
        if kind == "teacher-data" and not self._run.offline:
            self._run.use_artifact(artifact)
        else:  # offline, wandb can only log
            self._run.log_artifact(artifact)
        for path, file in files.items():
            if kind == "report" and file.suffix == ".png":
                self._run.log({path.removesuffix(".png"): self._wandb.Image(str(file))})

    def finish(self, status: Status) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.finish(exit_code=0 if status == "done" else 1)

    def _mode(self) -> str:
        if self.mode == "offline" or (self.mode == "auto" and os.environ.get("WANDB_MODE") in ("offline", "dryrun")):
            return "offline"
        if any(os.environ.get(key) for key in KEYS) or self._wandb.login(prompt=False, verify=False):
            return "online"
        if self.mode == "online":
            # going online without a key would prompt for one, or fail where nobody can answer
            log.warning("tracking.mode=online, but wandb has no key (`wandb login`); this run is recorded offline")
        return "offline"

    def _open(self, mode: str, run: TrackedRun) -> Any:
        settings = self._wandb.Settings(
            console="off",
            disable_git=True,
            init_timeout=self.init_timeout_s,
            quiet=True,
            save_code=False,
            silent=True,
            x_disable_meta=True,  # the command line may hold a secret
        )
        return self._wandb.init(
            project=self.project,
            entity=self.entity,
            mode=mode,
            group=self.group or run.group,
            job_type=run.job,
            tags=[tag[:MOST_TAG] for tag in dict.fromkeys((*run.tags, *self.tags)) if tag],
            name=run.name,
            config=dict(run.config),
            dir=run.folder,
            settings=settings,
        )
