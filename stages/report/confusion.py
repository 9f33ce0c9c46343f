"""Section on confusions: which class was predicted as which."""

from collections import Counter
from collections.abc import Mapping, Sequence

from classifier.common.errors import count
from classifier.html.markup import Markup, table, tag
from stages.report.elements import section
from stages.report.run_results import RunResults

LARGEST = 120  # classes of a confusion matrix; for more, only pairs are listed
PAIRS = 20  # listed

Cells = Mapping[tuple[str, str], int]  # number of images by class and predicted class


def confusion(run: RunResults) -> Markup:
    """Returns the confusion matrix and the most frequent confusions."""
    cells = Counter((image.label, image.predicted) for image in run.scored_images)
    names = sorted({name for pair in cells for name in pair})
    pairs = _pairs(run, cells)
    if len(names) > LARGEST:
        text = f"{len(names)} classes are too many for a matrix, so only pairs are listed."
        return section("confusion", "Confusions", tag("p", text), pairs)
    text = (
        f"Rows are the classes of the {run.split} images, columns the predicted classes. "
        "Click a number to see its images."
    )
    both = tag("div", _matrix(run, cells, names), pairs, class_="beside")
    return section("confusion", "Confusions", tag("p", text), both)


def _pairs(run: RunResults, cells: Cells) -> Markup:
    errors = [(number, pair) for pair, number in cells.items() if pair[0] != pair[1]]
    if not errors:
        return tag("p", "No image was misclassified.")
    errors.sort(key=lambda error: (-error[0], error[1]))
    rows = [
        [label, predicted, _button(run, label, predicted, number)]
        for number, (label, predicted) in errors[:PAIRS]
    ]
    return table("Most frequent confusions", ["class", "predicted as", "images"], rows)


def _matrix(run: RunResults, cells: Cells, names: Sequence[str]) -> Markup:
    columns = (tag("th", tag("span", name), scope="col", class_="turned") for name in names)
    matrix = tag(
        "table",
        tag("caption", "Confusion matrix"),
        tag("thead", tag("tr", tag("td"), *columns)),
        tag("tbody", *(_row(run, cells, names, label) for label in names)),
        class_="matrix",
    )
    return tag("div", matrix, class_="wide")


def _row(run: RunResults, cells: Cells, names: Sequence[str], label: str) -> Markup:
    numbers = [cells.get((label, predicted), 0) for predicted in names]
    row = [tag("th", label, scope="row")]
    for predicted, number in zip(names, numbers, strict=True):
        kind = "right" if label == predicted else "wrong"
        shade = f"--share:{number / sum(numbers):.2f}" if number else None
        button = _button(run, label, predicted, number) if number else None
        row.append(tag("td", button, class_=kind if number else None, style=shade))
    return tag("tr", *row)


def _button(run: RunResults, label: str, predicted: str, number: int) -> Markup:
    pair = f"{run.class_names.index(label)},{run.class_names.index(predicted)}"
    text = f"{count(number, 'image')} of {label} predicted as {predicted}"
    return tag("button", number, type="button", data_pair=pair, aria_label=text, title=text)
