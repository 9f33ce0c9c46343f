"""Images in a page, each embedded once."""

from collections.abc import Iterable, Mapping

from classifier.dataset.manifest import ImageRow
from classifier.html import thumbnails
from classifier.html.markup import Markup, tag


class ThumbnailSet:
    """Puts thumbnails into the page, each once: the script finds them there.

    Args:
        thumbs: data URIs by path.
        rows: of the images.
    """

    def __init__(self, thumbs: Mapping[str, str], rows: Mapping[str, ImageRow]) -> None:
        self._thumbs, self._rows = thumbs, rows
        self._shown: set[str] = set()

    def figure(self, path: str, *said: object) -> Markup:
        """Returns an image with words below."""
        return tag("figure", self.image(path), tag("figcaption", *said))

    def image(self, path: str) -> Markup:
        """Returns a thumbnail, or where there is none the name."""
        if path not in self._thumbs:
            return tag("span", path.rsplit("/", 1)[-1], class_="none")
        first = path not in self._shown
        self._shown.add(path)
        width, height = thumbnails.size(self._rows[path].width, self._rows[path].height)
        return tag(
            "img",
            src=self._thumbs[path] if first else None,
            data_again=None if first else path,
            data_path=path if first else None,
            alt=path,
            width=width,
            height=height,
            loading="lazy",
        )

    def rest(self) -> dict[str, str]:
        """Returns the thumbnails that only the script shows."""
        return {path: uri for path, uri in self._thumbs.items() if path not in self._shown}


def figures(items: Iterable[Markup]) -> Markup:
    """Returns images side by side."""
    return tag("div", *items, class_="figures")
