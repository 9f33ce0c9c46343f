"""Name the classes of new images: `python -m classifier classify --help`.

Reads   the images asked about, models/base, models/head
Writes  to standard output, or where --csv and --json say
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from classifier import head
from classifier.common import files, params, progress
from classifier.common.errors import StageError, run_main
from classifier.evaluation import predictions
from classifier.images.limits import LimitParams
from classifier.inference import base
from classifier.serving import inputs
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import STREAM, ImageSource
from classifier.serving.writers import CsvWriter, JsonWriter, TableWriter, Writer

HELP = """
A folder stands for all images in it, `-` for one image from standard input. Files that cannot
be read have a row with the reason, and the exit code is then 1.
"""


def arguments() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier classify",
        description="Name the classes of new images with the trained classifier.",
        epilog=HELP,
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE-OR-FOLDER")
    parser.add_argument(
        "--list", metavar="FILE", help="and those it names, one a line; - for stdin"
    )
    parser.add_argument("--csv", metavar="FILE", help="write a table there; - for standard output")
    parser.add_argument("--json", metavar="FILE", help="write JSON there; - for standard output")
    parser.add_argument("--top-k", type=int, metavar="N", help="classes listed for an image")
    asked = parser.parse_args()
    if not asked.images and not asked.list:
        parser.error("name an image or a folder")
    if asked.top_k is not None and asked.top_k < 1:
        parser.error(f"argument --top-k: must be 1 or more; got {asked.top_k}")
    if [asked.csv, asked.json].count(STREAM) == 2:
        parser.error("--csv and --json cannot both go to standard output")
    if STREAM in asked.images and asked.list == STREAM:
        parser.error("standard input is either an image or a list")
    return asked


def named(asked: argparse.Namespace) -> Iterator[ImageSource]:
    """Yields what is asked about.

    Raises:
        StageError: the list cannot be read.
    """
    stream = sys.stdin.buffer.read() if STREAM in asked.images else None
    yield from inputs.expand(asked.images, stream)
    if not asked.list:
        return
    try:
        with ExitStack() as stack:
            file = sys.stdin.buffer if asked.list == STREAM else None
            lines = file or stack.enter_context(Path(asked.list).open("rb"))
            paths = (os.fsdecode(line.rstrip(b"\r\n")) for line in lines)
            yield from inputs.expand(path for path in paths if path)
    except OSError as error:
        raise StageError(f"{asked.list}: the list cannot be read ({error.strerror})") from None


@contextmanager
def opened(place: str) -> Iterator[TextIO]:
    """Yields where to write: standard output, or a file that is there once all is in it.

    Raises:
        StageError: it cannot be written.
    """
    if place == STREAM:
        yield sys.stdout
        return
    with (
        files.atomic_write(Path(place)) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file


def writers(
    asked: argparse.Namespace, class_names: Sequence[str], count: int, stack: ExitStack
) -> list[Writer]:
    """Returns what writes the answers; files are finished by the stack."""
    found: list[Writer] = []
    if asked.csv:
        found.append(CsvWriter(stack.enter_context(opened(asked.csv)), class_names, count))
    if asked.json:
        found.append(JsonWriter(stack.enter_context(opened(asked.json)), class_names, count))
    return found or [TableWriter(sys.stdout, class_names, count)]


def write(judged: Iterable[Prediction], out: list[Writer]) -> tuple[int, int]:
    """Hands the images to the writers; returns how many there are and how many of them unread."""
    count = unread = 0
    with progress.bar("classify", None) as bar:
        for each in judged:
            count, unread = count + 1, unread + (each.probabilities is None)
            for one in out:
                one.add(each.read, each.probabilities)
            bar.update()
    for one in out:
        one.close()
    return count, unread


def main(base_folder: Path = base.FOLDER, head_folder: Path = head.FOLDER) -> None:
    """Classifies what the command line names."""
    asked = arguments()
    top_k = asked.top_k or params.load("predict", predictions.TopKParams, partial=True).top_k
    limits = params.load("validate", LimitParams, partial=True).limits()
    classifier = Classifier(base_folder, head_folder, limits)
    names = classifier.class_names
    with ExitStack() as stack:
        out = writers(asked, names, min(top_k, len(names)), stack)
        try:
            count, unread = write(classifier.predict(named(asked)), out)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
    unread_ = f", {unread} of them not read" if unread else ""
    print(f"classify: {count} images{unread_}{classifier.warning}", file=sys.stderr)
    if unread:
        sys.exit(1)


if __name__ == "__main__":
    run_main(main)
