"""HTML elements that several sections of the report use."""

from collections.abc import Mapping

import numpy as np

from classifier.html import heat_maps
from classifier.html.markup import Markup, tag
from classifier.html.thumbnails import Thumbnail


def details(summary: str, *children: object) -> Markup:
    """Returns content that is folded away under a summary line."""
    return tag("details", tag("summary", summary), *children)


def percent(fraction: float) -> str:
    """Returns a fraction as a percentage with one decimal."""
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


class ThumbnailSet:
    """The thumbnails of the page; each is embedded once, and the script fills in its repeats.

    Args:
        thumbnails: by path of the image.
        heats: heat maps by path of the image.
    """

    def __init__(
        self, thumbnails: Mapping[str, Thumbnail], heats: Mapping[str, np.ndarray]
    ) -> None:
        self._thumbnails, self._heats = thumbnails, heats
        self._embedded: set[str] = set()

    def image(self, path: str) -> Markup:
        """Returns an image's thumbnail, or its file name if it has none."""
        if path not in self._thumbnails:
            return tag("span", path.rsplit("/", 1)[-1], class_="none")
        uri, width, height = self._thumbnails[path]
        repeated = path in self._embedded
        source = {"data_again": path} if repeated else {"src": uri, "data_path": path}
        self._embedded.add(path)
        return tag("img", **source, alt=path, width=width, height=height)

    def explained(self, path: str, name: str) -> Markup:
        """Returns an image's thumbnail, with its heat map for the class `name` over it."""
        thumbnail = self.image(path)
        if path not in self._thumbnails or path not in self._heats:
            return thumbnail
        return heat_maps.figure(thumbnail, self._heats[path], name)

    def explains(self) -> bool:
        """Tells whether there are heat maps."""
        return bool(self._heats)

    def not_embedded(self) -> dict[str, str]:
        """Returns the data URIs, by path, of the thumbnails that only the script shows."""
        rest = self._thumbnails.keys() - self._embedded
        return {path: image.uri for path, image in self._thumbnails.items() if path in rest}
