"""Predict the classes of new images: `python -m classifier classify --help`.

Reads   the images given, models/base, models/head; with --model an exported classifier
Writes  to standard output, or the files given with --csv and --json
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from classifier.common import progress
from classifier.common.errors import StageError, count, warn
from classifier.serving import inputs, models, outputs, snapshot
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import STDIN, ImageSource
from classifier.serving.writers import WriteRow, csv_writer, json_writer, table_writer

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
        "--force", action="store_true", help="overwrite files that hold no predictions"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="models/exported or a copy of it; needs no project (default: the project's models)",
    )
    parser.add_argument(
        "--top-k", type=int, metavar="N", help="classes per image (default: predict.top_k)"
    )
    args = parser.parse_args()
    if not args.images and not args.from_file:
        parser.error("give an image, a folder or --from-file")
    if args.top_k is not None and args.top_k < 1:
        parser.error(f"argument --top-k: must be 1 or more; got {args.top_k}")
    if args.csv == args.json == outputs.STDOUT:
        parser.error("--csv and --json cannot both write to standard output")
    if STDIN in args.images and args.from_file == STDIN:
        parser.error("standard input can be an image or a list, not both")
    return args


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


def open_writers(args: argparse.Namespace, top_k: int, stack: ExitStack) -> list[WriteRow]:
    """Returns a function for each output that writes a row; `stack` completes the outputs."""
    writers = []
    if args.csv is not None:
        writers.append(csv_writer(stack.enter_context(outputs.open_output(args.csv)), top_k))
    if args.json is not None:
        writers.append(json_writer(stack.enter_context(outputs.open_output(args.json))))
    return [stack.enter_context(writer) for writer in writers or [table_writer(sys.stdout)]]


def write(
    results: Iterable[Prediction],
    to_row: Callable[[Prediction], list[object]],
    writers: Sequence[WriteRow],
) -> tuple[int, int]:
    """Writes the predictions; returns the number of images, and of those that cannot be read."""
    images = unreadable = 0
    unseen = Counter[str]()
    with progress.bar("classify", None) as bar:
        for result in results:
            images += 1
            unreadable += result.probabilities is None
            unseen[result.image.unseen_depth] += 1
            row = to_row(result)
            for write_row in writers:
                write_row(row, result.image.detail)
            bar.update()
    del unseen[""]
    for depth, number in sorted(unseen.items()):
        warn(
            f"{count(number, f'{depth} image')}: there were none to train on, so black and white "
            "are those of each image itself"
        )
    return images, unreadable


def main() -> None:
    """Classifies the images given on the command line."""
    args = parse_args()
    empty = [path for path in args.images if inputs.is_empty_folder(path)]
    errors = [f"{path}: the folder has no files" for path in empty]
    options = {"--csv": args.csv, "--json": args.json}
    named = {option: name for option, name in options.items() if name is not None}
    if errors := errors + outputs.refusals(named, args.force):
        raise StageError(*errors)
    limits = models.limits(args.model)
    with snapshot.unchanged(*models.paths(args.model)):
        classifier = Classifier(models.load(args.model), limits)
    info = classifier.info
    top_k = min(args.top_k or classifier.model.top_k, len(info.class_names))
    try:
        with closing(classifier.loader), ExitStack() as stack:
            stdin = None
            if STDIN in args.images:
                stdin = stack.enter_context(inputs.spooled(sys.stdin.buffer, limits))
            results = classifier.predict(sources(args.images, args.from_file, stdin))
            writers = open_writers(args, top_k, stack)
            images, unreadable = write(results, partial(classifier.row, top_k=top_k), writers)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    problems = f", {unreadable:,} could not be read" if unreadable else ""
    print(f"classify: {count(images, 'image')}{problems}{info.warning}", file=sys.stderr)
    if unreadable:
        sys.exit(1)
