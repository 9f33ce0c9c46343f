"""The sections of a report."""

from collections import Counter
from collections.abc import Mapping, Sequence

from classifier.dataset import folders
from classifier.dataset.findings import FINDINGS, Finding
from classifier.html.markup import Markup, join, table, tag
from stages.report import charts, selection
from stages.report.figures import ThumbnailSet, figures
from stages.report.run_results import RunResults, ScoredImage
from stages.report.selection import GALLERY, SHOWN

NAMES = {
    "label_conflict": "The same image in two classes",
    "in_train_and_validation": "Training images that are validation images too",
    "in_train_and_test": "Training images that are test images too",
    "in_validation_and_test": "Validation images that are test images too",
    "duplicate": "The same image twice in a class",
    "wrong_label": "Labels that are probably wrong",
    "outlier": "Images like no other",
}
LEAKS = {"test": ("in_train_and_test",), "validation": ("in_train_and_validation",)}
OPEN = 24  # classes that are shown without being asked for
LISTED = 100  # rows of a table of files
MATRIX = 120  # classes of a confusion matrix; of more only the pairs are listed


def section(name: str, title: str, *children: object) -> Markup:
    """Returns a part of the page with a heading."""
    return tag("section", tag("h2", title), *children, id=name)


def more(summary: str, *children: object) -> Markup:
    """Returns what is shown when asked for."""
    return tag("details", tag("summary", summary), *children)


def percent(share: float) -> str:
    """Returns a share as a number of hundredths with one decimal."""
    return f"{100 * share:.1f} %"


def headline(facts: RunResults) -> Markup:
    """Returns how good the classifier can be expected to be, in a sentence."""
    part = facts.metrics[facts.judged_on]
    low, high = round(100 * part["accuracy_low"]), round(100 * part["accuracy_high"])
    right = round(part["accuracy"] * part["n"])
    measured = "test" if facts.judged_on == "test" else "held-out training"
    expect = f"{low} to {high}" if low < high else f"{low}"
    about = facts.base
    weights = {
        "imagenet": "InceptionV3, trained on ImageNet, stays as it is",
        "random": "InceptionV3 with RANDOM weights stays as it is",
    }.get(about.weights, "InceptionV3 with weights from a file stays as it is")
    count, classes = facts.dataset["train"], len(facts.class_names)
    names = ", ".join(facts.class_names[:12]) + (" and more" if classes > 12 else "")
    warning = tag(
        "p",
        "The weights are random: the network knows nothing of the world. These numbers only show "
        "that everything runs; they say nothing of what your images would get.",
        class_="warning",
        role="alert",
    )
    leaks = [one for one in facts.findings if one.finding in LEAKS[facts.judged_on]]
    leaked = {one.path for one in leaks if f"/{facts.judged_on}/" in one.path}
    leak = tag(
        "p",
        f"{len(leaked):,} of them are also among the training images (see ",
        tag("a", "findings", href="#findings"),
        "), so the numbers are a little too good.",
    )
    tiles = (
        ("named rightly", percent(part["accuracy"])),
        ("among the first three", percent(part["top_3_accuracy"]) if classes > 3 else ""),
        ("F1, mean of the classes", f"{part['macro_f1']:.3f}"),
        ("log loss, nats", f"{part['log_loss']:.3f}"),
        ("calibration error", percent(part["expected_calibration_error"])),
    )
    return join(
        [
            warning if about.weights == "random" else None,
            tag(
                "p",
                "Of 100 new images like these, expect ",
                tag("strong", expect),
                " to be named rightly.",
                class_="headline",
            ),
            tag(
                "p",
                f"Measured on {part['n']:,} {measured} images that it did not learn from: "
                f"{right:,} were named rightly, {percent(part['accuracy'])} (95 % interval "
                f"{percent(part['accuracy_low'])} to {percent(part['accuracy_high'])}). It learned "
                f"{classes} classes ({names}) from {count:,} images. {weights} up to its layer "
                f"{about.last_layer}; what comes after was trained.",
            ),
            leak if leaked else None,
            tag(
                "dl",
                *(tag("div", tag("dt", name), tag("dd", value)) for name, value in tiles if value),
                class_="tiles",
            ),
        ]
    )


