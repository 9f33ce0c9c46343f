"""Section on confidence: how many images are answered at which accuracy."""

from classifier.common.errors import count
from classifier.evaluation import coverage
from classifier.html.markup import Markup, table, tag
from stages.report import charts
from stages.report.charts import Axes
from stages.report.elements import percent
from stages.report.run_results import RunResults

TARGETS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)  # accuracies
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
TEXT = (
    "Every prediction has a probability. If you accept only predictions of some probability or "
    "more and look at the other images yourself, fewer are wrong: the table and the curve show how "
    "many images are then answered, at which accuracy."
)
FEW = 30  # images: fewer tell little


def confidence(run: RunResults) -> list[Markup]:
    """Returns how many images are answered at which accuracy; for two classes also the rates."""
    answered = run.coverage
    points = list(zip(answered.coverage.tolist(), answered.accuracy.tolist(), strict=True))
    lowest = min(0.9, int(10 * min(y for _, y in points)) / 10)
    axes = Axes((0, 1), (lowest, 1))
    chart = charts.curve("Accuracy by answered images", points, axes, "answered images", "accuracy")
    number = count(run.scored.cells.total(), f"{run.split} image")
    title = f"If only likely predictions count ({number})"
    header = ("accuracy", "smallest probability", "answered", "left to you")
    parts = tag("div", table(title, header, _rows(run)), chart, class_="beside")
    return [tag("p", TEXT), parts, *_two_classes(run)]


def _rows(run: RunResults) -> list[list[object]]:
    """Returns a row for the accuracy of all answers, and for each higher one within reach."""
    answered = run.coverage
    overall = float(answered.accuracy[-1])
    found = (coverage.smallest_probability(answered, target) for target in TARGETS)
    within_reach = (row for row in found if row is not None and answered.images[row] >= FEW)
    rows: list[list[object]] = [[percent(overall), "0", percent(1), "0"]]
    for row in dict.fromkeys(within_reach):
        if (accuracy := float(answered.accuracy[row])) > overall:
            left = int(answered.images[-1] - answered.images[row])
            cells = percent(accuracy), f"{answered.probability[row]:.3f}"
            rows.append([*cells, percent(float(answered.coverage[row])), f"{left:,}"])
    return rows


def _two_classes(run: RunResults) -> list[Markup]:
    """Returns the rates of two classes by threshold; nothing for more classes."""
    if not run.thresholds:
        return []
    negative, positive = run.class_names
    text = (
        f"An image is predicted as {positive} if the probability of {positive} is the threshold or "
        f"more, else as {negative}. A higher threshold makes {positive} more certain and finds "
        f"fewer of them. Recall: the fraction of a class's images that are found; precision: the "
        "fraction of the images predicted as a class that belong to it."
    )
    shown = [
        min(run.thresholds, key=lambda row: abs(float(row["threshold"]) - threshold))
        for threshold in THRESHOLDS
    ]
    names = ("threshold", f"recall of {positive}", f"precision of {positive}")
    header = (*names, f"recall of {negative}", f"precision of {negative}")
    rows = list({row["threshold"]: _threshold_row(row) for row in shown}.values())
    roc = [
        (float(row["false_positive_rate"]), float(row["true_positive_rate"]))
        for row in run.thresholds
    ]
    found = [
        (float(row["true_positive_rate"]), float(row["precision"]))
        for row in run.thresholds
        if row["precision"]
    ]
    square = Axes((0, 1), (0, 1))
    return [
        tag("h3", f"A threshold for {positive}"),
        tag("p", text),
        table("Two classes by threshold", header, rows),
        tag(
            "div",
            charts.curve(
                "ROC curve",
                [(0.0, 0.0), *roc],
                square,
                f"{negative} predicted as {positive}",
                f"recall of {positive}",
                diagonal=True,
            ),
            charts.curve(
                "Precision-recall curve",
                found,
                square,
                f"recall of {positive}",
                f"precision of {positive}",
            ),
            class_="charts",
        ),
    ]


def _threshold_row(row: dict[str, str]) -> list[object]:
    recall = 1 - float(row["false_positive_rate"])
    rates = row["true_positive_rate"], row["precision"], f"{recall:.4f}", row["negative_precision"]
    cells = (percent(float(rate)) if rate else "-" for rate in rates)
    return [f"{float(row['threshold']):.3f}", *cells]
