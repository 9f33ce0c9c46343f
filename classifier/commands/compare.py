"""Compare this run with that of a git commit: `python -m classifier compare --help`.

Reads   results/metrics.json, results/scored_validation.csv, results/scored_test.csv, params.yaml,
        the same files of the commit (git, DVC's cache), and the images for their thumbnails
Writes  with --html a page
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from classifier.commands import _comparison, _replaced, _runs
from classifier.commands._comparison import Changes, Pair
from classifier.commands._runs import Run
from classifier.common import files, params
from classifier.common.errors import StageError, count
from classifier.evaluation import scored_images
from classifier.html import markup, thumbnails
from classifier.html.markup import Markup, table, tag
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


def changes_by_split(before: Run, after: Run) -> dict[str, Changes | None]:
    """Returns the images that changed by split; None where the earlier predictions are missing."""
    found: dict[str, Changes | None] = {}
    for split, later in after.scored.items():
        earlier = before.scored[split]
        found[split] = None
        if earlier and later:
            found[split] = _comparison.changes(*map(scored_images.iter_rows, (earlier, later)))
    return found


def lines(before: Run, after: Run, found: Mapping[str, Changes | None]) -> Iterator[str]:
    """Yields the comparison as text."""
    rows = [list(row) for row in score_rows(before, after)]
    yield from align([["score", "before", "after", "difference"], *rows])
    if changed := [list(row) for row in _comparison.params(before.params, after.params)]:
        yield ""
        yield from align([["param", "before", "after"], *changed])
    for split, one in found.items():
        yield ""
        yield f"{split}: {summary(one, split)}"
        for name, pairs in groups(one):
            for path, old, new in pairs[:LISTED]:
                yield printable(f"  {name}: {path}, {old.predicted} -> {new.predicted}")
            if len(pairs) > LISTED:
                yield f"  {name}: and {len(pairs) - LISTED:,} more"


def score_rows(before: Run, after: Run) -> Iterator[tuple[str, str, str, str]]:
    """Yields the scores of both runs, and their difference."""
    for name, old, new in _comparison.scores(before.metrics, after.metrics):
        yield name.replace("_", " "), f"{old:.4f}", f"{new:.4f}", f"{new - old:+.4f}"


def summary(changes: Changes | None, split: str) -> str:
    """Returns how many images changed, in a sentence or two."""
    if changes is None:
        path = _runs.SCORED[split].as_posix()
        return (
            "the predictions of that commit are not in DVC's cache; get them with "
            f"`dvc fetch --all-commits {path}`"
        )
    better, worse = len(changes.better), len(changes.worse)
    text = f"of {count(changes.common, 'image')}, {better:,} became right and {worse:,} wrong."
    if better + worse:
        text += f" Chance alone makes such a difference in {100 * changes.chance:.0f} % of cases."
    if changes.others:
        text += f" {count(changes.others, 'image is', 'images are')} not in both runs."
    return text


def groups(changes: Changes | None) -> list[tuple[str, list[Pair]]]:
    """Returns the images that changed, by what became of them."""
    return [("now wrong", changes.worse), ("now right", changes.better)] if changes else []


def page(before: Run, after: Run, found: Mapping[str, Changes | None], name: str) -> Markup:
    """Returns the comparison with the commit `name` as a document."""
    title = f"Comparison with {name}"
    header = ("score", "before", "after", "difference")
    changed = list(_comparison.params(before.params, after.params))
    parts = [table("Scores", header, score_rows(before, after))]
    if changed:
        parts.append(table("Params that differ", ("param", "before", "after"), changed))
    sections = [tag("div", *parts, class_="beside")]
    for split, one in found.items():
        text = summary(one, split)
        sections += [tag("h2", split.capitalize()), tag("p", text[0].upper() + text[1:])]
        for kind, pairs in groups(one):
            more = f", first {SHOWN}" if len(pairs) > SHOWN else ""
            sections.append(tag("h3", f"{kind.capitalize()} ({len(pairs):,}{more})"))
            sections.append(tag("div", *map(_figure, pairs[:SHOWN]), class_="figures"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=GENERATOR),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(markup.STYLE.read_text(encoding="utf-8"))),
    )
    body = tag("body", tag("main", tag("h1", title), *sections))
    return Markup("<!doctype html>\n" + tag("html", head, body, lang="en") + "\n")


def _figure(pair: Pair) -> Markup:
    path, old, new = pair
    limits = params.load("validate", Limits, partial=True)
    uri = thumbnails.of_file(path, limits.pixels)
    image = tag("img", src=uri, alt=path) if uri else tag("span", path, class_="none")
    text = f"{old.predicted} ({old.probability:.2f}) \N{RIGHTWARDS ARROW} "
    is_now = tag("b", new.predicted), f" ({new.probability:.2f})"
    caption = tag("figcaption", text, *is_now, tag("br"), f"true class: {new.label}")
    return tag("figure", image, caption, title=path)


def main() -> None:
    """Prints the comparison, and writes the page."""
    args = parse_args()
    if args.html and args.html.suffix not in (".html", ".htm"):
        raise StageError(f"{args.html}: must end in .html; got {args.html.suffix or 'no ending'}")
    if args.html:
        _replaced.refuse(args.html, force=args.force, mark=GENERATOR.encode())
    after, hash_ = _runs.present(), _runs.commit(args.commit)
    before = _runs.past(hash_)
    found = changes_by_split(before, after)
    print(f"compared with {args.commit} ({hash_[:7]}):")
    for line in lines(before, after, found):
        print(line)
    if args.html:
        with files.atomic_write(args.html) as part:
            text = page(before, after, found, f"{args.commit} ({hash_[:7]})")
            part.write_text(text, encoding="utf-8", newline="\n")
        print(f"\ncompare: -> {args.html.as_posix()}")
