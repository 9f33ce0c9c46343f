"""List the images in object storage, on a server or a shared disk, as the dataset.

Writes input/images.csv, which replaces the folders of `input/`. Below ADDRESS, splits and classes
are folders, as they would be in `input/`: train/<class>/..., test/...
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from classifier.commands import _replaced
from classifier.common import objects
from classifier.common.errors import StageError, count, warn
from classifier.dataset import folders, image_list, manifest
from classifier.dataset.image_list import ListedImage

LEVELS = 2  # of folders that are listed one by one: splits and classes


def find(address: str) -> Iterator[dict[str, Any]]:
    """Yields what the storage says of each file below an address, in the order of paths.

    The folders of classes are listed one after the other, so that one is in memory.

    Raises:
        StageError: one of them cannot be listed.
    """
    scheme, mark, _ = address.partition("://")
    if not mark or scheme not in objects.SCHEMES:
        kinds = ", ".join(f"{scheme}://" for scheme in objects.SCHEMES)
        raise StageError(f"ADDRESS must begin with one of {kinds}; got {address!r}")
    try:
        yield from _files(objects.file_system(scheme), address, LEVELS)
    except StageError:
        raise
    except Exception as error:  # each kind of storage has errors of its own
        message = " ".join(str(error).split())
        raise StageError(f"{address}: cannot be listed ({message})") from None


def _files(storage: Any, folder: str, levels: int) -> Iterator[dict[str, Any]]:
    if levels:
        found = storage.ls(folder, detail=True)
    else:
        found = storage.find(folder, detail=True).values()
    storage.invalidate_cache()  # some keep all that they have listed
    for one in sorted(found, key=_place):
        if one["type"] == "file":
            yield one
        elif levels and _inner(one["name"]) != _inner(folder):  # S3 may list a folder in itself
            yield from _files(storage, one["name"], levels - 1)


def _place(one: dict[str, Any]) -> str:
    """Returns what to sort by, so that what is in a folder has the place of its own paths."""
    return _inner(one["name"]) + "/" * (one["type"] != "file")


def _inner(address: str) -> str:
    """Returns an address without its scheme, which not every storage gives."""
    return (address.partition("://")[2] or address).strip("/")


def rows(
    address: str, found: Iterable[dict[str, Any]], counts: Counter[bool]
) -> Iterator[ListedImage]:
    """Yields a row for each file in the folder of a split; system files are no images.

    Args:
        address: of the folder that has the splits.
        found: the files below it.
        counts: how many are listed, and how many are not; counted here.
    """
    scheme, root = address.partition("://")[0], _inner(address)
    for one in found:
        name = str(one["name"])
        inner = PurePosixPath(_inner(name)).relative_to(root).parts
        listed = inner[0] in folders.FOLDERS and not any(map(folders.is_system_file, inner))
        counts[listed] += 1
        if listed:
            label = inner[1] if len(inner) > 2 and inner[0] != folders.UNLABELLED else ""
            version = objects.version_in(one)
            full = name if "://" in name else f"{scheme}://{name}"
            yield ListedImage(full, label, inner[0], "", str(version.size), version.etag)
    if not counts[True]:
        splits = ", ".join(folders.FOLDERS)
        raise StageError(f"{address}: must have files in folders {splits}; got none")


def main() -> None:
    """Writes the list."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier manifest",
        description=(__doc__ or "").splitlines()[0],
        epilog="example: python -m classifier manifest s3://bucket/flowers",
    )
    parser.add_argument("address", metavar="ADDRESS", help="such as s3://bucket/folder")
    parser.add_argument("--out", type=Path, default=image_list.CSV, help="default: %(default)s")
    parser.add_argument(
        "--force", action="store_true", help="replace a list that exists, with all edits to it"
    )
    args = parser.parse_args()
    _replaced.refuse(args.out, force=args.force)
    address = args.address.rstrip("/")
    counts = Counter[bool]()
    found = find(address)
    first = list(islice(found, 1))  # before the temporary file of the list may be in the folder
    image_list.write(args.out, rows(address, chain(first, found), counts))
    if rest := counts[False]:
        warn(f"{address}: {count(rest, 'file')} left out: hidden, or in no folder of a split")
    listed = f"{count(counts[True], 'image')} -> {args.out.as_posix()}"
    print(f"manifest: {listed}{manifest.format_hint(counts[True])}")
