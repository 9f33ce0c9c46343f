"""Section on what differs from the run of the last git commit."""

from classifier.comparison import elements
from classifier.html.markup import Markup, tag
from stages.report.elements import ThumbnailSet
from stages.report.run_results import RunResults

SUBJECT = 100  # characters


def comparison(run: RunResults, images: ThumbnailSet) -> list[Markup]:
    """Returns what differs from the last commit's run; nothing if there is none or no difference.

    The page names the commit, as it stays when others follow.
    """
    if not run.comparison:
        return []
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
