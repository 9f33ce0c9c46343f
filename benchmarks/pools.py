"""What it costs one process to have features computed on a Ray cluster, and scaling over workers.

    python -m benchmarks.pools --stub --count 200000 --batch 32 128 [--workers 2]
    python -m benchmarks.pools --images DIR --base models/base --workers 1 2

A cluster on 127.0.0.2 and further is started for each row, with nodes of one core. With `--stub`,
workers neither read nor compute: the table is what the process that keeps the cache can do at
most. Its time is that of its processor, with all its threads; its memory is given after a tenth of
the images and after all. With `--images`, the last row is the same work in threads.
"""

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from classifier.cache.features import FeatureCache
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View, view_key
from classifier.images.decode import decode_image
from classifier.inference import base
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino, write
from stages.extract import ray_worker
from stages.extract.forward import FeatureExtractor, Pool
from stages.extract.ray_pool import RayPool
from stages.extract.threads import Threads
from tests.ray_cluster import LocalCluster

SIZE = 2048  # features of an image


def stub_base(folder: Path) -> None:
    """Writes a network that repeats a pixel."""
    ov = openvino()
    ops = ov.opset13
    pixels = ops.parameter([-1, 1, 1, 3], np.uint8)
    flat = ops.reshape(ops.convert(pixels, np.float32), np.array([-1, 3], np.int64), False)
    weights = np.random.default_rng(1).random((3, SIZE), np.float32)
    write(ov.Model([ops.matmul(flat, weights, False, False)], [pixels]), folder / base.NETWORK)
    sizes = ((SIZE,), (SIZE,))
    info = BaseInfo(("mixed10",), "avg", 1, 1, *sizes, "float32", "openvino", "float32", "random")
    base.write_info(folder, info)


def stub_decode(
    views: list[View], content: bytes | None = None, root: Path = Path()
) -> list[np.ndarray]:
    return [np.frombuffer(view.key[:3], np.uint8).reshape(1, 1, 3) for view in views]


def real_decode(
    views: list[View], content: bytes | None = None, root: Path = Path(), *, size: tuple[int, int]
) -> list[np.ndarray]:
    return [decode_image((root / views[0].row.path).read_bytes(), *size).pixels]


def stub_views(count: int) -> Iterator[View]:
    for number in range(count):
        sha256 = hashlib.sha256(number.to_bytes(8, "big")).hexdigest()
        path = f"input/train/class {number % 1000}/{number:09}.jpg"
        yield View(ImageRow(path, "train", "", sha256, 1, 1, "JPEG"), 0, view_key(sha256))


def file_views(folder: Path) -> Iterator[View]:
    for path in sorted(folder.rglob("*.jpg")):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        yield View(ImageRow(str(path), "train", "", sha256, 1, 1, "JPEG"), 0, view_key(sha256))


def measure(name: str, pool: Pool, network: Path, views: Callable[[], Iterator[View]]) -> None:
    """Computes all features and prints a row of the table."""
    me, total, memory, done, store = psutil.Process(), sum(1 for _ in views()), [0.0, 0.0], 0, 0.0

    def on_batch(count: int) -> None:
        nonlocal done, store
        before, done = done, done + count
        if before // (total // 10) < done // (total // 10):
            memory[done > total / 5] = me.memory_info().rss / 2**20
            store = max(store, store_mb(pool))

    with tempfile.TemporaryDirectory() as folder:
        info = base.read_info(network)
        identity = ray_worker.of_machine(network).fingerprint
        cache = FeatureCache(Path(folder), identity, info.feature_shape, info.dtype, "")
        extractor = FeatureExtractor(pool, cache, on_batch)
        for _ in pool.map(([view] for view in views()), 1):  # workers start, and load the network
            break
        started, before = time.perf_counter(), sum(me.cpu_times()[:2])
        extractor.compute_missing(views(), total)
        seconds, cpu = time.perf_counter() - started, sum(me.cpu_times()[:2]) - before
        cache.close()
    print(
        f"| {name} | {total:,} | {total / seconds:,.0f} | {1e6 * cpu / total:.0f} "
        f"| {memory[0]:.0f} | {memory[1]:.0f} | {store:.0f} |",
        flush=True,
    )


def store_mb(pool: Pool) -> float:
    """Returns what the object stores of the cluster hold, in MB."""
    if not isinstance(pool, RayPool):
        return 0.0
    import ray

    name = "object_store_memory"
    return (ray.cluster_resources()[name] - ray.available_resources().get(name, 0.0)) / 1e6


def on_cluster(workers: int, work: Callable[[], None]) -> None:
    """Calls `work` with a cluster of some nodes."""
    cluster = LocalCluster()
    try:
        for number in range(workers):
            cluster.add(f"127.0.0.{3 + number}")
        os.environ |= cluster.environment
        work()
    finally:
        import ray

        ray.shutdown()
        cluster.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stub", action="store_true")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[32])
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--base", type=Path, default=base.FOLDER)
    args = parser.parse_args()
    print(
        "| pool | images | images/s | us of CPU an image | MiB at 10 % | MiB at 100 % | store MB |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        if args.stub:
            network, decode = Path(name), stub_decode
            stub_base(network)
            views: Callable[[], Iterator[View]] = partial(stub_views, args.count)
        else:
            network = args.base.absolute()
            info = base.read_info(network)
            decode = partial(real_decode, size=(info.image_height, info.image_width))
            views = partial(file_views, args.images.absolute())
        for workers in args.workers:
            for batch in args.batch:
                pool = RayPool(network, decode, batch, lambda _: None)
                row = f"Ray, workers {workers}, batch {batch}"
                on_cluster(workers, partial(measure, row, pool, network, views))
        if not args.stub:
            identity = ray_worker.of_machine(network).fingerprint
            threads = Threads(network, identity, decode, args.batch[0], max(args.workers))
            measure(f"{max(args.workers)} threads", threads, network, views)


if __name__ == "__main__":
    main()
