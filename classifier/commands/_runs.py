"""The results of this run, and of the run that a git commit holds."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from classifier.common import params
from classifier.common.errors import StageError
from classifier.evaluation import metrics, scored_images

LOCK = Path("dvc.lock")
SCORED = {"validation": scored_images.VALIDATION, "test": scored_images.TEST}


@dataclass(frozen=True)
class Run:
    """What two runs are compared by.

    Attributes:
        metrics: results/metrics.json.
        params: params.yaml, by section.
        scored: the file of predictions of each split; None if it cannot be had.
    """

    metrics: Mapping[str, Any]
    params: Mapping[str, Any]
    scored: Mapping[str, Path | None]


def present() -> Run:
    """Returns the run in the project folder.

    Raises:
        StageError: there is none.
    """
    paths = (params.PATH, metrics.PATH, *SCORED.values())
    if missing := [path.as_posix() for path in paths if not path.exists()]:
        raise StageError(f"{' and '.join(missing)}: no such file; run `dvc repro`")
    return Run(
        yaml.safe_load(metrics.PATH.read_text(encoding="utf-8")),
        yaml.safe_load(params.PATH.read_text(encoding="utf-8")),
        SCORED,
    )


def commit(revision: str) -> str:
    """Returns the hash of a commit.

    Raises:
        StageError: there is no git, no repository or no such commit.
    """
    if not shutil.which("git"):
        raise StageError("python -m classifier compare: needs git, which is not installed")
    name = f"{revision}^{{commit}}"
    found = _git("rev-parse", "--verify", "--end-of-options", name)
    if found is None:
        raise StageError(
            f"{revision}: must be a commit of the git repository of this folder; commit a run "
            "first (`git add -A && git commit`)"
        )
    return found.strip()


def past(hash_: str) -> Run:
    """Returns the run that a commit holds; its predictions are taken from DVC's cache.

    Raises:
        StageError: it holds none.
    """
    texts = [_git("show", f"{hash_}:./{path}") for path in (metrics.PATH, params.PATH, LOCK)]
    if None in texts:
        raise StageError(
            f"{hash_[:7]}: holds no {metrics.PATH.as_posix()} and {LOCK} of a run; commit them "
            "after `dvc repro`, or name a commit that has them"
        )
    scores, values, lock = (yaml.safe_load(text) for text in texts if text is not None)
    outs = (out for stage in lock["stages"].values() for out in stage.get("outs", ()))
    hashes = {out["path"]: out.get("md5", "") for out in outs}
    cache = _cache_folder()
    scored: dict[str, Path | None] = {}
    for split, path in SCORED.items():
        md5 = hashes.get(path.as_posix(), "")
        content = cache / "files" / "md5" / md5[:2] / md5[2:]
        scored[split] = content if md5 and content.is_file() else None
    return Run(scores, values, scored)


def _git(*arguments: str) -> str | None:
    return _output(["git", *arguments])


def _cache_folder() -> Path:
    found = _output([sys.executable, "-m", "dvc", "cache", "dir"])
    return Path(found.strip() if found else ".dvc/cache")


def _output(command: Iterable[str]) -> str | None:
    """Returns what a command prints; None if it fails."""
    done = subprocess.run(
        list(command), capture_output=True, text=True, encoding="utf-8", check=False
    )
    return done.stdout if done.returncode == 0 else None
