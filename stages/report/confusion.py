"""Section on confusions: which class was predicted as which."""

from collections import Counter

from classifier.common.errors import count
from classifier.html.markup import Markup, table, tag
from stages.report.run_results import RunResults

LARGEST = 120  # classes of a confusion matrix; for more, only pairs are listed
PAIRS = 20  # listed


def confusion(run: RunResults) -> list[Markup]:
    """Returns the confusion matrix and the most frequent confusions."""
    cells = Counter((image.label, image.predicted) for image in run.scored)
    names = sorted({name for pair in cells for name in pair})
    pairs = _pairs(run, cells)
    if len(names) > LARGEST:
        text = f"{len(names)} classes are too many for a matrix, so only pairs are listed."
        return [tag("p", text), pairs]
    text = (
        f"Rows are the classes of the {run.split} images, columns the predicted classes. "
        "Click a number to see its images."
    )
    columns = (tag("th", tag("span", name), scope="col", class_="turned") for name in names)
    matrix = tag(
        "table",
        tag("caption", "Confusion matrix"),
        tag("thead", tag("tr", tag("td"), *columns)),
        tag("tbody", *(_row(run, cells, names, label) for label in names)),
        class_="matrix",
    )
    return [tag("p", text), tag("div", tag("div", matrix, class_="wide"), pairs, class_="beside")]


def _pairs(run: RunResults, cells: Counter[tuple[str, str]]) -> Markup:
    errors = [(-number, *pair) for pair, number in cells.items() if pair[0] != pair[1]]
    if not errors:
        return tag("p", "No image was misclassified.")
    rows = [
        [label, predicted, _button(run, label, predicted, -number)]
        for number, label, predicted in sorted(errors)[:PAIRS]
    ]
    return table("Most frequent confusions", ["class", "predicted as", "images"], rows)


def _row(run: RunResults, cells: Counter[tuple[str, str]], names: list[str], label: str) -> Markup:
    total = sum(cells[label, predicted] for predicted in names)
    row = [tag("th", label, scope="row")]
    for predicted in names:
        if number := cells[label, predicted]:
            kind = "right" if label == predicted else "wrong"
            button = _button(run, label, predicted, number)
            row.append(tag("td", button, class_=kind, style=f"--share:{number / total:.2f}"))
        else:
            row.append(tag("td"))
    return tag("tr", *row)


def _button(run: RunResults, label: str, predicted: str, number: int) -> Markup:
    pair = f"{run.class_names.index(label)},{run.class_names.index(predicted)}"
    text = f"{count(number, 'image')} of {label} predicted as {predicted}"
    return tag("button", number, type="button", data_pair=pair, aria_label=text, title=text)
