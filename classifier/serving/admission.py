"""How many requests are worked on at the same time, how many wait, and how many one client has."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class RefusedError(Exception):
    """Why a request is not worked on: a status of HTTP and a sentence; it may be sent again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Capacity:
    """The limits; `per_client` 0 is none."""

    concurrency: int  # requests worked on at the same time
    queue: int  # requests that wait for it
    per_client: int  # requests of one address, both kinds
    patience: float  # seconds that a request waits, at most


class Admission:
    """Lets requests in, in the order in which they came, or refuses them."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._free = threading.Semaphore(capacity.concurrency)
        self._lock = threading.Lock()
        self._clients = Counter[str]()

    @property
    def open(self) -> int:
        """Returns how many requests are worked on or wait."""
        return self._clients.total()

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Waits until there is room for a request, and holds it during the block.

        Raises:
            RefusedError: the queue is full, the client has too many requests, or waited too
                long.
        """
        self._enter(client)
        try:
            if not self._free.acquire(timeout=self._capacity.patience):
                raise RefusedError(503, "the server is too slow for its requests; try later")
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._clients -= Counter([client])

    def _enter(self, client: str) -> None:
        limits = self._capacity
        with self._lock:
            if limits.per_client and self._clients[client] >= limits.per_client:
                rule = f"more than {limits.per_client} requests at once from this address"
                raise RefusedError(429, f"{rule}; try later")
            if self._clients.total() >= limits.concurrency + limits.queue:
                raise RefusedError(503, "too many requests are waiting; try later")
            self._clients[client] += 1
