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
        scheme, mark, _ = self.source.partition("://")
        is_list = self.source.endswith(ENDINGS) and (not mark or scheme in DVC_SCHEMES)
        kinds = ", ".join(f"{name}://" for name in DVC_SCHEMES)
        rule = f"{FOLDER}, or a list of images, .csv or .parquet, on this machine or at {kinds}"
        params.require(is_list or self.source == FOLDER, "dataset.source", rule, self.source)
        if self.source.endswith(".parquet"):
            parquet.require(f"{params.PATH}: dataset.source: {self.source}")


def list_name() -> str:
    """Returns the path or address of the list of images; empty if they are in folders."""
    source = params.load("dataset", Params).source
    if source != FOLDER:
        return source
    found = image_list.find()
    return found.as_posix() if found else ""


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
    scheme, _, rest = name.partition("://")
    address = f"{DVC_SCHEMES[scheme]}://{rest}"
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
