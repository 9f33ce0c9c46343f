"""What the commands that classify images have in common: options, images, the classifier."""

import argparse
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path

from classifier.cache import database
from classifier.common.errors import StageError
from classifier.serving import inputs
from classifier.serving.cached_classifier import CachedClassifier
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.inputs import STDIN, ImageSource


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the option for an exported classifier."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="models/exported or a copy of it; needs no project (default: the project's models)",
    )


def add_images(parser: argparse.ArgumentParser) -> None:
    """Adds the options for images, the classifier and its cache."""
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="file, folder, address or -")
    parser.add_argument(
        "--from-file", metavar="FILE", help="read more paths from FILE, one per line; -: stdin"
    )
    add_model(parser)
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keep what is computed there (default: .cache; with --model it is not kept)",
    )


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Returns the arguments of the command line, those of `add_images` checked."""
    args = parser.parse_args()
    if not args.images and not args.from_file:
        parser.error("give an image, a folder or --from-file")
    if STDIN in args.images and args.from_file == STDIN:
        parser.error("standard input can be an image or a list, not both")
    return args


def empty_folders(args: argparse.Namespace) -> list[str]:
    """Returns an error for each folder without files."""
    empty = [path for path in args.images if inputs.is_empty_folder(path)]
    return [f"{path}: the folder has no files" for path in empty]


def with_cache(classifier: Classifier, args: argparse.Namespace) -> Classifier | CachedClassifier:
    """Returns the classifier with its cache, if it has one."""
    folder = args.cache or (None if args.model else database.cache_folder())
    return CachedClassifier(classifier, folder) if folder else classifier


@contextmanager
def predictions(
    classifier: Classifier | CachedClassifier, args: argparse.Namespace, shard: tuple[int, int]
) -> Iterator[Generator[Prediction, None, None]]:
    """Yields the predictions for the images of the command line; closes the classifier.

    `shard` is K and N: only each Nth image, from the Kth on.
    """
    first, step = shard
    with closing(classifier), ExitStack() as stack:
        stdin = None
        if STDIN in args.images:
            stdin = stack.enter_context(inputs.spooled(sys.stdin.buffer, classifier.limits))
        chosen = islice(_sources(args, stdin), first - 1, None, step)
        yield stack.enter_context(closing(classifier.predict(chosen)))


def _sources(args: argparse.Namespace, stdin: Path | None) -> Iterator[ImageSource]:
    """Yields the images given on the command line and in the list; `stdin` holds that of `-`."""
    yield from inputs.expand(args.images, stdin)
    if not (path := args.from_file):
        return
    try:
        with sys.stdin.buffer if path == STDIN else Path(path).open("rb") as lines:
            yield from inputs.expand(inputs.read_paths(lines, path))
    except OSError as error:
        raise StageError(f"{path}: cannot be read ({error.strerror})") from None
