"""Keeps DVC from deleting images that it no longer tracks.

DVC remembers every folder that `dvc add` or `dvc pull` has linked. `dvc checkout`, `dvc pull` and
`dvc exp run` delete those that have not changed and that no .dvc file names any more. Nothing else
needs that memory, so the folders of `input/` are taken out of it and kept out.
"""

import configparser
import getpass
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from classifier.common.errors import warn
from classifier.dataset.folders import INPUT

DVC_FOLDER = Path(".dvc")
IS_INPUT = "({0} = '{1}' OR {0} LIKE '{1}/%' OR {0} LIKE '{1}\\%')"
FORGET = f"DELETE FROM Cache WHERE {IS_INPUT.format('key', INPUT)}"
NEVER_REMEMBER = (
    f"CREATE TRIGGER IF NOT EXISTS keep_input AFTER INSERT ON Cache "
    f"WHEN {IS_INPUT.format('NEW.key', INPUT)} BEGIN DELETE FROM Cache WHERE rowid = NEW.rowid; END"
)


def keep_images() -> None:
    """Takes `input/` out of DVC's list of links, for good."""
    if not DVC_FOLDER.is_dir():
        return
    try:
        path = database()
        with closing(sqlite3.connect(path.as_uri() + "?mode=rw", uri=True)) as links, links:
            links.execute(NEVER_REMEMBER)
            links.execute(FORGET)
    except (OSError, sqlite3.Error) as error:
        warn(
            f"{INPUT.as_posix()}: DVC's list of links cannot be changed ({error}); do not undo "
            "`dvc add` before you have a copy of the images"
        )


def database() -> Path:
    """Returns DVC's list of links."""
    path = _folder() / "links" / "cache.db"
    if path.exists():
        return path
    from dvc.repo import Repo  # 0.7 s

    with Repo(DVC_FOLDER.parent) as repo:
        return Path(repo.site_cache_dir) / "links" / "cache.db"


def _folder() -> Path:
    """Returns what DVC's `Repo.site_cache_dir` is, without importing all of DVC."""
    from dvc.dirs import global_config_dir, site_cache_dir, system_config_dir
    from dvc.version import version_tuple

    root = DVC_FOLDER.absolute().parent
    configs = (Path(system_config_dir()), Path(global_config_dir()), DVC_FOLDER)
    config = configparser.RawConfigParser(strict=False)
    config.read([*(folder / "config" for folder in configs), DVC_FOLDER / "config.local"], "utf-8")
    configured = config.get("core", "site_cache_dir", fallback="").strip("\"'")
    mark = DVC_FOLDER / "tmp" / "btime"
    created = mark.stat().st_mtime if mark.exists() else getattr(root.stat(), "st_birthtime", None)
    identity = str((str(root), None, created, getpass.getuser(), version_tuple[0], 0))
    name = hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()
    return Path(site_cache_dir(configured or None)).absolute() / "repo" / name
