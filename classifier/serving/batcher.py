"""Items of several threads, worked on together."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Calls a function with the items that are waiting, so that it is called less often.

    Args:
        function: from items to their results, in order.
        workers: threads that call it at the same time.
        size: items of a call, at most.
    """

    def __init__(
        self, function: Callable[[Sequence[T]], Sequence[R]], workers: int, size: int
    ) -> None:
        self._function, self._size = function, size
        self._waiting = SimpleQueue[tuple[T, Future[R]]]()
        self._threads = ThreadPoolExecutor(workers)

    def result(self, item: T) -> R:
        """Returns the function's result for an item; may be called from any thread."""
        future = Future[R]()
        self._waiting.put((item, future))
        self._threads.submit(self._work)
        return future.result()

    def close(self) -> None:
        """Ends the threads, after what they work on."""
        self._threads.shutdown(wait=False)

    def _work(self) -> None:
        """Works on the items that wait; those of this turn may be gone already."""
        taken: list[tuple[T, Future[R]]] = []
        with suppress(Empty):
            while len(taken) < self._size:
                taken.append(self._waiting.get_nowait())
        if not taken:
            return
        try:
            results = self._function([item for item, _ in taken])
            for (_, future), result in zip(taken, results, strict=True):
                future.set_result(result)
        except BaseException as error:
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
