"""The page and the JSON service under load and under attack, as tables.

    python -m benchmarks.service --project DIR --images DIR [--clients] [--attacks] [--rows 10000]

DIR is a project after `dvc repro`, whose page is started; its code may be that of another version.
Requests carry one of the JPEGs in --images each, and get JSON.

--clients: 1, 8 and 32 clients against the same classifier without HTTP: one image after the other
for 1 client, else `Classifier.predict`, which has batches of 4. Both classify the same images in
turns, --rounds times; the medians are listed. Processor time is that of the page, its worker
processes included, without the clients.

--attacks: what is sent beside ordinary requests: a bomb (a JPEG of 3,000 scans); 100 clients that
send half a request and then nothing; 200 requests at once.

--rows: that many images one after the other, each of another content. Memory is that of the page
and its worker processes.
"""

import argparse
import http.client
import itertools
import json
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.hostile import scan_bomb

SECONDS = 300  # to wait for an answer
CHUNK = 40  # images of a turn
IN_PROCESS = """
import json, sys
from pathlib import Path
from classifier.serving import models
from classifier.serving.classifier import Classifier
from classifier.serving.inputs import ImageSource

classifier = Classifier(models.load(None), models.limits(None))
for line in sys.stdin:
    at_once, paths = json.loads(line)
    sources = [ImageSource(path) for path in paths]
    if at_once > 1:
        list(classifier.predict(sources))
    else:
        for source in sources:
            classifier.predict_batch([classifier.load(source)])
    print("done", flush=True)
classifier.close()
"""
HEADER = "Content-Type: multipart/form-data; boundary=x\r\n"
Answer = tuple[int, float]  # status, 0 without one; seconds


def form(image: bytes) -> bytes:
    field = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    return field + image + b"\r\n--x--\r\n"


def tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    times = [one.cpu_times() for one in tree(pid)]
    return sum(one.user + one.system for one in times)


class InProcess:
    """The classifier of a project without HTTP, in a process of its own."""

    def __init__(self, project: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", IN_PROCESS],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, at_once: int, paths: Sequence[Path]) -> None:
        assert self._process.stdin and self._process.stdout
        print(json.dumps([at_once, list(map(str, paths))]), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "done\n"

    def seconds(self) -> float:
        return cpu_seconds(self._process.pid)

    def close(self) -> None:
        self._process.communicate()


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
        return sum(one.memory_info().rss for one in tree(self._process.pid)) / 1e6

    def seconds(self) -> float:
        return cpu_seconds(self._process.pid)

    def close(self) -> None:
        self._process.terminate()  # Ctrl-C is ignored where this runs in the background
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


def clients(project: Path, paths: list[Path], rounds: int) -> None:
    """Prints the page beside the classifier without HTTP."""
    page, alone = Page(project), InProcess(project)
    source = itertools.cycle(paths)

    def over_http(at_once: int, some: list[Path]) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            answers = list(pool.map(page.post, [path.read_bytes() for path in some]))
        assert {status for status, _ in answers} == {200}

    print("| clients | images/s | in process | ratio | CPU ms | in process | ratio |")
    print("|---" * 7 + "|")
    try:
        for at_once in (1, 8, 32):
            rows = []
            for number in range(rounds + 1):
                some, row = list(itertools.islice(source, CHUNK)), []
                for one, run in ((page, over_http), (alone, alone.run)):
                    cpu, started = one.seconds(), time.perf_counter()
                    run(at_once, some)
                    row += [time.perf_counter() - started, one.seconds() - cpu]
                rows += [row] * (number > 0)  # the first one warms up
            wall, cpu, wall_alone, cpu_alone = map(statistics.median, zip(*rows, strict=True))
            ratio = statistics.median(row[2] / row[0] for row in rows)
            cpu_ratio = statistics.median(row[3] / row[1] for row in rows)
            cells = f"{CHUNK / wall:.1f} | {CHUNK / wall_alone:.1f} | {ratio:.2f}"
            times = f"{1000 * cpu / CHUNK:.1f} | {1000 * cpu_alone / CHUNK:.1f} | {cpu_ratio:.2f}"
            print(f"| {at_once} | {cells} | {times} |", flush=True)
    finally:
        page.close()
        alone.close()


def attacks(project: Path, images: list[bytes]) -> None:
    """Prints how ordinary requests fare beside others."""
    page, source = Page(project), itertools.cycle(images)

    def load(name: str, count: int, at_once: int = 1) -> None:
        before, started = page.megabytes(), time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            answers = list(pool.map(page.post, itertools.islice(source, count)))
        row(name, page, before, answers, time.perf_counter() - started)

    times = "median ms | 99 % ms | longest ms"
    print(f"| scenario | answered | {times} | requests/s | MB before | MB after |")
    print("|---" * 8 + "|")
    try:
        load("first requests", 20)
        load("200 at once", 200, 200)
        with slow_clients(page):
            load("beside 100 slow clients", 20)
        with bomb(page):
            load("beside a bomb", 20)
    finally:
        page.close()


def in_a_row(project: Path, images: list[bytes], rows: int) -> None:
    """Prints the memory of the page while it answers many requests."""
    page, source = Page(project), itertools.cycle(images)
    print("| requests | MB |\n|---|---|", flush=True)
    try:
        for number in range(rows + 1):
            if number in (0, 10, 100) or number % 1000 == 0:
                print(f"| {number:,} | {page.megabytes():,.0f} |", flush=True)
            image = next(source) + number.to_bytes(4, "big")  # decoders ignore what follows it
            assert number == rows or page.post(image)[0] == 200
    finally:
        page.close()


def main() -> None:
    """Measures the page of a project."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--clients", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--attacks", action="store_true")
    parser.add_argument("--rows", type=int, default=0)
    args = parser.parse_args()
    paths = sorted(args.images.resolve().rglob("*.jpg"))[:200]
    images = [path.read_bytes() for path in paths]
    if args.clients:
        clients(args.project, paths, args.rounds)
    if args.attacks:
        attacks(args.project, images)
    if args.rows:
        in_a_row(args.project, images, args.rows)


if __name__ == "__main__":
    main()
