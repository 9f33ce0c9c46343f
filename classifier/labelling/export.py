"""Labelled images as folders of classes, of links or copies."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from classifier.common import files
from classifier.common.errors import StageError, first_names
from classifier.dataset.folders import SPLITS, InputFile
from classifier.labelling.page_requests import WrongError, check_name


def targets(labelled: Iterable[InputFile]) -> Iterator[tuple[Path, Path]]:
    """Yields each labelled image and its place: split, class, and a name of its own.

    Raises:
        StageError: a class cannot be a folder.
    """
    taken, wrong = set[str](), set[str]()
    for file in labelled:
        if file.split not in SPLITS or not file.folder:
            continue
        try:
            check_name(file.folder)
        except WrongError:
            wrong.add(file.folder)
            continue
        place, number = Path(file.split, file.folder, file.path.name), 2
        while place.as_posix().casefold() in taken:
            place = place.with_name(f"{file.path.stem}-{number}{file.path.suffix}")
            number += 1
        taken.add(place.as_posix().casefold())
        yield file.path, place
    if wrong:
        names = first_names(sorted(wrong))
        raise StageError(f"classes must have names that folders can have; got {names}: rename them")


def export(labelled: Iterable[InputFile], out: Path, *, copy: bool) -> int:
    """Makes the folders, of links to the images or of copies, and returns how many images.

    Raises:
        StageError: `out` is not new or empty, or cannot be written.
    """
    if os.path.lexists(out) and (out.is_symlink() or not out.is_dir() or any(out.iterdir())):
        raise StageError(f"{out}: must be a new or an empty folder; nothing is replaced")
    pairs = list(targets(labelled))
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    with files.disk_errors(out):
        try:
            for source, place in pairs:
                target = part / place
                target.parent.mkdir(parents=True, exist_ok=True)
                if copy:
                    shutil.copy2(source, target)
                else:
                    target.symlink_to(source.absolute())
            if pairs:
                if out.is_dir():
                    out.rmdir()
                part.replace(out)
        finally:
            files.remove(part)
    return len(pairs)
