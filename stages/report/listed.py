"""The few of many items that the page shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Listed(Generic[T]):
    """How many items there are of each kind, and some of them, in order."""

    counts: Counter[str]
    shown: Sequence[T]

    @classmethod
    def of(cls, items: Iterable[T], kind: Callable[[T], str], per_kind: int) -> "Listed[T]":
        """Returns the first `per_kind` items of each kind."""
        counts, shown = Counter[str](), list[T]()
        for item in items:
            name = kind(item)
            counts[name] += 1
            if counts[name] <= per_kind:
                shown.append(item)
        return cls(counts, shown)
