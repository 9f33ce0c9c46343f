"""List the images in object storage, on a server or a shared disk, as the dataset.

Writes input/images.csv, which is the dataset where `input/` has no folders of images, or another
list, for `dataset.source` of params.yaml. Below ADDRESS, splits and classes are folders, as they
would be in `input/`: train/<class>/..., test/...
"""

import argparse
import tempfile
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from classifier.commands import _replaced
from classifier.commands._listing import Listing
from classifier.common import objects, params, parquet
from classifier.common.errors import StageError, count, first_names, warn
from classifier.dataset import folders, image_list, source
from classifier.dataset.image_list import ListedImage


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier manifest",
        description=(__doc__ or "").splitlines()[0],
        epilog="example: python -m classifier manifest s3://bucket/flowers",
    )
    parser.add_argument("address", metavar="ADDRESS", help="such as s3://bucket/folder")
    parser.add_argument(
        "--out",
        metavar="LIST",
        default=image_list.CSV.as_posix(),
        help="a .csv or .parquet file here or in object storage; default: %(default)s",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a list that exists, with all edits to it"
    )
    args = parser.parse_args()
    args.address = args.address.rstrip("/")
    return args


def require_free(out: str, address: str, *, force: bool) -> None:
    """Raises a StageError if the list cannot be written there, or must not be."""
    if out.startswith(("http://", "https://")):
        raise StageError(f"--out: must be a file here or in object storage; got {out}")
    if rule := source.broken_rule(out):
        raise StageError(f"--out: must be {rule}; got {out!r}")
    if out.endswith(".parquet"):
        parquet.require(f"--out: {out}")
    if "://" in out:
        _replaced.refuse_at(source.address_of(out), force=force)
    else:
        _replaced.refuse(Path(out), force=force)
    if is_inside(out, address):
        raise StageError(f"--out: must not be in a folder of images; got {out}: choose another")


def is_inside(out: str, address: str) -> bool:
    """Tells whether a list would be in a folder of the images below an address."""
    scheme, _, folder = address.partition("://")
    if "://" in out:
        scheme = "az" if scheme == "abfs" else scheme
        splits = (f"{scheme}://{folder}/{split}/" for split in folders.FOLDERS)
        return source.address_of(out).startswith(tuple(splits))
    places = {Path(folder, split).resolve() for split in folders.FOLDERS}
    return scheme == "file" and not places.isdisjoint(Path(out).resolve().parents)


def write(out: str, rows: Iterable[ListedImage]) -> None:
    """Writes the list.

    Raises:
        StageError: it cannot be written.
    """
    if "://" not in out:
        image_list.write(Path(out), rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PurePosixPath(out).name)
        image_list.write(path, rows)
        try:
            objects.upload(path, source.address_of(out))
        except OSError as error:
            raise StageError(f"{out}: cannot be written ({error})") from None


def main() -> None:
    """Writes the list."""
    args = parse_args()
    require_free(args.out, args.address, force=args.force)
    hint = _source_hint(args.out)
    listing = Listing(args.address)
    rows = listing.rows()
    first = list(islice(rows, 1))  # before the temporary file of the list may be in the folder
    write(args.out, chain(first, rows))
    if listing.left_out:
        warn(
            f"{args.address}: {count(listing.left_out, 'file or folder', 'files or folders')} left "
            "out: hidden, a linked folder, in no folder of a split, or with a name that is not "
            "printable"
        )
    line = f"manifest: {count(listing.listed, 'image')} -> {args.out}"
    print(line + hint)


def _source_hint(out: str) -> str:
    """Returns how to use the list, if params.yaml or `input/` names other images."""
    in_folder = Path(out) in (image_list.CSV, image_list.PARQUET)
    value, others = source.FOLDER if in_folder else out, image_list.beside(Path(out))
    now = params.load("dataset", source.Params).source if params.PATH.exists() else source.FOLDER
    is_used = now == value or ("://" not in out and Path(now) == Path(out))
    steps = [] if is_used else [f"set dataset.source: {value} in {params.PATH}"]
    if in_folder and others:
        steps.append(f"move {first_names(others)} out of {source.FOLDER}/")
    return f"; to use it, {' and '.join(steps)}" if steps else ""