def images(facts: RunResults, image: ThumbnailSet) -> Markup:
    """Returns what images there are, and which files are wrong."""
    names = sorted(facts.counts, key=lambda name: (name == "", name))
    strips = tag("div", *(_strip(facts, name, image) for name in names), class_="strips")
    faults = Counter(problem.problem for problem in facts.problems)
    said = ", ".join(f"{count:,} {name}" for name, count in sorted(faults.items()))
    files = table(
        "Files with problems" + (f", the first {LISTED}" if len(facts.problems) > LISTED else ""),
        ["file", "problem", "", "what was done"],
        [[p.path, p.problem, p.detail, p.action] for p in facts.problems[:LISTED]],
    )
    return section(
        "data",
        "The images",
        strips if len(names) <= OPEN else more(f"{len(names)} classes", strips),
        more(f"{len(facts.problems):,} files with problems: {said}", files)
        if facts.problems
        else tag("p", "No file had a problem."),
    )


def _strip(facts: RunResults, name: str, image: ThumbnailSet) -> Markup:
    """Returns a class: its name, how many images there are of it, and some of them."""
    of = facts.counts[name]
    counts = ", ".join(f"{of[split]:,} {split}" for split in folders.SPLITS if of[split])
    samples = (image.image(row.path) for row in selection.sampled(facts, name))
    said = tag("div", tag("b", name or "of unknown class"), tag("br"), counts)
    return tag("div", said, tag("div", *samples, class_="strip"))


def findings(facts: RunResults, image: ThumbnailSet) -> Markup | None:
    """Returns what `inspect` found, or nothing."""
    if not facts.findings:
        return None
    parts = []
    for kind in FINDINGS:
        found = [one for one in facts.findings if one.finding == kind]
        if found:
            shown = figures(_finding(one, image) for one in found[:SHOWN])
            rest = f", the first {SHOWN} of them" if len(found) > SHOWN else ""
            parts.append(more(f"{NAMES[kind]}: {len(found):,}{rest}", shown))
    lead = tag(
        "p",
        "What the images themselves tell of faults in the data, the gravest first; "
        "all of it is in results/inspection.csv. Nothing was changed.",
    )
    return section("findings", "Worth a look", lead, *parts)


def _finding(one: Finding, image: ThumbnailSet) -> Markup:
    images = [image.image(one.path), image.image(one.other) if one.other else None]
    said = f"{one.label or 'unknown'}: {one.detail}"
    return tag(
        "figure", tag("div", *images, class_="pair"), tag("figcaption", one.path, tag("br"), said)
    )


def learning(facts: RunResults) -> Markup:
    """Returns the curves of training."""
    curves = facts.history
    losses = curves["val_loss"]
    best = min(range(len(losses)), key=lambda epoch: (losses[epoch], epoch)) + 1
    top = max(curves["loss"][0], losses[0], 1e-3) * 1.05
    loss = charts.lines(
        f"Loss by epoch; lowest validation loss {losses[best - 1]:.3f} in epoch {best}",
        {"training": curves["loss"], "validation": losses},
        "loss, nats",
        best,
        top,
    )
    accuracy = charts.lines(
        f"Accuracy by epoch; {curves['val_accuracy'][best - 1]:.3f} of the validation images "
        f"in epoch {best}",
        {"training": curves["accuracy"], "validation": curves["val_accuracy"]},
        "share named rightly",
        best,
        1.0,
    )
    said = f"The best of {len(losses)} epochs, marked by a line, was number {best}: validation "
    said += (
        f"loss {losses[best - 1]:.3f}, {percent(curves['val_accuracy'][best - 1])} named rightly."
    )
    return section(
        "learning", "How it learned", tag("p", said), tag("div", loss, accuracy, class_="charts")
    )


def confusion(facts: RunResults) -> Markup:
    """Returns which class was taken for which."""
    cells = Counter((one.label, one.predicted) for one in facts.judged[facts.judged_on])
    names = sorted({name for pair in cells for name in pair})
    wrong = sorted(
        ((count, pair) for pair, count in cells.items() if pair[0] != pair[1]),
        key=lambda item: (-item[0], item[1]),
    )
    worst = table(
        "Most frequent confusions",
        ["class", "taken for", "images"],
        [
            [label, guess, _button(facts, label, guess, count)]
            for count, (label, guess) in wrong[:20]
        ],
    )
    lead = tag(
        "p",
        f"The {facts.judged_on} images by their class (rows) and the class they were given "
        "(columns). A number opens the images behind it.",
    )
    if not wrong:
        worst = tag("p", "None was taken for another class.")
    elif len(names) > MATRIX:
        lead = tag(
            "p", f"{len(names)} classes are too many for a matrix; the most frequent confusions:"
        )
        return section("confusion", "What it confuses", lead, worst)
    return section("confusion", "What it confuses", lead, _matrix(facts, cells, names), worst)


