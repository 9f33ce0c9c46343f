"""Tell whether new images are still like those trained on: `python -m classifier drift --help`.

Reads   the images given, models/base, models/head, results/validation_predictions.npz; with
        --model an exported classifier
Writes  .cache
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.commands import _new_images
from classifier.common import progress
from classifier.common.errors import StageError, count
from classifier.dataset import validation_predictions
from classifier.evaluation import drift, drift_reference
from classifier.evaluation.drift import Measure, Tally
from classifier.evaluation.drift_reference import Reference
from classifier.serving import models, snapshot
from classifier.serving.classifier import Classifier

DRIFT = 3  # exit code
FEWEST = 10  # images that tell anything
LISTED = 3  # classes in the sentence
EPILOG = """
example: python -m classifier drift new_images || echo "look at the new images"

The images are compared with those of the training set, as heads that have not seen them predict
these: how many are unknown, how far they are, which classes are predicted.

exit codes: 0 no drift; 3 drift; 1 an error, or too few images; 2 wrong usage
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier drift",
        description="Tell whether new images are still like those the classifier learned from.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _new_images.add_images(parser)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.05,
        metavar="X",
        help="difference of a share that is no drift (default: 0.05, 5 points)",
    )
    parser.add_argument(
        "--ignore-classes", action="store_true", help="only list which classes are predicted"
    )
    args = _new_images.parse(parser)
    if not 0 <= args.tolerance < 1:
        parser.error(f"argument --tolerance: must be 0 to less than 1; got {args.tolerance:g}")
    return args


def reference(model: Path | None, classifier: Classifier) -> Reference:
    """Returns the images to compare with."""
    if model:
        return drift_reference.read(model)
    threshold = classifier.model.decision.threshold
    return drift_reference.of_project(classifier.info.class_names, threshold)


def lines(found: Sequence[Measure]) -> list[str]:
    """Returns the measures as a table; of the classes those that differ the most come first."""
    two, classes = (
        list(found[:2]),
        sorted(found[2:], key=lambda one: -abs(one.share - one.expected)),
    )
    width = max(len(one.name) for one in found)
    table = [f"{'':{width}}  share  expected  difference"]
    for one in (*two, *classes):
        mark = "  drift" if one.drifted else ""
        shares = f"{one.share:5.1%}  {one.expected:8.1%}"
        interval = f"{100 * one.low:+.1f} to {100 * one.high:+.1f} points"
        table.append(f"{one.name:{width}}  {shares}  {interval}{mark}")
    return table


def sentence(found: Sequence[Measure], images: int) -> str:
    """Returns what the measures mean."""
    subject = f"{count(images, 'image')}"
    unknown, distance, *classes = found
    reasons = []
    if unknown.drifted:
        reasons.append(
            f"{unknown.share:.0%} are unknown, where {unknown.expected:.0%} were expected"
        )
    if distance.drifted:
        reasons.append(
            "on average an image is further from the training images than "
            f"{distance.share:.0%} of these are from the others, where 50% were expected"
        )
    moved = sorted(
        (c for c in classes if c.drifted), key=lambda one: -abs(one.share - one.expected)
    )
    reasons += [
        f"{one.share:.0%} are predicted as {one.name}, where {one.expected:.0%} were expected"
        for one in moved[:LISTED]
    ]
    if reasons:
        return f"drift: the {subject} differ from those trained on: {'; '.join(reasons)}"
    finest = max(one.high - one.low for one in (unknown, distance)) / 2
    return (
        f"drift: none found in {subject}: changes of more than about {100 * finest:.0f} points "
        "would have been seen"
    )


def main() -> None:
    """Compares new images with the training set."""
    args = parse_args()
    if errors := _new_images.empty_folders(args):
        raise StageError(*errors)
    files = (args.model,) if args.model else (*models.PROJECT, validation_predictions.PATH)
    with snapshot.unchanged(*files):
        classifier = Classifier(models.load(args.model), models.limits(args.model))
        tally = Tally(reference(args.model, classifier), classifier.model.decision.threshold)
    unreadable = 0
    runner = _new_images.with_cache(classifier, args)
    with (
        _new_images.predictions(runner, args, (1, 1)) as results,
        progress.bar("drift", None) as bar,
    ):
        for prediction in results:
            bar.update()
            if prediction.probabilities is None:
                unreadable += 1
            else:
                tally.add(int(prediction.probabilities.argmax()), prediction.novelty)
    if tally.images < FEWEST:
        read = f"got {tally.images}" + (f", and {unreadable} unreadable" if unreadable else "")
        raise StageError(f"drift: needs {FEWEST} images or more; {read}: give more")
    found = drift.measures(tally, classifier.info.class_names, args.tolerance)
    print("\n".join(lines(found)))
    problems = f"; {unreadable:,} could not be read" if unreadable else ""
    print(f"{sentence(found, tally.images)}{problems}{classifier.info.warning}")
    considered = found[:2] if args.ignore_classes else found
    if any(one.drifted for one in considered):
        sys.exit(DRIFT)
