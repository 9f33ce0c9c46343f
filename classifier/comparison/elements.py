"""A comparison as HTML, for the report and for the page of `compare`."""

from collections.abc import Callable, Iterator

from classifier.comparison.changes import Pair
from classifier.comparison.comparison import Comparison, groups
from classifier.html.markup import Markup, table, tag


def tables(found: Comparison) -> Markup:
    """Returns the scores of both runs, and the params that differ."""
    parts = [table("Scores", ("score", "before", "after", "difference"), found.score_rows)]
    if found.params:
        rows = ((name, tag("code", old), tag("code", new)) for name, old, new in found.params)
        parts.append(table("Params that differ", ("param", "before", "after"), rows))
    return tag("div", *parts, class_="beside")


def splits(
    found: Comparison, image: Callable[[str], Markup], headings: tuple[str, str]
) -> Iterator[Markup]:
    """Yields the images that changed, split by split.

    Args:
        found: the comparison.
        image: returns the thumbnail of a path.
        headings: elements of the headings of a split, and of a kind of change.
    """
    of_split, of_kind = headings
    for split, one in found.splits.items():
        text = str(one).replace(" %", "\N{NO-BREAK SPACE}%")
        yield tag(of_split, f"{split.capitalize()} images")
        parts = enumerate((text[0].upper() + text[1:]).split("`"))
        yield tag("p", *(tag("code", part) if n % 2 else part for n, part in parts))
        for kind, number, pairs in groups(one):
            some = f"{len(pairs)} of {number:,}" if len(pairs) < number else f"{number:,}"
            yield tag(of_kind, f"{kind.capitalize()} ({some})")
            yield tag("div", *(_figure(pair, image) for pair in pairs), class_="figures")


def _figure(pair: Pair, image: Callable[[str], Markup]) -> Markup:
    old, new = pair
    text = f"{old.predicted} ({old.probability:.2f}) \N{RIGHTWARDS ARROW} "
    is_now = tag("b", new.predicted), f" ({new.probability:.2f})"
    caption = tag("figcaption", text, *is_now, tag("br"), f"true class: {new.label}")
    return tag("figure", image(new.path), caption, title=new.path)
