"""Section on similarity: the accuracy of images that are less like the training images."""

from classifier.evaluation.similarity_bins import Bin
from classifier.html.markup import Markup, table, tag
from stages.report.elements import percent
from stages.report.run_results import RunResults

TEXT = (
    "An image is often easier if a training image is much like it. The table orders the images by "
    "their similarity (cosine of the features) to the nearest training image that is neither a "
    "copy nor in the same group. New images from another place, camera or day are usually less "
    "similar: compare them with the first rows."
)


def similarity(run: RunResults) -> list[Markup]:
    """Returns the accuracy by similarity to the training images, if it is known."""
    if not run.similarity:
        return []
    header = ["similarity", "validation images", "accuracy", "95 % interval", "test images"]
    scored = any(one.test_scored for one in run.similarity)
    rows = [_row(one, scored) for one in run.similarity]
    header += ["test accuracy"] if scored else []
    return [tag("p", TEXT), table("Accuracy by similarity to the training images", header, rows)]


def _row(one: Bin, scored: bool) -> list[object]:
    interval = f"{percent(one.validation_low)} to {percent(one.validation_high)}"
    cells: list[object] = [f"{one.similarity_low:.3f} to {one.similarity_high:.3f}"]
    cells += [f"{one.validation:,}", percent(one.validation_accuracy), interval, f"{one.test:,}"]
    right = percent(one.test_right / one.test_scored) if one.test_scored else "-"
    return [*cells, right] if scored else cells
