"""Predict the classes of new images: `python -m classifier classify --help`.

Reads   the images given, models/base, models/head
Writes  to standard output, or the files given with --csv and --json
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
from classifier.common.errors import StageError, count
from classifier.evaluation import predictions
from classifier.images.limits import Limits
from classifier.inference import base
from classifier.serving import inputs
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import STDIN, ImageSource
from classifier.serving.writers import CsvWriter, JsonWriter, TableWriter, Writer

STDOUT = "-"
EPILOG = """
example: python -m classifier classify photo.jpg folder --csv predictions.csv

A folder stands for all files in it, - for one image from standard input. Files that cannot be
read get a row with the reason, and the exit code is 1.
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier classify",
        description="Predict the classes of new images with the trained classifier.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="file, folder or -")
    parser.add_argument(
        "--from-file", metavar="FILE", help="read more paths from FILE, one per line; -: stdin"
    )
    parser.add_argument("--csv", metavar="FILE", help="write CSV to FILE; -: stdout")
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE; -: stdout")
    parser.add_argument(
        "--top-k", type=int, metavar="N", help="classes per image (default: predict.top_k)"
    )
    args = parser.parse_args()
    if not args.images and not args.from_file:
        parser.error("give an image, a folder or --from-file")
    if args.top_k is not None and args.top_k < 1:
        parser.error(f"argument --top-k: must be 1 or more; got {args.top_k}")
    if args.csv == args.json == STDOUT:
        parser.error("--csv and --json cannot both write to standard output")
    if STDIN in args.images and args.from_file == STDIN:
        parser.error("standard input can be an image or a list, not both")
    return args


def check_folders(paths: Iterable[str]) -> None:
    """Raises a StageError that names the folders without files, if there are any."""
    empty = [path for path in paths if inputs.is_empty_folder(path)]
    if empty:
        raise StageError(*(f"{path}: the folder has no files" for path in empty))


def sources(images: Sequence[str], from_file: str | None) -> Iterator[ImageSource]:
    """Yields the images given on the command line and in the list.

    Raises:
        StageError: the list cannot be read.
    """
    stdin = sys.stdin.buffer.read() if STDIN in images else None
    yield from inputs.expand(images, stdin)
    if not from_file:
        return
    try:
        with ExitStack() as stack:
            file = sys.stdin.buffer if from_file == STDIN else None
            lines = file or stack.enter_context(Path(from_file).open("rb"))
            paths = (os.fsdecode(line.rstrip(b"\r\n")) for line in lines)
            yield from inputs.expand(path for path in paths if path)
    except OSError as error:
        raise StageError(f"{from_file}: cannot be read ({error.strerror})") from None


@contextmanager
def open_output(name: str) -> Iterator[TextIO]:
    """Yields standard output, or a file that appears once it is complete.

    Raises:
        StageError: the file cannot be written.
    """
    if name == STDOUT:
        yield sys.stdout
        return
    with (
        files.atomic_write(Path(name)) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file


def open_writers(
    args: argparse.Namespace, class_names: Sequence[str], top_k: int, stack: ExitStack
) -> list[Writer]:
    """Returns the writers; `stack` closes their files."""
    kinds: list[tuple[str | None, type[Writer]]] = [(args.csv, CsvWriter), (args.json, JsonWriter)]
    writers = [
        kind(stack.enter_context(open_output(name)), class_names, top_k)
        for name, kind in kinds
        if name
    ]
    return writers or [TableWriter(sys.stdout, class_names, top_k)]


def write(results: Iterable[Prediction], writers: Sequence[Writer]) -> tuple[int, int]:
    """Writes the predictions; returns the number of images, and of those that cannot be read."""
    images = unreadable = 0
    with progress.bar("classify", None) as bar:
        for prediction in results:
            images += 1
            unreadable += prediction.probabilities is None
            for writer in writers:
                writer.add(prediction)
            bar.update()
    for writer in writers:
        writer.close()
    return images, unreadable


def main(base_folder: Path = base.FOLDER, head_folder: Path = head.FOLDER) -> None:
    """Classifies the images given on the command line."""
    args = parse_args()
    top_k = args.top_k or params.load("predict", predictions.TopKParams, partial=True).top_k
    limits = params.load("validate", Limits, partial=True)
    check_folders(args.images)
    classifier = Classifier(base_folder, head_folder, limits)
    names = classifier.class_names
    with ExitStack() as stack:
        writers = open_writers(args, names, min(top_k, len(names)), stack)
        try:
            results = classifier.predict(sources(args.images, args.from_file))
            images, unreadable = write(results, writers)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, has stopped
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
    problems = f", {unreadable:,} could not be read" if unreadable else ""
    print(f"classify: {count(images, 'image')}{problems}{classifier.warning}", file=sys.stderr)
    if unreadable:
        sys.exit(1)
