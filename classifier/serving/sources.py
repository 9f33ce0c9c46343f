"""The images that a command line names."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from classifier.common.errors import StageError
from classifier.serving import inputs
from classifier.serving.inputs import STDIN, ImageSource


def sources(
    images: Sequence[str], from_file: str | None, stdin: Path | None
) -> Iterator[ImageSource]:
    """Yields the images given on the command line and in the list; `stdin` holds that of `-`."""
    yield from inputs.expand(images, stdin)
    if not from_file:
        return
    try:
        with sys.stdin.buffer if from_file == STDIN else Path(from_file).open("rb") as lines:
            yield from inputs.expand(inputs.read_paths(lines, from_file))
    except OSError as error:
        raise StageError(f"{from_file}: cannot be read ({error.strerror})") from None
