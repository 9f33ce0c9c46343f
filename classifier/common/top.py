"""The first few of many items by a key, with few in memory."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Top(Generic[T]):
    """The `size` items with the lowest keys."""

    def __init__(self, size: int, key: Callable[[T], Any]) -> None:
        self._size, self._key = size, key
        self._items = list[T]()

    def add(self, item: T) -> None:
        """Adds an item."""
        self._items.append(item)
        if len(self._items) >= 8 * self._size:
            self._items = self.items

    @property
    def items(self) -> list[T]:
        """Returns the items, the lowest first."""
        return sorted(self._items, key=self._key)[: self._size]
