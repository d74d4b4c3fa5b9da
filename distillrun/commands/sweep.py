"""`distillrun -m`: a sweep, of which Hydra composes and launches the jobs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from distillrun.config.compose import check_permission, conf_folder, permits, quoted, selected
from distillrun.config.settings import resolve
from distillrun.config.sweep_jobs import swept_together
from distillrun.errors import ConfigError, UnsafeError
from distillrun.files.disk import writing
from distillrun.process.interrupt import stops_at_once
from distillrun.sweep.ending import end_jobs
from distillrun.sweep.finishing import finish
from distillrun.sweep.folder import working_in
from distillrun.sweep.job import claim_job_folder, say, score_of
from distillrun.sweep.live import live_view
from distillrun.sweep.machine_share import share_of
from distillrun.sweep.running import JobPolicy, refuse_job, run_job
from distillrun.sweep.starting import Start
from distillrun.upstream import begun_hydra, multirun


def sweep(start: Start, flags: argparse.Namespace) -> int:
    """Run a sweep in its folder, and tell what became of it even where it was interrupted."""
    complete = False
    total = None if start.jobs is None else len(start.jobs)
    with writing("hydra.sweep.dir", start.folder), working_in(start.folder, start.overrides):
        try:
            with stops_at_once(lambda: end_jobs(start.folder)), live_view(start.folder, total, start.drawn):
                words = swept_together(start.overrides, flags.config_dir)
                words = [f"hydra.sweep.dir={quoted(start.folder)}", *words, *start.launching, "hydra.mode=MULTIRUN"]
                with begun_hydra(conf_folder(), flags.config_dir) as hydra:
                    multirun(hydra, flags.config_name or "config", words, _job_of(flags), start.jobs is not None)
            complete = True
        except ValueError as error:
            if "No trials are completed" not in str(error):  # Optuna's, where no job of a search ended well
                raise
            complete = True
        except RuntimeError as error:
            if not type(error).__module__.startswith("submitit."):  # its own, where a job lost its machine or its time
                raise
            say(f"the launcher failed: {(str(error).strip().splitlines() or [type(error).__name__])[-1]}")
        finally:
            exit_code = finish(start.folder, start.config, complete, start.jobs or ())
    return exit_code


def _job_of(flags: argparse.Namespace) -> Callable[[DictConfig], float | None]:
    """Return what Hydra calls for each job, wherever its launcher runs."""
    permitted = permits(flags.overrides)

    def job(cfg: DictConfig) -> float | None:
        return _job(cfg, HydraConfig.get(), permitted)

    return job


def _job(cfg: DictConfig, node: HydraConf, permitted: bool) -> float | None:
    """Run one job in a child process.

    Returns its dev accuracy, by which a sweeper such as Optuna chooses the next ones; None where it has none.
    """
    number, folder = int(node.job.num), Path(node.sweep.dir)
    try:
        config = resolve(cfg, selected(node.runtime.choices, cfg))
        check_permission(config, permitted)
    except UnsafeError:
        raise
    except ConfigError as error:
        refuse_job(number, folder, node.overrides.task, error)
        return None
    share = share_of(node.launcher, config.runtime.devices, config.runtime.threads)
    policy = JobPolicy(_child_flags(node), config.sweep.on_error == "stop", config.sweep.retries, share)
    done = run_job(number, claim_job_folder(folder, number, config), node.overrides.task, policy)
    return score_of(done, "dev/accuracy")


def _child_flags(node: HydraConf) -> list[str]:
    """Return what lets a child process find the same config files and run them once."""
    folders = [source.path for source in node.runtime.config_sources if source.provider == "command-line"]
    flags = [flag for folder in folders for flag in ("--config-dir", folder)]
    search_path = [line for line in node.overrides.hydra if line.startswith("hydra.searchpath=")]
    return [*flags, "--config-name", str(node.job.config_name), "hydra.mode=RUN", *search_path]
