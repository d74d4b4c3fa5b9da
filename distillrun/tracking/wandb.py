"""Weights & Biases: recorded offline, and sent only where that is asked for."""

import importlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.interfaces import TEXTS, Kind, Status, TrackedRun
from distillrun.records import Json

log = logging.getLogger("distillrun")

MODES = ("auto", "online", "offline")
MOST_TAG = 64
"""Characters of a tag; wandb refuses longer ones."""

KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")

ACCOUNT = frozenset(
    {*KEYS, "WANDB_CREDENTIALS_FILE", "WANDB_BASE_URL", "WANDB_APP_URL", "WANDB_ENTITY"}
    | {"WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_HTTP_TIMEOUT", "WANDB_ERROR_REPORTING"}
)
"""The variables that say whose account it is and where wandb keeps its own things; no other one counts."""


class Wandb:
    """One wandb run per job, always finished. `wandb sync RUN_FOLDER/wandb/offline-run-*` uploads an offline one.

    With `log_texts`, the teacher's data is an artifact that the run uses (offline, one that it logs); the student is
    one that it logs, so that lineage shows; both are named by their fingerprints. Everything is in the run folder, too:
    metrics.jsonl, result.json, predictions.jsonl, teacher_data/, student/.

    Args:
        project: what wandb files the run under.
        entity: the user or team; None = the default of the key.
        mode: `auto` = what WANDB_MODE says, and offline where it says nothing. Where the environment says offline or
            disabled, that counts in any case.
        group: what wandb groups runs by; None = the sweep that a job belongs to.
        tags: words to filter runs by, in addition to the chosen options.
        log_student: whether the trained student is uploaded, too.
        log_texts: whether questions, predictions and the teacher's texts are part of it, and are uploaded with it.
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
        log_texts: bool,
        init_timeout_s: float,
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"tracking.mode={mode} must be one of {', '.join(MODES)}{nearest(mode, MODES)}")
        self.project = project
        self.entity = entity
        self.mode = mode
        self.group = group
        self.tags = tuple(tags)
        self.log_student = log_student
        self.log_texts = log_texts
        self.init_timeout_s = init_timeout_s
        self._wandb: Any = None
        self._run: Any = None

    def start(self, run: TrackedRun) -> None:
        """Open the run; its files go to `wandb/` of its folder. Never prompts or waits longer than the timeout."""
        mode = self._mode()
        if mode == "disabled":
            log.info("tracking: wandb is disabled by the environment; the run folder holds everything")
            return
        run = replace(run, folder=run.folder.resolve())
        # what is uploaded later waits in the run folder, so that this is all that `wandb sync` needs
        os.environ["WANDB_DATA_DIR"] = str(run.folder / "wandb")
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # wandb sends statistics of itself otherwise, even offline
        with _account_alone(mode):
            self._wandb = importlib.import_module("wandb")
            if mode == "online" and self._has_key():
                before = set(run.folder.glob("wandb/run-*"))
                try:
                    self._run = self._open("online", run)
                except Exception as error:
                    reason = (str(error).splitlines() or [type(error).__name__])[0]
                    log.warning("tracking: wandb cannot be reached, so this run is recorded offline (%s)", reason)
                    self._wandb.teardown()  # its service would hold the run's id for ever
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
        if self._run is not None and (self.log_texts or name not in TEXTS):
            self._run.log({name: self._wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def files(self, kind: Kind, name: str, files: Mapping[str, Path]) -> None:
        if self._run is None or (kind == "student" and not self.log_student):
            return
        if kind in TEXTS and not self.log_texts:
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
        """Return online, offline or disabled: online only where it is asked for, and nothing forbids it."""
        told = os.environ.get("WANDB_MODE", "").strip().lower()
        if told == "disabled" or os.environ.get("WANDB_DISABLED", "").strip().lower() in ("1", "true", "yes", "on"):
            return "disabled"
        if told and told != "online" and self.mode == "online":
            log.warning(
                "tracking.mode=online, but WANDB_MODE=%s in the environment; this run is recorded offline", told
            )
        is_asked = self.mode == "online" or (self.mode == "auto" and told == "online")
        return "online" if is_asked and told in ("", "online") else "offline"

    def _has_key(self) -> bool:
        """Return whether wandb could log in; going online without a key would prompt, or fail where nobody answers."""
        if any(os.environ.get(key) for key in KEYS) or self._wandb.login(prompt=False, verify=False):
            return True
        log.warning("tracking: online is asked for, but wandb has no key (`wandb login`); this run is recorded offline")
        return False

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
            id=run.id,
            mode=mode,
            resume="allow" if mode == "online" else None,  # the same job again goes on in its run
            group=self.group or run.group,
            job_type=run.job,
            tags=[tag[:MOST_TAG] for tag in dict.fromkeys((*run.tags, *self.tags)) if tag],
            name=run.name,
            config=dict(run.config),
            dir=run.folder,
            settings=settings,
        )


@contextmanager
def _account_alone(mode: str) -> Iterator[None]:
    """Hide wandb's variables that would name, join or place a run; all jobs of a sweep would share what they say."""
    others = [name for name in os.environ if name.startswith("WANDB_") and name not in ACCOUNT]
    hidden = {name: os.environ.pop(name) for name in others}
    os.environ["WANDB_MODE"] = mode
    try:
        # not in the current folder: a file wandb/settings there could name another server, which would get the key
        with TemporaryDirectory() as nowhere, chdir(nowhere):
            yield
    finally:
        del os.environ["WANDB_MODE"]
        os.environ.update(hidden)
