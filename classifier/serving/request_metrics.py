"""Counts of requests and images, in the text format of Prometheus."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

Labels = tuple[tuple[str, str], ...]


class RequestMetrics:
    """Counts since the start of the server; methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = Counter[Labels]()
        self._seconds = Counter[str]()
        self._buckets: dict[str, list[int]] = {}
        self._images = Counter[Labels]()
        self._predictions = Counter[Labels]()

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Counts a request; `path` is one of few, `status` that of its answer."""
        with self._lock:
            self._requests[("path", path), ("status", str(status))] += 1
            self._seconds[path] += seconds  # type: ignore[assignment]
            buckets = self._buckets.setdefault(path, [0] * (len(BUCKETS) + 1))
            buckets[bisect_left(BUCKETS, seconds)] += 1

    def count_image(self, status: str, predicted: str = "") -> None:
        """Counts an image: `ok` with its prediction, or the code of its problem."""
        with self._lock:
            self._images[(("status", status),)] += 1
            if predicted:
                self._predictions[(("predicted", predicted),)] += 1

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Returns all counts, and gauges: by name what they mean, and their value."""
        with self._lock:
            lines = [
                *_counter("requests", "Requests by path and status.", self._requests),
                *self._histogram(),
                *_counter("images", "Images by status: ok, or why not.", self._images),
                *_counter("predictions", "Images by prediction.", self._predictions),
            ]
        for name, (meaning, value) in gauges.items():
            lines += [*_head(name, "gauge", meaning), f"classifier_{name} {value:g}"]
        return "\n".join(lines) + "\n"

    def _histogram(self) -> Iterator[str]:
        name = "request_seconds"
        yield from _head(name, "histogram", "Seconds from the last byte of a request to its answer")
        for path, numbers in sorted(self._buckets.items()):
            total = 0
            for limit, number in zip((*map(str, BUCKETS), "+Inf"), numbers, strict=True):
                total += number
                labels = _labels((("path", path), ("le", limit)))
                yield f"classifier_{name}_bucket{labels} {total}"
            label = _labels((("path", path),))
            yield f"classifier_{name}_sum{label} {self._seconds[path]:.6f}"
            yield f"classifier_{name}_count{label} {total}"


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP classifier_{name} {meaning}", f"# TYPE classifier_{name} {kind}"


def _counter(name: str, meaning: str, counts: Counter[Labels]) -> Iterator[str]:
    yield from _head(f"{name}_total", "counter", meaning)
    for labels, number in sorted(counts.items()):
        yield f"classifier_{name}_total{_labels(labels)} {number}"


def _labels(labels: Labels) -> str:
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    return "{" + ",".join(f'{name}="{text.translate(escapes)}"' for name, text in labels) + "}"
