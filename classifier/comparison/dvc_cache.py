"""DVC's local cache, read as files.

To import DVC takes longer than the report: only its list of folders (0.1 s) is imported, and only
if a file is not in the project's cache.
"""

import configparser
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def find(md5: str) -> Path | None:
    """Returns the file in the cache with this content; None if it lacks it or is damaged."""
    for folder in _folders():
        path = folder / "files" / "md5" / md5[:2] / md5[2:]
        with suppress(OSError):  # it is not there, or not to be read
            if hash_of(path) == md5:
                return path
    return None


def hash_of(path: Path) -> str:
    """Returns the MD5 of a file's content, which DVC knows it by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _folders() -> Iterator[Path]:
    """Yields the folders that may be the cache: of this project's settings, then the user's."""
    here = Path.cwd()
    root = next((path for path in (here, *here.parents) if (path / ".dvc").is_dir()), None)
    if not root:
        return
    yield from _configured(root / ".dvc" / "config.local", root / ".dvc" / "config")
    yield root / ".dvc" / "cache"
    from dvc.dirs import global_config_dir, system_config_dir

    yield from _configured(*(Path(f(), "config") for f in (global_config_dir, system_config_dir)))


def _configured(*paths: Path) -> Iterator[Path]:
    for path in paths:
        config = configparser.RawConfigParser(strict=False)
        try:
            config.read(path, "utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        if folder := config.get("cache", "dir", fallback="").strip("\"'"):
            yield path.parent / os.path.expanduser(folder)  # noqa: PTH111 never fails
