"""HTML elements that several sections of the report use."""

from collections.abc import Iterable, Mapping

from classifier.dataset.manifest import ImageRow
from classifier.html import thumbnails
from classifier.html.markup import Markup, tag


def section(name: str, title: str, *children: object) -> Markup:
    """Returns a section of the page with its heading."""
    return tag("section", tag("h2", title), *children, id=name)


def details(summary: str, *children: object) -> Markup:
    """Returns content that is folded away under a summary line."""
    return tag("details", tag("summary", summary), *children)


def percent(fraction: float) -> str:
    """Returns a fraction as a percentage with one decimal."""
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def gallery(figures: Iterable[Markup]) -> Markup:
    """Returns figures in a grid."""
    return tag("div", *figures, class_="figures")


class ThumbnailSet:
    """The thumbnails of the page; each is embedded once, and the script fills in its repeats.

    Args:
        uris: data URIs by path.
        rows: the images by path, for their sizes.
    """

    def __init__(self, uris: Mapping[str, str], rows: Mapping[str, ImageRow]) -> None:
        self._uris, self._rows = uris, rows
        self._embedded: set[str] = set()

    def figure(self, path: str, *caption: object) -> Markup:
        """Returns an image with a caption."""
        return tag("figure", self.image(path), tag("figcaption", *caption))

    def image(self, path: str) -> Markup:
        """Returns an image's thumbnail, or its file name if it has none."""
        if path not in self._uris:
            return tag("span", path.rsplit("/", 1)[-1], class_="none")
        first = path not in self._embedded
        self._embedded.add(path)
        width, height = thumbnails.size(self._rows[path].width, self._rows[path].height)
        return tag(
            "img",
            src=self._uris[path] if first else None,
            data_again=None if first else path,
            data_path=path if first else None,
            alt=path,
            width=width,
            height=height,
        )

    def not_embedded(self) -> dict[str, str]:
        """Returns the thumbnails that only the script shows."""
        return {path: uri for path, uri in self._uris.items() if path not in self._embedded}
