"""Notes each request that was answered: in the metrics, and as a line on standard error."""

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from classifier.common.errors import count
from classifier.serving.request_metrics import RequestMetrics
from classifier.serving.writers import printable

OTHER = "other"  # route of a request for none of the paths
_ONE_LINE = Lock()  # at a time


@dataclass(frozen=True)
class Observer:
    """Where requests are noted."""

    metrics: RequestMetrics

    def request(
        self,
        client: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
        route: str = OTHER,
        images: int = 0,
    ) -> None:
        """Notes a request; `route` is one of few paths."""
        self.metrics.count_request(route, status, seconds)
        many = f" {count(images, 'image')}" if images else ""
        self.tell(f"{client} {method} {path} {status}{many} {1000 * seconds:.0f} ms")

    def tell(self, text: str) -> None:
        """Writes a line with the time."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with suppress(OSError, ValueError), _ONE_LINE:  # nobody reads it any more
            sys.stderr.write(f"{when} {printable(text)}\n")  # `print` writes the end by itself
            sys.stderr.flush()
