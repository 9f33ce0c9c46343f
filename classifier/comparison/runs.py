"""The results of this run, and of the run that a git commit holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from classifier.common import params
from classifier.common.errors import StageError
from classifier.comparison import dvc_cache
from classifier.comparison.commits import Commit
from classifier.evaluation import metrics, scored_images

LOCK = Path("dvc.lock")
COMMITTED = (metrics.PATH, params.PATH, LOCK)  # what a commit holds of a run
SCORED = {"validation": scored_images.VALIDATION, "test": scored_images.TEST}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # dvc.lock: 5 ms instead of 50


@dataclass(frozen=True)
class Run:
    """What two runs are compared by.

    Attributes:
        metrics: results/metrics.json.
        params: params.yaml, by section.
        scored: a file with the predictions of each split, if it can be had.
    """

    metrics: Mapping[str, Any]
    params: Mapping[str, Any]
    scored: Mapping[str, Path]


def present() -> Run:
    """Returns the run in the project folder.

    Raises:
        StageError: there is none.
    """
    paths = (params.PATH, metrics.PATH, *SCORED.values())
    if missing := [path.as_posix() for path in paths if not path.exists()]:
        raise StageError(f"{' and '.join(missing)}: no such file; run `dvc repro`")
    return Run(json.loads(metrics.PATH.read_text("utf-8")), params.load_all(), SCORED)


def past(commit: Commit) -> Run:
    """Returns the run that a commit holds.

    Its predictions are in DVC's cache, or still in the project folder. Nothing is fetched.

    Raises:
        StageError: it holds none, or one of an old version that cannot be read.
    """
    try:
        scores, values, lock = (commit.files[path].decode() for path in COMMITTED)
        hashes = _hashes(yaml.load(lock, LOADER))  # a SafeLoader
        run = Run(dict(json.loads(scores)), params.parse(values), {})
    except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError):
        raise StageError(
            f"{commit.name}: holds no {metrics.PATH.as_posix()} and {LOCK} of a run; commit them "
            "after `dvc repro`, or name a commit that has them"
        ) from None
    found = {split: _content(path, hashes.get(path)) for split, path in SCORED.items()}
    return Run(run.metrics, run.params, {split: path for split, path in found.items() if path})


def _hashes(lock: Any) -> dict[Path, str]:
    """Returns the MD5 of each output in a dvc.lock."""
    outs = (out for stage in lock["stages"].values() for out in stage.get("outs", ()))
    return {Path(out["path"]): str(out.get("md5", "")) for out in outs}


def _content(path: Path, md5: str | None) -> Path | None:
    """Returns a file with the content that `path` had; `path` itself if it still has it."""
    if not md5:
        return None
    return path if path.exists() and dvc_cache.hash_of(path) == md5 else dvc_cache.find(md5)
