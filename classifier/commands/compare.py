"""Compare this run with that of a git commit: `python -m classifier compare --help`.

Reads   results/metrics.json, results/scored_validation.csv, results/scored_test.csv, params.yaml,
        the same files of the commit (git, DVC's cache), and the images for their thumbnails
Writes  with --html a page
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from classifier.commands import _replaced
from classifier.common import files, params
from classifier.common.errors import StageError
from classifier.comparison import commits, comparison, elements, runs
from classifier.comparison.comparison import Comparison
from classifier.html import markup, thumbnails
from classifier.html.markup import Markup, tag
from classifier.images.limits import Limits
from classifier.serving.writers import align, printable

LISTED = 20  # images of each kind that are printed
SHOWN = 120  # images of each kind on the page
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
GENERATOR = "python -m classifier compare"  # marks a page, which may be replaced
EPILOG = """
example: python -m classifier compare --html results/comparison.html

Run it after `dvc repro` and before you commit. After a commit, compare with the one before: HEAD~1.
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier compare",
        description="Compare scores and predictions with those of a git commit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "commit", nargs="?", default="HEAD", metavar="COMMIT", help="default: HEAD, the last one"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with images")
    parser.add_argument("--force", action="store_true", help="replace any file there")
    return parser.parse_args()


def lines(found: Comparison) -> Iterator[str]:
    """Yields the comparison as text."""
    yield from align([["score", "before", "after", "difference"], *found.score_rows])
    if found.params:
        yield ""
        yield from align([["param", "before", "after"], *map(list, found.params)])
    for split, one in found.splits.items():
        yield ""
        yield f"{split}: {one}"
        for kind, number, pairs in comparison.groups(one):
            for old, new in pairs[:LISTED]:
                yield printable(f"  {kind}: {new.path}, {old.predicted} -> {new.predicted}")
            if number > LISTED:
                yield f"  {kind}: and {number - LISTED:,} more"


def page(found: Comparison, name: str) -> Markup:
    """Returns the comparison with the commit `name` as a document."""
    title = f"Comparison with {name}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=GENERATOR),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(markup.STYLE.read_text(encoding="utf-8"))),
    )
    images = elements.splits(found, _thumbnail, ("h2", "h3"))
    body = tag("body", tag("main", tag("h1", title), elements.tables(found), *images))
    return Markup("<!doctype html>\n" + tag("html", head, body, lang="en") + "\n")


def _thumbnail(path: str) -> Markup:
    limits = params.load("validate", Limits, partial=True)
    uri = thumbnails.of_file(path, limits.pixels)
    return tag("img", src=uri, alt=path) if uri else tag("span", path, class_="none")


def main() -> None:
    """Prints the comparison, and writes the page."""
    args = parse_args()
    if args.html and args.html.suffix not in (".html", ".htm"):
        raise StageError(f"{args.html}: must end in .html; got {args.html.suffix or 'no ending'}")
    if args.html:
        _replaced.refuse(args.html, force=args.force, mark=GENERATOR.encode())
    after, commit = runs.present(), commits.read(args.commit, runs.COMMITTED)
    found = comparison.compare(commit, runs.past(commit), after, SHOWN)
    print(f"compared with {args.commit} ({commit.name}):")
    for line in lines(found):
        print(line)
    if args.html:
        with files.atomic_write(args.html) as part:
            text = page(found, f"{args.commit} ({commit.name})")
            part.write_text(text, encoding="utf-8", newline="\n")
        print(f"\ncompare: -> {args.html.as_posix()}")
