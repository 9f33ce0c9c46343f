"""Sections on training: loss and accuracy by epoch, and the settings of the run."""

from classifier.html.markup import Markup, table, tag
from stages.report import charts
from stages.report.elements import details, percent
from stages.report.run_results import RunResults

KINDS = {
    "discriminant": "a linear discriminant",
    "logistic": "a multinomial logistic regression",
    "mean": "the mean of the logits of a linear discriminant and a multinomial logistic regression",
}


def training(run: RunResults) -> list[Markup]:
    """Returns the curves of training, or what was fitted in closed form."""
    history = run.history
    if not history:
        return [tag("p", _closed_form(run))]
    losses, accuracies = history["val_loss"], history["val_accuracy"]
    best = losses.index(min(losses))
    highest = 1.05 * max(history["loss"][0], losses[0], 1e-3)
    curves = (
        charts.lines(
            f"Training and validation {name} by epoch",
            {"training": history[name], "validation": history[f"val_{name}"]},
            y_name,
            best + 1,
            y_max,
        )
        for name, y_name, y_max in (("loss", "loss (nats)", highest), ("accuracy", "accuracy", 1.0))
    )
    text = (
        f"Epoch {best + 1} of {len(losses)} had the lowest validation loss, {losses[best]:.3f}, "
        f"with a validation accuracy of {percent(accuracies[best])}. The dashed line marks it."
    )
    return [tag("p", text), tag("div", *curves, class_="charts")]


def _closed_form(run: RunResults) -> str:
    """Returns a sentence on a head that was not trained by epochs."""
    strengths = " and ".join(f"{value:g}" for value in run.head.strength)
    layers = " and ".join(run.head.layers)
    return (
        f"The head is {KINDS[run.head.head]} on the square roots of the features of {layers}. "
        f"Layers and strength ({strengths}) are those with the lowest log loss in cross-validation."
    )


def settings(run: RunResults) -> list[Markup]:
    """Returns the params of the run, its network and the versions of its libraries."""
    params = [
        (f"{name}.{key}", str(value))
        for name, values in run.params.items()
        for key, value in values.items()
    ]
    base = run.base
    versions = [
        ("engine", f"{base.engine}, {base.precision}"),
        ("input size", f"{base.image_height} x {base.image_width} pixels"),
        ("weights", base.weights),
        *run.versions.items(),
    ]
    return [
        details("Values of params.yaml", table("Params", ["name", "value"], params)),
        details("Network and libraries", table("Versions", ["name", "value"], versions)),
    ]
