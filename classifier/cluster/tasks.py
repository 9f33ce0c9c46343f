"""Batches of work for the machines of a Ray cluster: what is lost with one is asked for again."""

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from classifier.cluster.connection import Cluster, node, one_line
from classifier.common.errors import StageError, warn

ATTEMPTS = 3  # at an item alone whose worker dies; other reasons than the item are rare

T = TypeVar("T")
S = TypeVar("S")
A = TypeVar("A")


@dataclass
class _Attempt(Generic[T]):
    item: T
    deaths: int = 0  # of workers that had it alone


class Tasks(Generic[T, A]):
    """A function that runs on the workers, one task per processor core.

    Args:
        cluster: where.
        function: called with `shared` and the items of a batch.
        shared: what all tasks need; sent once to each machine.
        show: called with the number of workers when it changes.
        on_lost: called with an item that ended ATTEMPTS workers, and how.

    Attributes:
        errors: to be raised once all that was asked for has come.
    """

    def __init__(
        self,
        cluster: Cluster,
        function: Callable[[S, list[T]], A],
        shared: S,
        show: Callable[[str], object],
        on_lost: Callable[[T, str], object],
    ) -> None:
        self.errors: list[str] = []
        self._cluster = cluster
        options = {"num_cpus": 1, "max_retries": 0, "enable_task_events": False}
        self._remote = cluster.ray.remote(**options)(_run)
        self._work = cluster.ray.put((function, shared))
        self._show = show
        self._on_lost = on_lost
        self._again: deque[list[_Attempt[T]]] = deque()  # before new ones

    def again(self, items: list[T]) -> None:
        """Asks for items once more."""
        self._again.append([_Attempt(item) for item in items])

    def map(self, batches: Iterator[list[T]]) -> Iterator[tuple[list[T], A]]:
        """Yields items and what the function returned for them, in any order.

        Raises:
            StageError: a task has failed, or the head of the cluster has stopped. What was computed
                before comes first.
        """
        cluster = self._cluster
        tasks: dict[Any, list[_Attempt[T]]] = {}
        self._show(f"{cluster.cores} workers")
        while True:
            if cluster.ask():
                self._show(f"{cluster.cores} workers")
            while len(tasks) < cluster.slots and (batch := self._next(batches)):
                items = _pickled([one.item for one in batch])
                tasks[self._remote.remote(self._work, items)] = batch
            if not tasks:
                break
            for task in cluster.wait(tasks):
                batch = tasks.pop(task)
                if answer := self._answer(task, batch):
                    yield [one.item for one in batch], answer[0]
        if self.errors:
            raise StageError(*dict.fromkeys(self.errors))

    def _next(self, batches: Iterator[list[T]]) -> list[_Attempt[T]]:
        """Returns what to ask for next; nothing new after an error."""
        if self._again:
            return self._again.popleft()
        return [] if self.errors else [_Attempt(item) for item in next(batches, [])]

    def _answer(self, task: Any, batch: list[_Attempt[T]]) -> tuple[A] | None:
        ray = self._cluster.ray
        try:
            return (pickle.loads(ray.get(task)),)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            kind = "" if isinstance(cause, StageError) else f"{type(cause).__name__}: "
            self.errors.append(f"{node(error)}: {kind}{one_line(cause)}")
        except ray.exceptions.NodeDiedError as error:
            warn(f"{node(error)} has stopped; others compute what it had")
            self._again += [[one] for one in batch]
        except ray.exceptions.RayError as error:
            memory = isinstance(error, ray.exceptions.OutOfMemoryError)
            self._lost(batch, "it took too much memory" if memory else "it ended its worker")
        return None

    def _lost(self, batch: list[_Attempt[T]], reason: str) -> None:
        """Asks again, for each item alone, so that one that ends its worker is found."""
        for one in batch:
            one.deaths += len(batch) == 1
            if one.deaths < ATTEMPTS:
                self._again.append([one])
            else:
                self._on_lost(one.item, f"{reason} {ATTEMPTS} times")


def _pickled(value: object) -> bytes:
    """Returns what Ray's own, slower pickling would send."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _run(work: tuple[Callable[[S, list[T]], object], S], items: bytes) -> bytes:
    """Returns the answer of the function, pickled."""
    function, shared = work
    return _pickled(function(shared, pickle.loads(items)))
