"""Batches, and work in threads with a bounded number of results waiting."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields lists of `size` items; the last one may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def prefetch_map(
    function: Callable[[T], R], items: Iterable[T], workers: int, prefetch: int
) -> Iterator[R]:
    """Yields `function(item)` in order, computed in threads up to `prefetch` items ahead.

    Unlike `Executor.map` it holds at most `prefetch` results, so memory does not grow with the
    number of items.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        yield from bounded_map(pool, function, items, prefetch)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C must not wait for a slow image


def bounded_map(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], prefetch: int
) -> Iterator[R]:
    """Yields `function(item)` in order, computed in a pool up to `prefetch` items ahead."""
    pending: deque[Future[R]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= prefetch:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
