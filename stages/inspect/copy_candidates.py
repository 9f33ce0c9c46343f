"""Images that may be copies of others, in a temporary database, however many they are."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from classifier.cache.database import placeholders
from classifier.common.parallel import batched
from classifier.common.scratch import Scratch
from classifier.dataset.manifest import ImageRow

FIELDS = ", ".join(f'"{name}"' for name in ImageRow._fields)
SCHEMA = (
    f"CREATE TABLE images (number INTEGER PRIMARY KEY, content INTEGER, {FIELDS})",
    "CREATE INDEX by_content ON images (content)",
    "CREATE TABLE first (content INTEGER, split, label, number INTEGER, "
    "PRIMARY KEY (content, split, label)) WITHOUT ROWID",
)
ADD = f"INSERT INTO images VALUES ({placeholders(('number', 'content', *ImageRow._fields))})"
ADD_FIRST = "INSERT OR IGNORE INTO first VALUES (?, ?, ?, ?)"
IN_ORDER = f"SELECT content, {FIELDS} FROM images ORDER BY number"
FIRST = f"SELECT {FIELDS} FROM images WHERE number IN (SELECT number FROM first WHERE content = ?) "
FIRST += "ORDER BY number"
LAST = f"SELECT {FIELDS} FROM images WHERE content = ? ORDER BY number DESC LIMIT 1"
BATCH = 4096  # images that are added at once
KEPT = 4096  # contents whose first images are in memory


class CopyCandidates:
    """Images, each with the number of its content.

    Args:
        images: in path order.
        scratch: for the database, open as long as this is used.

    Attributes:
        first_images: returns, of a content, the first image of each split and label, in path order.
    """

    def __init__(self, images: Iterable[tuple[int, ImageRow]], scratch: Scratch) -> None:
        self._database, count = scratch.database(*SCHEMA), 0
        self.first_images = lru_cache(KEPT)(self._first_images)  # the next images need them again
        for batch in batched(images, BATCH):
            numbered = [(number, *one) for number, one in enumerate(batch, count)]
            first = ((content, row.split, row.label, number) for number, content, row in numbered)
            self._database.execute("BEGIN")
            every = ((number, content, *row) for number, content, row in numbered)
            self._database.executemany(ADD, every)
            self._database.executemany(ADD_FIRST, first)
            self._database.execute("COMMIT")
            count += len(batch)

    def close(self) -> None:
        """Frees the memory; there are no more images then."""
        self.first_images.cache_clear()
        self._database.close()

    def __iter__(self) -> Iterator[tuple[int, ImageRow]]:
        """Yields the images in path order."""
        for content, *row in self._database.execute(IN_ORDER):
            yield content, ImageRow(*row)

    def _first_images(self, content: int) -> list[ImageRow]:
        return [ImageRow(*row) for row in self._database.execute(FIRST, (content,))]

    def last_image(self, content: int) -> ImageRow:
        """Returns the last image, in path order, that has the content."""
        (row,) = self._database.execute(LAST, (content,))
        return ImageRow(*row)
