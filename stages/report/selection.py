"""Which images the report shows."""

from collections import Counter
from collections.abc import Sequence

from classifier.dataset.findings import FINDINGS
from classifier.dataset.manifest import ImageRow
from stages.report.run_results import SAMPLES, RunResults, ScoredImage

PER_GROUP = 24  # images in each group: errors, least confident, each kind of finding
PER_CELL = 60  # images behind each cell of the confusion matrix
SEARCHABLE = 50_000  # test images in the gallery
CONFIDENT = 0.9  # probability from which a prediction is not listed as one of the least confident


def images_to_show(run: RunResults) -> list[str]:
    """Returns the paths of the images to show, the most important first."""
    paths = [image.path for image in misclassified(run)[:PER_GROUP]]
    paths += [image.path for image in least_confident(run)[:PER_GROUP]]
    for kind in FINDINGS:
        for finding in [f for f in run.findings if f.finding == kind][:PER_GROUP]:
            paths += [finding.path, finding.other] if finding.other else [finding.path]
    paths += [row.path for name in run.class_names for row in class_samples(run, name)]
    paths += [image.path for image in confusion_examples(run)]
    paths += [row["path"] for row in run.predictions[:SEARCHABLE] if row["status"] == "ok"]
    return list(dict.fromkeys(paths))


def class_samples(run: RunResults, name: str) -> Sequence[ImageRow]:
    """Returns the sample images of a class, fewer if there are more than 20 classes."""
    count = max(1, min(SAMPLES, 120 // max(1, len(run.samples))))
    return run.samples.get(name, ())[:count]


def misclassified(run: RunResults) -> list[ScoredImage]:
    """Returns the misclassified images, the most confident predictions first."""
    errors = [image for image in run.scored_images if image.predicted != image.label]
    return sorted(errors, key=lambda image: (-image.probability, image.path))


def least_confident(run: RunResults) -> list[ScoredImage]:
    """Returns the images predicted with a probability below CONFIDENT, the lowest first."""
    images = [image for image in run.scored_images if image.probability < CONFIDENT]
    return sorted(images, key=lambda image: (image.probability, image.path))


def confusion_examples(run: RunResults) -> list[ScoredImage]:
    """Returns the images that the confusion matrix can show, the first PER_CELL of each cell."""
    cells: Counter[tuple[str, str]] = Counter()
    examples = []
    for image in run.scored_images:
        cells[image.label, image.predicted] += 1
        if cells[image.label, image.predicted] <= PER_CELL:
            examples.append(image)
    return examples
