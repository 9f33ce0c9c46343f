"""The images below an address, in the folders of splits and classes."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from classifier.common import objects
from classifier.common.errors import StageError
from classifier.dataset import folders
from classifier.dataset.image_list import ListedImage

FOLDERS = 1000  # of a split in object storage; more would take too many requests, one for each


class Listing:
    """The images below an address, in the order of their paths.

    Of file systems and web servers one folder is in memory at a time; of object storage one folder
    of a class, with all that is in it, or a split of more than FOLDERS.

    Attributes:
        address: of the folder that has the splits.
        listed: number of images so far.
        left_out: number of other files and folders so far.
    """

    def __init__(self, address: str) -> None:
        """Raises a StageError if the address is of no known kind, or its package is missing."""
        self._scheme, mark, _ = address.partition("://")
        if not mark or self._scheme not in objects.SCHEMES:
            kinds = ", ".join(f"{scheme}://" for scheme in objects.SCHEMES)
            raise StageError(f"ADDRESS must begin with one of {kinds}; got {address!r}")
        self.address, self.listed, self.left_out = address, 0, 0
        self._storage = objects.file_system(self._scheme)
        self._lists_all_below = self._scheme in objects.PACKAGES

    def rows(self) -> Iterator[ListedImage]:
        """Yields a row for each image.

        Raises:
            StageError: a folder cannot be listed, or there are no images.
        """
        root = _inner(self.address)
        try:
            for one in self._walk(self.address, 0):
                inner = PurePosixPath(_inner(one["name"])).relative_to(root).parts
                label = inner[1] if len(inner) > 2 and inner[0] != folders.UNLABELLED else ""
                version = objects.version_in(one)
                name = one["name"] if "://" in one["name"] else f"{self._scheme}://{one['name']}"
                self.listed += 1
                yield ListedImage(
                    name, self._text(label), inner[0], "", str(version.size), version.etag
                )
        except Exception as error:  # each kind of storage has errors of its own
            message = " ".join(str(error).split())
            raise StageError(f"{self.address}: cannot be listed ({message})") from None
        if not self.listed:
            splits = ", ".join(folders.FOLDERS)
            raise StageError(f"{self.address}: must have files in folders {splits}; got none")

    def _walk(self, folder: str, depth: int) -> Iterator[dict[str, Any]]:
        entries = self._entries(folder)
        n_folders = sum(one["type"] == "directory" for one in entries)
        if depth == 1 and self._lists_all_below and n_folders > FOLDERS:
            yield from self._all_below(folder)
            return
        for one in entries:
            name, is_folder = PurePosixPath(_inner(one["name"])).name, one["type"] == "directory"
            is_used = self._is_usable(name) and (is_folder or one["type"] == "file")
            if not is_used or (depth == 0 and not (is_folder and name in folders.FOLDERS)):
                self.left_out += 1
            elif not is_folder:
                yield one
            elif depth == 1 and self._lists_all_below:
                yield from self._all_below(one["name"])
            else:
                yield from self._walk(one["name"], depth + 1)

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        """Returns what is in a folder, sorted."""
        found = map(self._followed, self._storage.ls(folder, detail=True))
        entries = [one for one in found if self._is_entry(one, folder)]
        self._storage.invalidate_cache()  # some keep all that they have listed
        return sorted(entries, key=_place)

    def _is_entry(self, one: dict[str, Any], folder: str) -> bool:
        """Tells whether something is in a folder, and not the folder or a way to sort it."""
        name = one["name"]
        is_marker = one["type"] == "file" and name.endswith("/")  # of an empty folder in S3
        is_order = self._scheme.startswith("http") and not {"?", "#"}.isdisjoint(name)
        return not is_marker and not is_order and _inner(name) != _inner(folder)

    def _is_usable(self, name: str) -> bool:
        return not folders.is_system_file(name) and self._text(name).isprintable()

    def _text(self, name: str) -> str:
        """Returns a name, which web servers encode."""
        return unquote(name) if self._scheme.startswith("http") else name

    def _followed(self, one: dict[str, Any]) -> dict[str, Any]:
        """Returns the file that a link leads to, under the link's name."""
        if one["type"] != "other":
            return one
        try:
            found = {**self._storage.info(one["name"]), "name": one["name"]}
        except FileNotFoundError:
            return one
        return found if found["type"] == "file" else one  # linked folders may lead back

    def _all_below(self, folder: str) -> Iterator[dict[str, Any]]:
        found = self._storage.find(folder, detail=True).values()
        self._storage.invalidate_cache()
        entries = (one for one in found if one["type"] == "file" and self._is_entry(one, folder))
        for one in sorted(entries, key=_place):
            inner = PurePosixPath(_inner(one["name"])).relative_to(_inner(folder)).parts
            if all(map(self._is_usable, inner)):
                yield one
            else:
                self.left_out += 1


def _place(one: dict[str, Any]) -> str:
    """Returns what to sort by: a folder is sorted as the paths of its files are."""
    return _inner(one["name"]) + "/" * (one["type"] == "directory")


def _inner(address: str) -> str:
    """Returns an address without its scheme, which not every storage gives."""
    return (address.partition("://")[2] or address).strip("/")