def _matrix(
    facts: RunResults, cells: Mapping[tuple[str, str], int], names: Sequence[str]
) -> Markup:
    head = tag(
        "tr",
        tag("td", ""),
        *(tag("th", tag("span", name), scope="col", class_="turned") for name in names),
    )
    totals: Counter[str] = Counter()
    for (label, _), count in cells.items():
        totals[label] += count
    body = []
    for label in names:
        row = [tag("th", label, scope="row")]
        for guess in names:
            count = cells.get((label, guess), 0)
            if not count:
                row.append(tag("td", ""))
                continue
            share = count / totals[label]
            kind = "right" if label == guess else "wrong"
            shade = f"--share:{share:.2f}"
            row.append(tag("td", _button(facts, label, guess, count), class_=kind, style=shade))
        body.append(tag("tr", *row))
    whole = tag(
        "table",
        tag("caption", "Confusion matrix"),
        tag("thead", head),
        tag("tbody", *body),
        class_="matrix",
    )
    return tag("div", whole, class_="wide")


def _button(facts: RunResults, label: str, guess: str, count: int) -> Markup:
    place = facts.class_names.index
    pair = f"{place(label)},{place(guess)}"
    said = f"{count} of {label} named {guess}"
    return tag("button", count, type="button", data_pair=pair, aria_label=said, title=said)


def classes(facts: RunResults) -> Markup:
    """Returns scores by class."""
    rows = [
        [
            row["class"],
            f"{int(row['images']):,}",
            _recall(row),
            f"{float(row['precision']):.2f}" if row["precision"] else "-",
            f"{float(row['f1']):.2f}",
        ]
        for row in facts.classes
    ]
    header = ["class", "images", "found (recall, 95 % interval)"]
    header += ["right when named (precision)", "F1"]
    scored = table(f"Scores of each class on {facts.judged_on} images", header, rows)
    return section("classes", "Class by class", scored)


def _recall(row: Mapping[str, str]) -> str:
    if not row["recall"]:
        return "-"
    share, low, high = (float(row[name]) for name in ("recall", "recall_low", "recall_high"))
    return f"{share:.2f} ({low:.2f} to {high:.2f})"


def judged(facts: RunResults, image: ThumbnailSet) -> Markup:
    """Returns mistakes, doubts, and whether probabilities can be believed."""
    wrong, doubtful = selection.mistakes(facts), selection.unsure(facts)

    def shown(some: Sequence[ScoredImage]) -> Markup:
        return figures(
            image.figure(
                one.path,
                tag("b", one.predicted),
                f" ({one.probability:.2f})",
                None
                if one.predicted == one.label
                else join([tag("br"), f"is {one.label} ({one.true_class_probability:.2f})"]),
            )
            for one in some[:SHOWN]
        )

    chart = charts.reliability(
        "How often images were named rightly, by their probability", facts.calibration
    )
    return section(
        "judged",
        "Where it errs",
        tag("h3", f"Mistakes it was surest of ({len(wrong):,} in all)"),
        shown(wrong) if wrong else tag("p", "It made no mistake on these images."),
        tag("h3", "Images it was least sure of"),
        shown(doubtful) if doubtful else tag("p", "It was sure (0.9 or more) of all of them."),
        tag("h3", "Can its probabilities be believed?"),
        tag(
            "p",
            "Each dot is a group of images, larger for more of them. On the line, images given "
            "0.8 are named rightly 8 times in 10; below it, the classifier is too sure of itself.",
        ),
        chart,
    )


def gallery(facts: RunResults) -> Markup:
    """Returns the test predictions: a table of the first, which the script makes a gallery of."""
    count = len(facts.predictions)
    if not count:
        empty = tag("p", "There were no images in input/test.")
        return section("predictions", "Predictions", empty)
    rows = [
        [row["path"], row["predicted"] or row["status"], row["probability"]]
        for row in facts.predictions[:LISTED]
    ]
    caption = "Test images" + (f", the first {LISTED}" if count > LISTED else "")
    lead = f"{count:,} files of input/test; all of them are in results/predictions.csv."
    if count > GALLERY:
        lead += f" The first {GALLERY:,} can be searched here."
    static = tag("div", table(caption, ["file", "class", "probability"], rows), id="plain")
    return section("predictions", "Predictions", tag("p", lead), tag("div", static, id="gallery"))


def made_by(facts: RunResults) -> Markup:
    """Returns params and versions."""
    rows = [
        [f"{part}.{name}", str(value)]
        for part, values in facts.params.items()
        for name, value in values.items()
    ]
    about = facts.base
    ran = f"{about.engine}, {about.precision}, {about.image_height}x{about.image_width} pixels"
    versions = [["base", ran], ["weights", about.weights], *map(list, facts.versions.items())]
    return section(
        "settings",
        "How it was made",
        more("Values of params.yaml", table("Values", ["name", "value"], rows)),
        more("Network and libraries", table("Versions", ["what", "which"], versions)),
    )
