"""Predict the classes of new images: `python -m classifier classify --help`.

Reads   the images given, models/base, models/head; with --model an exported classifier
Writes  to standard output, or the files given with --csv, --json, --jsonl and --parquet; .cache
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TextIO

from classifier.commands import _new_images
from classifier.common import parquet, progress, shard
from classifier.common.errors import StageError, count, warn
from classifier.serving import models, outputs, snapshot
from classifier.serving.cached_classifier import CachedClassifier
from classifier.serving.classifier import Classifier, Prediction
from classifier.serving.parquet import parquet_writer
from classifier.serving.writers import (
    WriteRow,
    csv_writer,
    json_lines_writer,
    json_writer,
    table_writer,
)

OUTPUTS: dict[str, tuple[str, Callable[[TextIO, int], AbstractContextManager[WriteRow]]]] = {
    "--csv": ("CSV", csv_writer),
    "--json": ("JSON", json_writer),
    "--jsonl": ("JSON Lines", json_lines_writer),
    "--parquet": ("Parquet", parquet_writer),
}
EPILOG = """
example: python -m classifier classify photo.jpg folder --csv predictions.csv

A folder stands for all files in it, - for one image from standard input; http and https
addresses are downloaded. Images that cannot be read get a row with the reason.

exit codes: 0 done; 1 an error, or images that could not be read; 2 wrong usage; 130 interrupted,
which the next run resumes
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier classify",
        description="Predict the classes of new images with the trained classifier.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _new_images.add_images(parser)
    for option, (name, _) in OUTPUTS.items():
        parser.add_argument(option, metavar="FILE", help=f"write {name} to FILE; -: stdout")
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that hold no predictions"
    )
    parser.add_argument(
        "--top-k", type=int, metavar="N", help="classes per image (default: predict.top_k)"
    )
    parser.add_argument(
        "--shard",
        type=shard.parse,
        default=(1, 1),
        metavar="K/N",
        help="classify only each Nth image, from the Kth on: N machines share a folder",
    )
    args = _new_images.parse(parser)
    if args.top_k is not None and args.top_k < 1:
        parser.error(f"argument --top-k: must be 1 or more; got {args.top_k}")
    to_stdout = [option for option, name in named_outputs(args).items() if name == outputs.STDOUT]
    if len(to_stdout) > 1:
        parser.error(f"{' and '.join(to_stdout[:2])} cannot both write to standard output")
    return args


def named_outputs(args: argparse.Namespace) -> dict[str, str]:
    """Returns the places of the outputs by option."""
    places = {option: getattr(args, option[2:]) for option in OUTPUTS}
    return {option: place for option, place in places.items() if place is not None}


def open_writers(places: dict[str, str], top_k: int, stack: ExitStack) -> list[WriteRow]:
    """Returns a function for each output that writes a row; `stack` completes the outputs."""
    writers = [
        OUTPUTS[option][1](stack.enter_context(outputs.open_output(place)), top_k)
        for option, place in places.items()
    ]
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
    errors = _new_images.empty_folders(args)
    if args.parquet is not None and not parquet.is_installed():
        errors.append(f"--parquet: needs {parquet.PACKAGE}; run `pip install {parquet.PACKAGE}`")
    if errors := errors + outputs.refusals(named_outputs(args), args.force):
        raise StageError(*errors)
    with snapshot.unchanged(*models.paths(args.model)):
        classifier = Classifier(models.load(args.model), models.limits(args.model))
    info = classifier.info
    top_k = min(args.top_k or classifier.model.top_k, len(info.class_names))
    runner = _new_images.with_cache(classifier, args)
    try:
        with _new_images.predictions(runner, args, args.shard) as results, ExitStack() as stack:
            writers = open_writers(named_outputs(args), top_k, stack)
            images, unreadable = write(results, partial(classifier.row, top_k=top_k), writers)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    problems = f", {unreadable:,} could not be read" if unreadable else ""
    new = f", {runner.new:,} new" if isinstance(runner, CachedClassifier) else ""
    print(f"classify: {count(images, 'image')}{problems}{new}{info.warning}", file=sys.stderr)
    if unreadable:
        sys.exit(1)
