"""List the images in object storage, on a server or a shared disk, as the dataset.

Writes input/images.csv, which replaces the folders of `input/`. Below ADDRESS, splits and classes
are folders, as they would be in `input/`: train/<class>/..., test/...
"""

import argparse
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from classifier.commands import _replaced
from classifier.common import objects
from classifier.common.errors import StageError, count, warn
from classifier.dataset import folders, image_list
from classifier.dataset.image_list import ListedImage


def find(address: str) -> list[dict[str, Any]]:
    """Returns what the storage says of each file below an address.

    Raises:
        StageError: it cannot be listed.
    """
    scheme, mark, _ = address.partition("://")
    if not mark or scheme not in objects.SCHEMES:
        kinds = ", ".join(f"{scheme}://" for scheme in objects.SCHEMES)
        raise StageError(f"ADDRESS must begin with one of {kinds}; got {address!r}")
    try:
        found = objects.file_system(scheme).find(address, detail=True)
    except StageError:
        raise
    except Exception as error:  # each kind of storage has errors of its own
        message = " ".join(str(error).split())
        raise StageError(f"{address}: cannot be listed ({message})") from None
    return [one for one in found.values() if one["type"] == "file"]


def rows(address: str, found: list[dict[str, Any]]) -> Iterator[ListedImage]:
    """Yields a row for each file in the folder of a split; system files are no images."""
    root = address.partition("://")[2].strip("/")
    scheme = address.partition("://")[0]
    for one in found:
        name = str(one["name"])
        full = name if "://" in name else f"{scheme}://{name}"
        inner = PurePosixPath(full.partition("://")[2].strip("/")).relative_to(root).parts
        if inner[0] not in folders.FOLDERS or any(map(folders.is_system_file, inner)):
            continue
        label = inner[1] if len(inner) > 2 and inner[0] != folders.UNLABELLED else ""
        version = objects.version_in(one)
        yield ListedImage(full, label, inner[0], "", str(version.size), version.etag)


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
    found = find(address)
    listed = sorted(rows(address, found), key=lambda row: row.path.replace("://", "/"))
    if not listed:
        splits = ", ".join(folders.FOLDERS)
        raise StageError(f"{address}: must have files in folders {splits}; got none")
    image_list.write(args.out, listed)
    if rest := len(found) - len(listed):
        warn(f"{address}: {count(rest, 'file')} left out: hidden, or in no folder of a split")
    print(f"manifest: {count(len(listed), 'image')} -> {args.out.as_posix()}")
