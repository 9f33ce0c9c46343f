"""The page and the JSON service under load and under attack, as a table.

    python -m benchmarks.service --project DIR --images DIR [--rows 10000]

DIR is a project after `dvc repro`, whose page is started; its code may be that of another version.
Ordinary requests carry one of the JPEGs in --images each, and get JSON. First the same classifier
without HTTP, as `classify` uses it; then 1, 8 and 32 clients. Beside further ones, one after the
other: a bomb (a JPEG of 3,000 scans); 100 clients that send half a request and then nothing; 200
requests at once; --rows requests in a row. Memory is that of the page and its worker processes.
"""

import argparse
import http.client
import itertools
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.hostile import scan_bomb

SECONDS = 300  # to wait for an answer
IN_PROCESS = """
import sys, time
from pathlib import Path
from classifier.serving import models
from classifier.serving.classifier import Classifier
from classifier.serving.inputs import ImageSource

classifier = Classifier(models.load(None), models.limits(None))
sources = [ImageSource(path) for path in sys.argv[1:]]
list(classifier.predict(sources[:20]))
started = time.perf_counter()
number = len(list(classifier.predict(sources)))
print(number / (time.perf_counter() - started))
classifier.close()
"""
HEADER = "Content-Type: multipart/form-data; boundary=x\r\n"
Answer = tuple[int, float]  # status, 0 without one; seconds


def form(image: bytes) -> bytes:
    field = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    return field + image + b"\r\n--x--\r\n"


class Page:
    """The page of a project, while it runs."""

    def __init__(self, project: Path) -> None:
        command = [sys.executable, "-m", "classifier", "serve", "--port", "0"]
        self._process = subprocess.Popen(
            command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        found = re.search(r"127\.0\.0\.1:(\d+)", self._process.stdout.readline())
        assert found, "the page does not start"
        self.port = int(found[1])

    def post(self, image: bytes) -> Answer:
        started = time.perf_counter()
        try:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
            headers = dict([HEADER.strip().split(": ")])
            client.request("POST", "/classify", form(image), headers)
            answer = client.getresponse()
            answer.read()
            client.close()
            return answer.status, time.perf_counter() - started
        except OSError:
            return 0, time.perf_counter() - started

    def megabytes(self) -> float:
        process = psutil.Process(self._process.pid)
        all_processes = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in all_processes) / 1e6

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)


@contextmanager
def bomb(page: Page) -> Iterator[None]:
    """A bomb is sent before the block, and not waited for."""
    data = scan_bomb(4000, 3000)
    threading.Thread(target=page.post, args=(data,), daemon=True).start()
    time.sleep(1)
    yield


@contextmanager
def slow_clients(page: Page) -> Iterator[None]:
    """50 clients have sent half a header before the block, and 50 half a body."""
    clients = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(100)]
    header = f"POST /classify HTTP/1.1\r\nHost: 127.0.0.1\r\n{HEADER}"
    for number, client in enumerate(clients):
        client.sendall((header + "Content-Length: 1000\r\n\r\n" * (number % 2)).encode())
    time.sleep(1)
    yield
    for client in clients:
        client.close()


def row(name: str, page: Page, before: float, answers: list[Answer], seconds: float) -> None:
    times = sorted(1000 * time for _, time in answers)
    cells = [
        name,
        f"{sum(status == 200 for status, _ in answers):,} of {len(answers):,}",
        f"{statistics.median(times):,.0f}",
        f"{times[int(0.99 * len(times))]:,.0f}",
        f"{times[-1]:,.0f}",
        f"{len(answers) / seconds:.1f}",
        f"{before:,.0f}",
        f"{page.megabytes():,.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def in_process(project: Path, paths: list[Path]) -> None:
    """Prints how many images per second the classifier takes without HTTP."""
    command = [sys.executable, "-c", IN_PROCESS, *map(str, paths)]
    done = subprocess.run(command, cwd=project, stdout=subprocess.PIPE, text=True, check=True)
    print(f"| in process | {len(paths):,} | | | | {float(done.stdout):.1f} | | |", flush=True)


def measure(project: Path, images: list[bytes], rows: int) -> None:
    page, source = Page(project), itertools.cycle(images)

    def load(name: str, count: int, at_once: int = 1) -> None:
        before, started = page.megabytes(), time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            answers = list(pool.map(page.post, itertools.islice(source, count)))
        row(name, page, before, answers, time.perf_counter() - started)

    try:
        load("first requests", 20)
        for clients in (1, 8, 32):
            load(f"{clients} clients" if clients > 1 else "1 client", 400, clients)
        load("200 at once", 200, 200)
        with slow_clients(page):
            load("beside 100 slow clients", 20)
        load(f"{rows:,} in a row", rows)
        with bomb(page):
            load("beside a bomb", 20)
    finally:
        page.close()


def main() -> None:
    """Measures the page of a project."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000)
    args = parser.parse_args()
    paths = sorted(args.images.resolve().rglob("*.jpg"))[:200]
    times = "median ms | 99 % ms | longest ms"
    print(f"| scenario | answered | {times} | requests/s | MB before | MB after |")
    print("|---" * 8 + "|")
    in_process(args.project, 2 * paths)
    measure(args.project, [path.read_bytes() for path in paths], args.rows)


if __name__ == "__main__":
    main()
