"""Sections on the data: the images by class, files with problems, and findings."""

from classifier.common.errors import count
from classifier.dataset import folders
from classifier.dataset.findings import FINDINGS, Finding
from classifier.html.markup import Markup, table, tag
from stages.report.elements import ThumbnailSet, details
from stages.report.run_results import PROBLEMS, RunResults
from stages.report.scored import PER_GROUP

TITLES = {
    "label_conflict": "The same image in two classes",
    "in_train_and_validation": "Training images that are also validation images",
    "in_train_and_test": "Training images that are also test images",
    "in_validation_and_test": "Validation images that are also test images",
    "duplicate": "Duplicates within a class",
    "wrong_label": "Labels worth a look",
    "outlier": "Outliers",
    "list_and_folder": "Another class in input/labels.csv than the folder's",
}
NOTES = {
    "wrong_label": "Ranked, the most suspicious first. Images that are hard to classify are listed "
    "even if no label is wrong: 1 to 6 % of all images where the classes are easy to tell apart, "
    "7 to 25 % where they are not. Five wrong labels among images of easy classes rank among the "
    "first ten, with few exceptions.",
    "list_and_folder": "The list wins: these are labels that were corrected, or mistakes in it.",
}
UNFOLDED = 24  # classes; more are folded away


def data(run: RunResults, images: ThumbnailSet) -> list[Markup]:
    """Returns the number of images of each class, some of them, and the files with problems."""
    names = sorted(run.counts, key=lambda name: (name == "", name))
    classes = tag("div", *(_class(run, name, images) for name in names), class_="strips")
    if len(names) > UNFOLDED:
        classes = details(f"{len(names)} classes", classes)
    return [classes, _problems(run)]


def _class(run: RunResults, name: str, images: ThumbnailSet) -> Markup:
    numbers = run.counts[name]
    counts = ", ".join(f"{numbers[split]:,} {split}" for split in folders.SPLITS if numbers[split])
    text = tag("div", tag("b", name or "unknown class"), tag("br"), counts)
    samples = map(images.image, run.samples.get(name, ()))
    return tag("div", text, tag("div", *samples, class_="strip"))


def _problems(run: RunResults) -> Markup:
    kinds, number = run.problems.counts, run.problems.counts.total()
    if not number:
        return tag("p", "No file has a problem.")
    by_kind = ", ".join(f"{n:,} {kind}" for kind, n in sorted(kinds.items()))
    rows = [[p.path, p.problem, p.detail, p.action] for p in run.problems.shown[:PROBLEMS]]
    caption = "Files with problems" + (f", first {PROBLEMS}" if number > PROBLEMS else "")
    return details(
        f"{count(number, 'problem')} in files: {by_kind}",
        table(caption, ["file", "problem", "detail", "action"], rows),
    )


def findings(run: RunResults, images: ThumbnailSet) -> list[Markup]:
    """Returns what `inspect` found, the most serious first."""
    parts = []
    for kind in FINDINGS:
        if number := run.findings.counts[kind]:
            more = f" (first {PER_GROUP} shown)" if number > PER_GROUP else ""
            figures = (_finding(n, one, images) for n, one in enumerate(run.findings_of(kind), 1))
            gallery = tag("div", *figures, class_="figures")
            note = tag("p", NOTES[kind]) if kind in NOTES else None
            parts.append(details(f"{TITLES[kind]}: {number:,}{more}", note, gallery))
    text = (
        "Possible errors in the data, the most serious first. All of them are listed in "
        "results/inspection.csv. No file was changed."
    )
    return [tag("p", text), *parts] if parts else []


def _finding(rank: int, finding: Finding, images: ThumbnailSet) -> Markup:
    paths = filter(None, (finding.path, finding.other))
    pair = tag("div", *map(images.image, paths), class_="pair")
    text = f"{finding.label or 'unknown class'}: {finding.detail}"
    return tag("figure", pair, tag("figcaption", f"{rank}. {finding.path}", tag("br"), text))
