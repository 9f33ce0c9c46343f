"""Section on confusions: which class was predicted as which."""

from classifier.common.errors import count
from classifier.html.markup import Markup, table, tag
from stages.report.run_results import RunResults
from stages.report.scored import LARGEST


def confusion(run: RunResults) -> list[Markup]:
    """Returns the confusion matrix and the most frequent confusions."""
    names, pairs = run.scored.names, _pairs(run)
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
        tag("tbody", *(_row(run, names, label) for label in names)),
        class_="matrix",
    )
    return [tag("p", text), tag("div", tag("div", matrix, class_="wide"), pairs, class_="beside")]


def _pairs(run: RunResults) -> Markup:
    if not run.scored.wrong:
        return tag("p", "No image was misclassified.")
    rows = [[*cell, _button(run, *cell)] for cell in run.scored.confusions]
    return table("Most frequent confusions", ["class", "predicted as", "images"], rows)


def _row(run: RunResults, names: list[str], label: str) -> Markup:
    cells = run.scored.cells
    total = sum(cells[label, predicted] for predicted in names)
    row = [tag("th", label, scope="row")]
    for predicted in names:
        if number := cells[label, predicted]:
            kind = "right" if label == predicted else "wrong"
            button = _button(run, label, predicted)
            row.append(tag("td", button, class_=kind, style=f"--share:{number / total:.2f}"))
        else:
            row.append(tag("td"))
    return tag("tr", *row)


def _button(run: RunResults, label: str, predicted: str) -> Markup:
    number = run.scored.cells[label, predicted]
    pair = f"{run.class_names.index(label)},{run.class_names.index(predicted)}"
    text = f"{count(number, 'image')} of {label} predicted as {predicted}"
    return tag("button", number, type="button", data_pair=pair, aria_label=text, title=text)
