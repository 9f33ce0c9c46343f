"""Section on what differs from the run of the last git commit."""

from classifier.comparison import elements
from classifier.html.markup import Markup, tag
from stages.report.elements import ThumbnailSet
from stages.report.run_results import RunResults

SUBJECT = 100  # characters


def comparison(run: RunResults, images: ThumbnailSet) -> list[Markup]:
    """Returns what differs from the last commit's run; nothing if there is none or no difference.

    The page names the commit, as it stays when others follow. If git refuses to read the
    repository, it says so.
    """
    if not run.comparison:
        return []
    if isinstance(run.comparison, str):
        return [_refused(run.comparison)]
    commit = run.comparison.commit
    subject = commit.subject
    if len(subject) > SUBJECT:
        subject = subject[: SUBJECT - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    text = (
        f"Before: commit {commit.name} of {commit.date}, \N{LEFT DOUBLE QUOTATION MARK}{subject}"
        "\N{RIGHT DOUBLE QUOTATION MARK}, the last one when this page was written. After: this "
        "run. For another commit, or more images, run "
    )
    command = tag("code", "python -m classifier compare COMMIT --html FILE")
    return [
        tag("p", text, command, "."),
        elements.tables(run.comparison),
        *elements.splits(run.comparison, images.image, ("h3", "h4")),
    ]


def _refused(words: str) -> Markup:
    """Returns a line that says why there is no comparison."""
    text = (
        "There is no comparison with the last commit, as git refuses to read this repository. "
        "Git says: "
    )
    command = tag("code", "dvc repro -f -s report")
    return tag(
        "p", text, tag("code", words), ". Once git reads it, ", command, " adds the comparison."
    )
