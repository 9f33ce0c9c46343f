"""Files in object storage, at addresses and on shared disks, read with fsspec.

In all tables, `s3://bucket/key` is `input/s3/bucket/key`: a path like any other.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from classifier.common.errors import StageError

ROOT = "input"
SCHEMES = ("abfs", "az", "file", "gs", "http", "https", "s3")
PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
}  # of fsspec; others have it


@dataclass(frozen=True)
class Version:
    """Which version of a file is meant."""

    size: int  # bytes; -1: unknown
    etag: str  # what changes with the content; empty: unknown

    @property
    def signature(self) -> str:
        """Returns size and etag; empty if they do not tell versions apart."""
        return f"{self.size} {self.etag}" if self.etag else ""

    def matches(self, other: "Version") -> bool:
        """Tells whether what is known of both is equal."""
        sizes, etags = {self.size, other.size} - {-1}, {self.etag, other.etag} - {""}
        return len(sizes) < 2 and len(etags) < 2


class ContentError(OSError):
    """A file has other content than it must have."""

    def __init__(self, message: str = "other content") -> None:
        super().__init__(message)


def path_of(address: str) -> Path | None:
    """Returns the path that stands for an address; None if none can."""
    scheme, _, rest = address.partition("://")
    rest = rest.removeprefix("/") if scheme == "file" else rest
    strange = scheme not in SCHEMES or not {"", ".", ".."}.isdisjoint(rest.split("/"))
    return None if strange else Path(ROOT, scheme, rest)


def address_of(path: Path) -> str:
    """Returns the address that a path stands for; empty for a file of this machine."""
    parts = path.as_posix().split("/")
    if len(parts) < 3 or parts[0] != ROOT or parts[1] not in SCHEMES or ".." in parts:
        return ""
    return f"{parts[1]}://{'/' * (parts[1] == 'file')}{'/'.join(parts[2:])}"


def file_system(scheme: str) -> Any:
    """Returns fsspec's file system; it takes credentials from where its own programs do.

    Raises:
        StageError: its package is not installed.
    """
    import fsspec

    try:
        return fsspec.filesystem(scheme)
    except ImportError:
        package = PACKAGES.get(scheme, "fsspec")
        raise StageError(f"{scheme}://: needs {package}; run `pip install {package}`") from None


def read(address: str) -> bytes:
    """Returns the content of a file.

    Raises:
        OSError: it cannot be read, for whatever reason.
    """
    with _os_errors():
        content: bytes = _storage(address).cat_file(address)
    return content


def download(address: str, path: Path) -> None:
    """Writes the content of a file to `path`, piece by piece.

    Raises:
        OSError: it cannot be read, for whatever reason.
    """
    with _os_errors():
        _storage(address).get_file(address, str(path))


def upload(path: Path, address: str) -> None:
    """Writes a file of this machine to an address; OSError if that cannot be done."""
    with _os_errors():
        _storage(address).put_file(str(path), address)


def exists(address: str) -> bool:
    """Tells whether there is a file; OSError if that cannot be found out."""
    with _os_errors():
        return bool(_storage(address).exists(address))


def version(address: str) -> Version:
    """Returns the present version of a file; OSError if there is none."""
    with _os_errors():
        return version_in(_storage(address).info(address))


def _storage(address: str) -> Any:
    return file_system(address.partition("://")[0])


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raises an OSError for the errors that each kind of storage has of its own."""
    try:
        yield
    except (OSError, StageError):
        raise
    except Exception as error:
        message = " ".join(str(error).split())
        raise OSError(f"{type(error).__name__}: {message}") from None


def version_in(info: Mapping[str, Any]) -> Version:
    """Returns the version in what fsspec tells of a file; each kind of storage has its own name."""
    size, etag = info.get("size"), ""
    for name in ("ETag", "etag", "md5Hash", "mtime", "Last-Modified"):
        etag = etag or str(info.get(name) or "").strip('"')
    return Version(-1 if size is None else int(size), etag)


@contextmanager
def opened(path: Path, sha256: str = "") -> Iterator[BinaryIO]:
    """Yields a file of this machine or another.

    Args:
        path: of the file.
        sha256: that a file elsewhere must have, in hexadecimal; of those here DVC knows it.

    Raises:
        ContentError: it has other content.
        OSError: it cannot be read.
    """
    if address := address_of(path):
        content = read(address)
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise ContentError
        yield io.BytesIO(content)
    else:
        with path.open("rb") as file:
            yield file


def changed(path: str, error: Exception) -> str:
    """Returns the message about a file that is not, or no longer, what `validate` has read."""
    if not (address := address_of(Path(path))):
        return f"{path}: changed while `dvc repro` was running; run it again"
    if not isinstance(error, ContentError | FileNotFoundError):
        return f"{path}: cannot be read ({error}); check {address}, then run `dvc repro` again"
    got = error if isinstance(error, ContentError) else "no file"
    remedy = "make the list of images again; if it has no etag, run `dvc repro -f -s validate`"
    return f"{path}: must be as `validate` has read it; got {got}: {remedy}"
