"""Decoding and forward passes on the machines of a Ray cluster.

This process asks and keeps the results; whatever is lost with a worker, it asks for again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from classifier.common.errors import StageError, warn
from classifier.images.augmentation import View
from classifier.inference import base
from stages.extract import images, ray_worker
from stages.extract.forward import Computed, Decode
from stages.extract.ray_cluster import Cluster, node, one_line
from stages.extract.ray_worker import Answer, Work

ATTEMPTS = 3  # at an image alone whose worker dies; other reasons than the image are rare


@dataclass
class Image:
    """Views of one image to compute."""

    views: list[View]
    content: bytes | None = None  # of its file, once a worker could not read it
    deaths: int = 0  # of workers that had it alone


class RayPool:
    """The frozen network on a Ray cluster, one task per processor core; see `forward.Pool`.

    Workers read the files of images themselves, below the same path as here; once one cannot, the
    content travels with the tasks. What they read must have the hash that `validate` has seen.

    Args:
        folder: of the network, models/base.
        decode: as in `forward.Decode`.
        batch_size: views of a task, at most.
        show: called with the number of workers when it changes.
    """

    def __init__(
        self, folder: Path, decode: Decode, batch_size: int, show: Callable[[str], object]
    ) -> None:
        if base.read_info(folder).engine != "openvino":
            rule = "needs freeze.engine: openvino (or auto without a GPU)"
            raise StageError(f"params.yaml: extract.run_on: ray {rule}")
        self.batch_size = batch_size
        self._folder = folder
        self._decode = partial(decode, root=Path.cwd())
        self._show = show
        self._cluster: Cluster | None = None
        self._errors: list[str] = []
        self._send = False  # content with every task
        self._again: deque[list[Image]] = deque()  # before new ones

    @property
    def place(self) -> str:
        """Returns the number of cores."""
        return f"{self._cluster.cores if self._cluster else 0} cores of a Ray cluster"

    def map(self, groups: Iterable[list[View]], estimate: int) -> Iterator[Computed]:
        """Yields keys and features in any order.

        Raises:
            StageError: a worker must not take part, an image cannot be decoded or ends its worker,
                or the head of the cluster has stopped. What was computed before comes first.
        """
        cluster = self._cluster = self._cluster or Cluster()
        run = cluster.ray.remote(num_cpus=1, max_retries=0)(ray_worker.compute)
        work = cluster.ray.put(self._work())
        tasks: dict[Any, list[Image]] = {}
        cluster.ask()
        new = self._batches(groups, max(1, min(self.batch_size, estimate // cluster.slots)))
        self._show(f"{cluster.cores} workers")
        while True:
            if cluster.ask():
                self._show(f"{cluster.cores} workers")
            while len(tasks) < cluster.slots:
                batch = self._again.popleft() if self._again else next(new, [])
                if not batch:
                    break
                tasks[run.remote(work, [(one.views, one.content) for one in batch])] = batch
            if not tasks:
                break
            for task in cluster.wait(tasks):
                answer = self._answer(task, tasks.pop(task))
                if answer and answer.keys:
                    yield answer.keys, answer.features
        if self._errors:
            raise StageError(*dict.fromkeys(self._errors))

    def _work(self) -> Work:
        files = [path for path in self._folder.iterdir() if not path.name.startswith(base.UPPER)]
        network = {path.name: np.fromfile(path, np.uint8) for path in files}
        return Work(network, self._decode, ray_worker.identity(self._folder))

    def _batches(self, groups: Iterable[list[View]], size: int) -> Iterator[list[Image]]:
        """Yields images with `size` views or a few more; no further ones after an error."""
        batch, count = list[Image](), 0
        for views in groups:
            batch.append(Image(views, images.read(views) if self._send else None))
            count += len(views)
            if count >= size:
                yield batch
                batch, count = [], 0
            if self._errors:
                return
        if batch:
            yield batch

    def _answer(self, task: Any, batch: list[Image]) -> Answer | None:
        """Returns what a task has computed, if anything; what is missing is asked again."""
        assert self._cluster
        ray = self._cluster.ray
        try:
            answer: Answer = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            kind = "" if isinstance(cause, StageError) else f"{type(cause).__name__}: "
            self._errors.append(f"{node(error)}: {kind}{one_line(cause)}")
            return None
        except ray.exceptions.NodeDiedError as error:
            warn(f"{node(error)} has stopped; others compute what it had")
            self._again += [[image] for image in batch]
            return None
        except ray.exceptions.RayError as error:
            memory = isinstance(error, ray.exceptions.OutOfMemoryError)
            self._lost(batch, "it took too much memory" if memory else "it ended its worker")
            return None
        if unread := [batch[position] for position in answer.unread]:
            self._send = True
            for image in unread:
                image.content = images.read(image.views)
            self._again.append(unread)
        return answer

    def _lost(self, batch: list[Image], reason: str) -> None:
        """Asks again, for each image alone, so that one that ends its worker is found."""
        for image in batch:
            image.deaths += len(batch) == 1
            if image.deaths < ATTEMPTS:
                self._again.append([image])
            else:
                self._errors.append(
                    f"{image.views[0].row.path}: crashed ({reason} {ATTEMPTS} times); remove or "
                    "replace it"
                )
