"""Values of one table for the rows of another, both sorted by path, without either in memory."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def look_up(paths: Iterable[str], rows: Iterable[tuple[str, T]], default: T) -> Iterator[T]:
    """Yields the value of each path; `default` where there is none.

    Args:
        paths: sorted.
        rows: paths, sorted and each once, with their values.
        default: value of a path without a row.
    """
    remaining = iter(rows)
    row = next(remaining, None)
    for path in paths:
        while row and row[0] < path:
            row = next(remaining, None)
        yield row[1] if row and row[0] == path else default
