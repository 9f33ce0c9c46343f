"""`dataset.source` of params.yaml: the images in `input/`, or a list of images elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from classifier.common import files, objects, params, parquet
from classifier.common.errors import StageError
from classifier.dataset import folders, image_list
from classifier.dataset.image_list import ImageList

FOLDER = folders.INPUT.as_posix()
TEMPLATE = "${dataset.source}"  # that DVC replaces in dvc.yaml
ENDINGS = (".csv", ".parquet")
DVC_SCHEMES = {name: name for name in ("s3", "gs", "http", "https")} | {"azure": "az"}
COPY = Path("results/dataset_source")  # of a list elsewhere, while `validate` runs


@dataclass(frozen=True)
class Params:
    """Section `dataset` of params.yaml."""

    source: str  # FOLDER, or the path or address of a list

    def __post_init__(self) -> None:
        if self.source != FOLDER:
            require_name(self.source, f"{params.PATH}: dataset.source", f"{FOLDER}, or ")


def list_name() -> str:
    """Returns the path or address of the list of images; empty if they are in folders."""
    source = params.load("dataset", Params).source
    if source != FOLDER:
        return source
    found = image_list.find()
    return found.as_posix() if found else ""


def address_of(name: str) -> str:
    """Returns the address of a list on a server as the library that reads it needs it."""
    scheme, _, rest = name.partition("://")
    return f"{DVC_SCHEMES[scheme]}://{rest}"


def require_name(name: str, place: str, others: str = "") -> None:
    """Raises a StageError unless this can be the name of a list.

    Args:
        name: the path or address.
        place: where it stands, for the message.
        others: what it may be instead, for the message.
    """
    scheme, mark, _ = name.partition("://")
    if not name.endswith(ENDINGS) or (mark and scheme not in DVC_SCHEMES):
        kinds = ", ".join(f"{one}://" for one in DVC_SCHEMES)
        rule = f"must be {others}a list of images, .csv or .parquet, on this machine or at {kinds}"
        raise StageError(f"{place} {rule}; got {name!r}")
    if name.endswith(".parquet"):
        parquet.require(f"{place}: {name}")


@contextmanager
def open_list() -> Iterator[ImageList | None]:
    """Yields the list of images, if there is one; that of a server is here for so long.

    Raises:
        StageError: there is none at its place, or it changed while the block ran.
    """
    name = list_name()
    if "://" in name:
        with _downloaded(name) as path:
            yield ImageList(path, name)
    else:
        if name and not Path(name).is_file():
            raise StageError(f"{name}: must be a list of images; no such file: {_remedy()}")
        yield ImageList(Path(name), name) if name else None


@contextmanager
def _downloaded(name: str) -> Iterator[Path]:
    address = address_of(name)
    with files.temporary_file(COPY) as path:
        with _reading(name):
            before = objects.version(address)
            with files.disk_errors(path):
                objects.download(address, path)
        yield path
        with _reading(name):
            if not before.matches(objects.version(address)):
                raise StageError(f"{name}: changed while it was read; run `dvc repro` again")


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StageError(f"{name}: cannot be read ({error}): {_remedy()}") from None


def _remedy() -> str:
    return f"correct dataset.source in {params.PATH}"
