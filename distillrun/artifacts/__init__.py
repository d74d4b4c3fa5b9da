"""Stages, their fingerprints, and the store in which runs share what stages made."""

from distillrun.artifacts.listing import StoredArtifact, stored_artifacts
from distillrun.artifacts.manifest import SCRATCH
from distillrun.artifacts.pruning import prune
from distillrun.artifacts.stage import Stage, canonical_json, digest
from distillrun.artifacts.store import Artifact, ArtifactStore, Made

__all__ = [
    "SCRATCH",
    "Artifact",
    "ArtifactStore",
    "Made",
    "Stage",
    "StoredArtifact",
    "canonical_json",
    "digest",
    "prune",
    "stored_artifacts",
]
