"""Long work shows pictures per second and time left, where somebody looks on."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import Generic, Never, TypeVar

from tqdm import tqdm

T = TypeVar("T")
R = TypeVar("R")


def bar(description: str, total: int | None, unit: str = " pictures") -> "tqdm[Never]":
    """Returns a progress bar with rate and time left; silent when not on a terminal."""
    scaled = unit == "B"
    return tqdm(total=total, desc=description, unit=unit, unit_scale=scaled, disable=None)


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields `size` items at a time; the last group may be smaller."""
    items = iter(items)
    while group := list(islice(items, size)):
        yield group


class Once(Generic[R]):
    """Calls a function once for the same arguments, of the last few, also from many threads.

    Args:
        function: to call.
        size: results to keep.
    """

    def __init__(self, function: Callable[..., R], size: int) -> None:
        self._function = function
        self._size = size
        self._lock = Lock()
        self._kept: OrderedDict[tuple[object, ...], Future[R]] = OrderedDict()

    def __call__(self, *arguments: object) -> R:
        """Returns the function's result; who asks while it is computed waits for it."""
        with self._lock:
            future = self._kept.get(arguments)
            first = future is None
            if future is None:
                future = self._kept[arguments] = Future()
                if len(self._kept) > self._size:
                    self._kept.popitem(last=False)
        if first:
            try:
                future.set_result(self._function(*arguments))
            except BaseException as error:
                future.set_exception(error)
        return future.result()


def ahead(
    function: Callable[[T], R], items: Iterable[T], workers: int, waiting: int
) -> Iterator[R]:
    """Yields `function(item)` in order, computed in threads up to `waiting` items ahead.

    Unlike `Executor.map` it holds no more than `waiting` results, so memory does not grow with
    the number of items.
    """
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= waiting:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
