"""What a check is."""

from collections.abc import Callable
from dataclasses import dataclass

from classifier.images.decode import DecodedImage


@dataclass(frozen=True)
class Check:
    """Looks for one kind of problem in a usable image, which is kept but reported.

    Attributes:
        code: column `problem` of results/problems.csv.
        version: to raise when the results change; images are then decoded and checked again.
        meaning: of the code, as in docs/reference/problems-and-findings.md.
        find: returns the problem's detail, a sentence, or None. It runs in a worker process,
            where images are decoded to 64 x 64 pixels; width and height are those of the file.
    """

    code: str
    version: int
    meaning: str
    find: Callable[[DecodedImage], str | None]
