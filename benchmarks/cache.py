"""The cached features of one network in one file, and in 256: seconds, and memory.

    python -m benchmarks.cache [--rows 200000] [--batch 32]

Writes rows of 2,048 random numbers in batches, looks up all keys and reads all rows, in a random
order and in that of the keys. The first case has one file; in the second, all rows are moved at the
end of writing; in the third, from the start whenever an eighth of the rows is new. Each case is a
process of its own; seconds are of its processor, and in brackets of the clock.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import peak
from classifier.cache.features import FeatureCache
from classifier.common import parallel

NUMBERS = 2048
WINDOW, CHUNK = 4096, 1024  # keys that are looked up, and rows that are read at once
CASES = ("one file", "divided at the end", "divided from the start")


def seconds(work: Callable[[], object]) -> str:
    """Returns the seconds that `work` takes."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return f"{time.process_time() - cpu:.1f} ({time.perf_counter() - clock:.1f})"


def each(work: Callable[[list[bytes]], object], keys: list[bytes], size: int) -> None:
    """Does the work for `size` keys at a time."""
    for some in parallel.batched(keys, size):
        work(some)


def measure(case: str, count: int, batch: int) -> None:
    """Prints a row of the table."""
    keys = [hashlib.sha256(str(number).encode()).digest() + bytes(4) for number in range(count)]
    noise = np.random.default_rng(1).random(count + NUMBERS, np.float32)
    limit = {CASES[0]: 2 * count, CASES[1]: count - 1, CASES[2]: count}[case]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        cache = FeatureCache(Path(folder), "f" * 64, (NUMBERS,), "float32", "", limit=limit)
        if case == CASES[2]:
            cache.path.with_suffix("").mkdir()

        def write(numbers: range) -> None:
            for some in parallel.batched(numbers, batch):
                vectors = np.stack([noise[i : i + NUMBERS] for i in some])
                cache.put([keys[i] for i in some], vectors)

        last = count - count % batch - batch  # the batch after which all rows are moved
        cells = [seconds(lambda: write(range(last))), seconds(lambda: write(range(last, count)))]
        for order in (keys, sorted(keys)):
            cells += [
                seconds(partial(each, cache.has, order, WINDOW)),
                seconds(partial(each, cache.get, order, CHUNK)),
            ]
        cache.close()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.sqlite"))
    print(f"| {case} | {' | '.join(cells)} | {size / (4 * NUMBERS * count):.2f} |", end=" ")


def main() -> None:
    """Measures each case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    print(f"{args.rows:,} rows of {NUMBERS} float32, {args.batch} at a time")
    columns = ("", "write", "last batch", "look up", "read", "look up in order", "read in order")
    columns += ("bytes on disk per byte", "MB")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|", flush=True)
    for case in CASES:
        work = f"from benchmarks import cache; cache.measure({case!r}, {args.rows}, {args.batch})"
        subprocess.run((sys.executable, "-c", work + peak.CODE), check=True)


if __name__ == "__main__":
    main()
