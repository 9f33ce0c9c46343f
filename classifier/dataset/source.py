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
        rule = "" if self.source == FOLDER else broken_rule(self.source)
        params.require(not rule, "dataset.source", f"{FOLDER}, or {rule}", self.source)
        if self.source.endswith(".parquet"):
            parquet.require(f"{params.PATH}: dataset.source: {self.source}")


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


def broken_rule(name: str) -> str:
    """Returns what the name of a list must be; empty if it is that."""
    scheme, mark, _ = name.partition("://")
    is_home = name.startswith("~")  # which DVC does not know
    if name.endswith(ENDINGS) and not is_home and (not mark or scheme in DVC_SCHEMES):
        return ""
    kinds = ", ".join(f"{one}://" for one in DVC_SCHEMES)
    return f"a list of images, .csv or .parquet, on this machine or at {kinds}"


@contextmanager
def open_list() -> Iterator[ImageList | None]:
    """Yields the list of images, if there is one.

    A list on a server is downloaded, and the copy is removed in the end.

    Raises:
        StageError: it does not exist or cannot be read, or it changed while the block ran.
    """
    name = list_name()
    if "://" in name:
        with _downloaded(name) as path:
            yield ImageList(path, name)
    else:
        if name and not (path := Path(name)).is_file():
            got = files.kind(path) if path.exists() else "no file"
            raise StageError(f"{name}: must be a list of images; got {got}: {_remedy()}")
        yield ImageList(Path(name), name) if name else None


@contextmanager
def _downloaded(name: str) -> Iterator[Path]:
    address = address_of(name)
    with files.temporary_file(COPY) as path:
        with files.disk_errors(COPY), _reading(name):
            before = objects.version(address)
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
        if error.errno in files.FULL:
            raise
        raise StageError(f"{name}: cannot be read ({error}): {_remedy()}") from None


def _remedy() -> str:
    return f"correct dataset.source in {params.PATH}"
