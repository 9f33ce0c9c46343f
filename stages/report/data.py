"""Sections on the data: the images by class, files with problems, and findings."""

from collections import Counter

from classifier.common.errors import count
from classifier.dataset import folders
from classifier.dataset.findings import FINDINGS, Finding
from classifier.html.markup import Markup, table, tag
from stages.report import selection
from stages.report.elements import ThumbnailSet, details, gallery, section
from stages.report.run_results import RunResults
from stages.report.selection import PER_GROUP

TITLES = {
    "label_conflict": "The same image in two classes",
    "in_train_and_validation": "Training images that are also validation images",
    "in_train_and_test": "Training images that are also test images",
    "in_validation_and_test": "Validation images that are also test images",
    "duplicate": "Duplicates within a class",
    "wrong_label": "Probable label errors",
    "outlier": "Outliers",
}
UNFOLDED = 24  # classes; more are folded away
LISTED = 100  # files with problems


def data(run: RunResults, thumbnails: ThumbnailSet) -> Markup:
    """Returns the number of images of each class, some of them, and the files with problems."""
    names = sorted(run.counts, key=lambda name: (name == "", name))
    classes = tag("div", *(_class(run, name, thumbnails) for name in names), class_="strips")
    if len(names) > UNFOLDED:
        classes = details(f"{len(names)} classes", classes)
    return section("data", "Data", classes, _problems(run))


def _class(run: RunResults, name: str, thumbnails: ThumbnailSet) -> Markup:
    images = run.counts[name]
    counts = ", ".join(f"{images[split]:,} {split}" for split in folders.SPLITS if images[split])
    samples = (thumbnails.image(row.path) for row in selection.class_samples(run, name))
    text = tag("div", tag("b", name or "unknown class"), tag("br"), counts)
    return tag("div", text, tag("div", *samples, class_="strip"))


def _problems(run: RunResults) -> Markup:
    if not run.problems:
        return tag("p", "No file has a problem.")
    kinds = Counter(problem.problem for problem in run.problems)
    by_kind = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    rows = [[p.path, p.problem, p.detail, p.action] for p in run.problems[:LISTED]]
    caption = "Files with problems" + (f", first {LISTED}" if len(run.problems) > LISTED else "")
    return details(
        f"{count(len(run.problems), 'problem')} in files: {by_kind}",
        table(caption, ["file", "problem", "detail", "action"], rows),
    )


def findings(run: RunResults, thumbnails: ThumbnailSet) -> Markup | None:
    """Returns what `inspect` found, or None if it found nothing."""
    if not run.findings:
        return None
    parts = []
    for kind in FINDINGS:
        of_kind = [finding for finding in run.findings if finding.finding == kind]
        if of_kind:
            summary = f"{TITLES[kind]}: {len(of_kind):,}"
            summary += f" (first {PER_GROUP} shown)" if len(of_kind) > PER_GROUP else ""
            figures = (_finding(finding, thumbnails) for finding in of_kind[:PER_GROUP])
            parts.append(details(summary, gallery(figures)))
    lead = tag(
        "p",
        "Possible errors in the data, the most serious first. All of them are listed in "
        "results/inspection.csv. No file was changed.",
    )
    return section("findings", "Findings", lead, *parts)


def _finding(finding: Finding, thumbnails: ThumbnailSet) -> Markup:
    paths = [finding.path, finding.other] if finding.other else [finding.path]
    images = tag("div", *map(thumbnails.image, paths), class_="pair")
    text = f"{finding.label or 'unknown class'}: {finding.detail}"
    return tag("figure", images, tag("figcaption", finding.path, tag("br"), text))
