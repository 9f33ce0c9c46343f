"""The folders of `input/`: which files belong to which split and class.

`train/<class>/...` and `validation/<class>/...` give the class of all files below them;
`test/...` may hold loose files, other folders, or class folders; the classes of `unlabelled/...`
are not known yet.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifier.common.errors import StageError, nearest
from classifier.common.objects import Version

INPUT = Path("input")
PREFIX = f"{INPUT.as_posix()}/"  # of the paths below it
LIST = INPUT / "labels.csv"
IMAGE_LISTS = ("images.csv", "images.parquet")  # see image_list.py
SPLITS = ("train", "validation", "test")  # in the order of tables and messages
UNLABELLED = "unlabelled"  # folder of images whose class is to be found out
FOLDERS = (*SPLITS, UNLABELLED)  # that are read
UNKNOWN, UNCERTAIN = "unknown", "uncertain"  # predictions that are no class
EXCLUDED = "none"  # split in LIST of an image that no stage uses
ALIASES = {
    **dict.fromkeys(("val", "valid", "dev", "eval"), "validation"),
    "testing": "test",
    "unlabeled": UNLABELLED,
}
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx"}  # of file managers, besides hidden files


@dataclass(frozen=True)
class InputFile:
    """A file; `folder` is its topmost folder in the split, empty for a loose or unlabelled file.

    For a file in input/labels.csv, split, folder (then its label) and group are those of its row.
    """

    path: Path
    split: str
    folder: str
    group: str = ""
    version: Version | None = None  # of a file elsewhere


@dataclass
class LeftOut:
    """What a walk meets and the user may not expect."""

    system_files: Counter[str] = field(default_factory=Counter)  # skipped, by name
    linked_folders: list[str] = field(default_factory=list)  # read, but not by DVC


def find_files(root: Path = INPUT, left_out: LeftOut | None = None) -> Iterator[InputFile]:
    """Yields every file of FOLDERS below `root`, in path order.

    System files are skipped. A folder that cannot be read is a StageError.
    """
    left_out = left_out or LeftOut()
    if is_link(root):
        left_out.linked_folders.append(root.as_posix())
    depth = len(root.parts) + 1
    for split in sorted(FOLDERS):
        for path in walk(root / split, left_out=left_out):
            inner = path.parts[depth:]
            folder = inner[0] if len(inner) > 1 and split != UNLABELLED else ""
            yield InputFile(path, split, folder)


def intended(name: str) -> str:
    """Returns the one of FOLDERS that a name is probably meant to be; empty if none."""
    return ALIASES.get(name.casefold()) or nearest(name, FOLDERS, cutoff=0.7)


def loose_files(root: Path, split: str) -> list[str]:
    """Returns the sorted names of the files directly in a split."""
    return sorted(path.name for path in _entries(root / split) if not path.is_dir())


def class_folders(root: Path, split: str) -> list[str]:
    """Returns the sorted names of the folders directly in a split."""
    return sorted(path.name for path in _entries(root / split) if path.is_dir())


def hidden_folders(root: Path, split: str) -> list[str]:
    """Returns the sorted names of the folders directly in a split that begin with a dot."""
    paths = _inside(root / split)
    return sorted(path.name for path in paths if path.name.startswith(".") and path.is_dir())


def unread_entries(root: Path) -> list[str]:
    """Returns the sorted names of what lies in `root` and is not read; folders end with `/`."""
    names = {p.name + "/" * p.is_dir() for p in _entries(root) if p.suffix != ".dvc"}
    return sorted(
        names - {f"{split}/" for split in FOLDERS} - {"README.md", LIST.name, *IMAGE_LISTS}
    )


def _entries(folder: Path) -> list[Path]:
    return [path for path in _inside(folder) if not is_system_file(path.name)]


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise StageError(f"{folder.as_posix()}: cannot be read ({error.strerror})") from None


def walk(
    folder: Path, parents: frozenset[str] = frozenset(), left_out: LeftOut | None = None
) -> Iterator[Path]:
    """Yields the files below `folder` in path order, without system files.

    Symbolic links are followed, except into one of their own `parents`. A folder that cannot be
    read is a StageError.
    """
    left_out = left_out or LeftOut()
    real = os.path.realpath(folder)
    try:
        if real in parents or not folder.is_dir():
            return
        if is_link(folder):
            left_out.linked_folders.append(folder.as_posix())
        with os.scandir(folder) as entries:  # the slash puts a folder's files in path order
            names = sorted(f"{e.name}/" if e.is_dir() else e.name for e in entries)
    except OSError as error:
        raise StageError(f"{folder.as_posix()}: cannot be read ({error.strerror})") from None
    for name in names:
        if is_system_file(name.removesuffix("/")):
            left_out.system_files[name] += 1
        elif name.endswith("/"):
            yield from walk(folder / name, parents | {real}, left_out)
        else:
            yield folder / name


def is_link(folder: Path) -> bool:
    """Tells whether a folder is a symbolic link or one of Windows's junctions."""
    return folder.is_symlink() or getattr(folder, "is_junction", bool)()  # since Python 3.12


def is_system_file(name: str) -> bool:
    """Tells whether a file or folder is hidden or a file manager's, not an image of the user's."""
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def is_inside(path: str) -> bool:
    """Tells whether a path from a file is below INPUT, so that an edited one reads nothing else."""
    inside = path.startswith(PREFIX) and "\0" not in path
    return inside and (".." not in path or ".." not in Path(path).parts)


def nfc(name: str) -> str:
    """Returns a name in Unicode's composed form; macOS may decompose accented letters."""
    return unicodedata.normalize("NFC", name)
