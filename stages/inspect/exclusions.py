"""Which training images the params of `inspect` exclude, and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from classifier.common.errors import StageError, count
from classifier.dataset.manifest import ImageRow


def exclusion_reasons(
    images: Iterable[tuple[ImageRow, Sequence[str]]], dropped: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yields the path of each image to exclude, and the most severe finding that excludes it.

    Only training images are excluded.

    Args:
        images: all images, each with the kinds of findings about it, most serious first.
        dropped: the findings for which images are excluded, and the param behind each.

    Raises:
        StageError: in the end, if a class is left with fewer than two different images.
    """
    remaining: defaultdict[str, set[str]] = defaultdict(set)
    params: defaultdict[str, set[str]] = defaultdict(set)
    for row, kinds in images:
        if row.split != "train":
            continue
        if reason := next((kind for kind in kinds if kind in dropped), ""):
            params[row.label].add(f"inspect.{dropped[reason]}")
            yield row.path, reason
        elif len(remaining[row.label]) < 2:
            remaining[row.label].add(row.sha256)
    errors = [
        f"params.yaml: {' and '.join(sorted(names))} must leave each class two different images; "
        f"got {count(len(remaining[label]), 'image')} of {label}: set it to false, or add images"
        for label, names in sorted(params.items())
        if len(remaining[label]) < 2
    ]
    if errors:
        raise StageError(*errors)
