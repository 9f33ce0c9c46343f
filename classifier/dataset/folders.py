"""The folders of `input/`: which files are images of which split and class.

`train/<class>/...` and `validation/<class>/...` name the class of every file below them;
`test/...` may be loose, nested, or have class folders of its own.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.common.errors import StageError

INPUT = Path("input")
SPLITS = ("train", "validation", "test")  # in the order in which people want to read of them
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx"}  # and hidden files: made by file managers


@dataclass(frozen=True)
class InputFile:
    """A file found; `folder` is the first folder below its split, empty for a loose file."""

    path: Path
    split: str
    folder: str


def find_files(root: Path = INPUT, ignored: "Counter[str] | None" = None) -> Iterator[InputFile]:
    """Yields every file of the three splits below `root`, in the order of their paths.

    Args:
        root: the folder of the splits.
        ignored: counts, by name, what is passed over as clutter.
    """
    for split in sorted(SPLITS):
        for path in walk(root / split, ignored=ignored):
            inner = path.relative_to(root / split).parts
            yield InputFile(path, split, inner[0] if len(inner) > 1 else "")


def loose_files(root: Path, split: str) -> list[str]:
    """Returns the sorted names of the files directly in a split."""
    if not (root / split).is_dir():
        return []
    top = (root / split).iterdir()
    return sorted(p.name for p in top if not p.is_dir() and not is_system_file(p.name))


def class_folders(root: Path, split: str) -> list[str]:
    """Returns the sorted names of the folders directly in a split; none where it is absent."""
    if not (root / split).is_dir():
        return []
    return sorted(
        p.name for p in (root / split).iterdir() if p.is_dir() and not is_system_file(p.name)
    )


def walk(
    top: Path, above: frozenset[str] = frozenset(), ignored: "Counter[str] | None" = None
) -> Iterator[Path]:
    """Yields the files below `top` in the order of their paths, without clutter.

    Links are followed, but never in a circle.

    Raises:
        StageError: a folder that may not be read.
    """
    real = os.path.realpath(top)
    try:
        if real in above or not top.is_dir():
            return
        with os.scandir(top) as items:  # a folder's files follow its name and a slash
            names = sorted(f"{i.name}/" if i.is_dir() else i.name for i in items)
    except OSError as error:
        raise StageError(f"{top.as_posix()}: cannot be read ({error.strerror})") from None
    for name in names:
        if is_system_file(name.removesuffix("/")):
            if ignored is not None:
                ignored[name] += 1
        elif name.endswith("/"):
            yield from walk(top / name, above | {real}, ignored)
        else:
            yield top / name


def is_system_file(name: str) -> bool:
    """Tells whether a file or folder is a file manager's, not the user's."""
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def nfc(name: str) -> str:
    """Returns a name as most systems write it: macOS may keep letter and accent apart."""
    return unicodedata.normalize("NFC", name)
