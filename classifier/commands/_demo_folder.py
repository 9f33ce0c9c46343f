"""demo/: what is copied there, and which of its files the user has changed or added."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from classifier.commands import _demo_params
from classifier.commands._demo_params import FOLDER, PARAMS, RECORD
from classifier.common import files
from classifier.common.errors import StageError, first_names

IMAGES = Path(__file__).with_name("demo_images")
CODE = ("classifier", "stages", "dvc.yaml", ".dvcignore")
CONFIG = FOLDER / ".dvc" / "config"
DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n"
SITE_CACHE = FOLDER / ".dvc" / "site_cache"  # else DVC's state is where all users can write
COMPUTED = (".cache", ".dvc", "dvc.lock", "dvc_plots")  # besides the outputs in dvc.yaml


def prepare() -> bool:
    """Makes or updates the demo, and returns whether its params.yaml is as it was copied.

    Nothing that the user has changed is replaced: the images stay, and so do an edited params.yaml
    and, if any of it was edited, all of the code.

    Raises:
        StageError: FOLDER is something else.
    """
    _require_demo()
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    if not RECORD.exists():
        _demo_params.remember({})
    if edited := _users_files(CODE):
        print(f"demo: keeping your code; changed: {first_names(edited)}", flush=True)
    else:
        _copy_code()
    if (FOLDER / "input").exists():
        print(f"demo: keeping the images in {FOLDER.as_posix()}/input", flush=True)
    else:
        with files.atomic_folder(FOLDER / "input", "train") as part:
            shutil.copytree(IMAGES, part, dirs_exist_ok=True)
    return _demo_params.copy_params(FOLDER / PARAMS)


def delete() -> None:
    """Deletes the demo.

    Raises:
        StageError: it holds files of the user's, or FOLDER is something else.
    """
    _require_demo()
    if not FOLDER.exists():
        return
    if users := _users_files((".",)):
        raise StageError(
            f"{FOLDER}: must hold no files of yours to be deleted; got {first_names(users)}: move "
            "them away, or delete the folder yourself"
        )
    shutil.rmtree(FOLDER)


def _require_demo() -> None:
    if not os.path.lexists(FOLDER):
        return
    what = files.kind(FOLDER)
    if what == "a folder":
        old_demo = CONFIG.is_file() and all((FOLDER / name).exists() for name in CODE)
        if RECORD.is_file() or old_demo or not any(FOLDER.iterdir()):
            return
        what = "another folder"
    raise StageError(f"{FOLDER}: must be a folder of the demo; got {what}: move it away")


def _users_files(names: Sequence[str]) -> list[str]:
    """Returns the files below some places of FOLDER that are not as they were copied."""
    known = _demo_params.copied()
    computed = tuple(f"{path}/" for path in (*COMPUTED, *_outputs()))
    users = []
    for name in names:
        for path in sorted([FOLDER / name, *(FOLDER / name).rglob("*")]):
            place = path.relative_to(FOLDER).as_posix()
            ours = f"{place}/".startswith(computed) or "__pycache__" in path.parts
            if path.is_file() and not ours and not _is_copy(path, place, known.get(place)):
                users.append(path.as_posix())
    return users


def _outputs() -> list[str]:
    """Returns the outputs of the demo's stages."""
    path = FOLDER / "dvc.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else "stages: {}"
    outputs = [
        out
        for stage in yaml.safe_load(text)["stages"].values()
        for key in ("outs", "metrics")
        for out in stage.get(key, [])
    ]
    return [next(iter(out)) if isinstance(out, dict) else out for out in outputs]


def _is_copy(path: Path, place: str, known: str | None) -> bool:
    if place == PARAMS.name:
        return _demo_params.is_copy(path)
    image = place.startswith("input/")
    original = IMAGES / place.removeprefix("input/") if image else Path(place)
    return _demo_params.hash_of(path) in (known, _demo_params.hash_of(original))


def _copy_code() -> None:
    """Replaces the code, and records what was copied."""
    ignore = shutil.ignore_patterns("__pycache__", IMAGES.name)
    for name in CODE:
        if Path(name).is_dir():
            files.remove(FOLDER / name)
            shutil.copytree(name, FOLDER / name, ignore=ignore)
        else:
            _demo_params.write(FOLDER / name, Path(name).read_text(encoding="utf-8"))
    copied = (path for name in CODE for path in [FOLDER / name, *(FOLDER / name).rglob("*")])
    known = {
        p.relative_to(FOLDER).as_posix(): _demo_params.hash_of(p) for p in copied if p.is_file()
    }
    _demo_params.remember(known)
    place = str(SITE_CACHE.absolute())
    site_cache = (
        f'    site_cache_dir = "{place}"\n' if place.isprintable() and '"' not in place else ""
    )
    if not CONFIG.exists() or CONFIG.read_text(encoding="utf-8").startswith(DVC_CONFIG):
        _demo_params.write(CONFIG, DVC_CONFIG + site_cache)
