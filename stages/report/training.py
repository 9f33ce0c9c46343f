"""Sections on training: loss and accuracy by epoch, and the settings of the run."""

from classifier.html.markup import Markup, table, tag
from stages.report import charts
from stages.report.elements import details, percent, section
from stages.report.run_results import RunResults


def training(run: RunResults) -> Markup:
    """Returns the curves of training."""
    history = run.history
    losses, accuracies = history["val_loss"], history["val_accuracy"]
    best = min(range(len(losses)), key=lambda epoch: (losses[epoch], epoch))
    loss = charts.lines(
        "Training and validation loss by epoch",
        {"training": history["loss"], "validation": losses},
        "loss (nats)",
        best + 1,
        1.05 * max(history["loss"][0], losses[0], 1e-3),
    )
    accuracy = charts.lines(
        "Training and validation accuracy by epoch",
        {"training": history["accuracy"], "validation": accuracies},
        "accuracy",
        best + 1,
        1.0,
    )
    text = (
        f"Epoch {best + 1} of {len(losses)} had the lowest validation loss, {losses[best]:.3f}, "
        f"with a validation accuracy of {percent(accuracies[best])}. The dashed line marks it."
    )
    return section(
        "training", "Training", tag("p", text), tag("div", loss, accuracy, class_="charts")
    )


def settings(run: RunResults) -> Markup:
    """Returns the params of the run, its network and the versions of its libraries."""
    params = [
        [f"{name}.{key}", str(value)]
        for name, values in run.params.items()
        for key, value in values.items()
    ]
    base = run.base
    versions = [
        ["engine", f"{base.engine}, {base.precision}"],
        ["input size", f"{base.image_height} x {base.image_width} pixels"],
        ["weights", base.weights],
        *map(list, run.versions.items()),
    ]
    return section(
        "settings",
        "Settings",
        details("Values of params.yaml", table("Params", ["name", "value"], params)),
        details("Network and libraries", table("Versions", ["name", "value"], versions)),
    )
