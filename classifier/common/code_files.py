"""Hashes of the code that each stage needs: results/code, which stage `code` writes."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("results/code")


def list_hashes(paths: Iterable[Path]) -> str:
    """Returns a line with the SHA-256 of each file, in the format of sha256sum."""
    return "".join(f"{_sha256(path)}  {path.as_posix()}\n" for path in paths)


def changed(stage: str) -> list[str]:
    """Returns the files of a stage that are no longer as they were when stage `code` ran.

    There are none for what is no stage.
    """
    path = FOLDER / f"{stage}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    recorded = (line.split("  ", 1) for line in lines)
    return [name for sha256, name in recorded if _sha256(Path(name)) != sha256]


def _sha256(path: Path) -> str:
    """Returns the hash of a file, or nothing if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
